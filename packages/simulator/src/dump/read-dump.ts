import { decodeRecording, type ReplicaRecording } from '@vireo/vsr';
import { type Check, either, integer, isObject, listOf, object, text } from '../schedule/checks.ts';

/** Of `packages/node/src/dump.ts`. */
const dumpFormat = 2;
/** Characters of a file that is read at all: a thousand calls with their headers are some megabytes. */
const fileMax = 256 * 1024 * 1024;

/** An event that went into a node's core; −1: has no such number. */
interface NodeEvent {
  readonly name: string;
  readonly timeMs: number;
  readonly first: number;
  readonly second: number;
}

/** What a node wrote down when it broke a promise to itself. */
export interface Dump {
  readonly time: string;
  readonly node: number;
  readonly runtime: string;
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string } | null;
  /** The error as printed, with what it carried. */
  readonly details: string;
  readonly stats: string;
  readonly events: readonly NodeEvent[];
  readonly recording: ReplicaRecording | null;
  /** Why the calls into the replica can not be gone through, when the file has any. */
  readonly recordingProblem: string | null;
}

const anything: Check = () => null;
const anyText: Check = (value, where) => (typeof value === 'string' ? null : `${where} is not a text`);
const nothing: Check = (value, where) => (value === null ? null : `${where} is not null`);
const number: Check = (value, where) => (typeof value === 'number' ? null : `${where} is not a number`);

const dumpCheck = object({
  format: integer(dumpFormat, dumpFormat),
  time: text,
  node: integer(0, Number.MAX_SAFE_INTEGER),
  pid: number,
  runtime: text,
  error: either(nothing, object({ name: anyText, message: anyText, 'stack?': anyText })),
  details: anyText,
  stats: anyText,
  events: listOf(object({ name: anyText, timeMs: number, first: number, second: number }), 100_000),
  'recording?': anything,
});

/** The dump that a file holds; a text says what is wrong with it. */
export function readDump(content: string): Dump | string {
  if (content.length > fileMax) return `the file is longer than ${fileMax} characters`;
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    return `the file is cut off or is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  const problem = dumpCheck(value, 'dump');
  if (problem !== null) return problem;
  const { recording, ...rest } = value as Omit<Dump, 'recording' | 'recordingProblem'> & {
    recording?: unknown;
  };
  if (recording === undefined || recording === null)
    return { ...rest, recording: null, recordingProblem: null };
  // The node notes a text when it could not even read its own calls.
  if (!isObject(recording)) return { ...rest, recording: null, recordingProblem: String(recording) };
  const decoded = decodeRecording(recording);
  return decoded.ok
    ? { ...rest, recording: decoded.value, recordingProblem: null }
    : { ...rest, recording: null, recordingProblem: decoded.error.message };
}
