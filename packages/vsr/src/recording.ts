import { PREPARE_HEADER_SIZE, type Prepare, PrepareHeader } from '@vireo/protocol';
import type { ReplicaConfig } from './core.ts';
import type { Message } from './message.ts';
import type { ReplicaEvent } from './replica-events.ts';
import type { ReplicaState } from './replica-state.ts';
import type { Admission, ClientRequest } from './state-machine.ts';

/** The calls by which an adapter drives a replica. */
export const replicaCalls = ['step', 'settle', 'abdicate', 'halt', 'seal'] as const;
export type ReplicaCall = (typeof replicaCalls)[number];

/** What clock, random stream, checksums and state machine answered in a call, in the order of the questions. */
export type RecordedAnswer = number | string | Admission;

export interface RecordedCall {
  readonly call: ReplicaCall;
  /** Of `step` only. */
  readonly event: ReplicaEvent | null;
  /** 0; above: made by an effect of the call before it, before that call had ended. */
  readonly depth: number;
  readonly answers: readonly RecordedAnswer[];
}

/**
 * The latest part of a replica's life: where it stood, and every call since with what was answered from outside. The same
 * code goes through the same steps again. Bodies of ops are left out, for replication does not read them.
 */
export interface ReplicaRecording {
  readonly config: ReplicaConfig;
  /** Before the first of the calls. */
  readonly state: ReplicaState;
  readonly calls: readonly RecordedCall[];
}

/** Prepares up to this size are kept whole: replication reads the bodies of a few kinds of its own, all shorter. */
const WHOLE_PREPARE_MAX = PREPARE_HEADER_SIZE + 64;

/** Where nothing but "there was one" matters: what a client is told is opaque to replication. */
const OPAQUE = 'recorded';

export function copyEvent(event: ReplicaEvent): ReplicaEvent {
  switch (event.type) {
    case 'message':
      return keepsBuffers(event.message) ? { ...event, message: copyMessage(event.message) } : event;
    case 'request':
      return { type: 'request', request: copyRequest(event.request) };
    case 'loaded':
      return { type: 'loaded', token: event.token, prepares: event.prepares.map(copyPrepare) };
    default:
      return event;
  }
}

const WITHOUT_BUFFERS: ReadonlySet<Message['type']> = new Set([
  'prepareOk',
  'commit',
  'ping',
  'pong',
  'readIndex',
  'readIndexOk',
  'getPrepare',
]);

/** Of most messages nothing has to be copied: nobody writes to them, and they are small. */
function keepsBuffers({ type }: Message): boolean {
  return !WITHOUT_BUFFERS.has(type);
}

function copyMessage(message: Message): Message {
  return message.type === 'prepare' ? { ...message, prepare: copyPrepare(message.prepare) } : copy(message);
}

export function copyAnswer(answer: RecordedAnswer): RecordedAnswer {
  if (typeof answer !== 'object') return answer;
  return answer.type === 'prepare' ? answer : { ...answer, reply: OPAQUE };
}

export function copyState(state: ReplicaState): ReplicaState {
  const { queue, waiters, ...rest } = state;
  const copied = copy(rest);
  return {
    ...copied,
    queue: queue.map(copyRequest),
    waiters: new Map(
      [...waiters].map(([op, waiting]) => [
        op,
        waiting.map(({ requestId, reply }) => ({ requestId, reply: reply === null ? null : OPAQUE })),
      ]),
    ),
  };
}

/** The prepare with its header alone; nothing of the large Buffer is held, and a small one may lie in a large frame. */
function copyPrepare(prepare: Prepare): Prepare {
  if (prepare.bytes.length <= WHOLE_PREPARE_MAX) {
    const bytes = Buffer.from(prepare.bytes);
    const { checksum, parent } = prepare.header;
    return { header: new PrepareHeader(bytes.subarray(0, PREPARE_HEADER_SIZE), checksum, parent), bytes };
  }
  return new HeaderOnly(Buffer.from(prepare.header.bytes)) as unknown as Prepare;
}

/** Stands for a prepare in a recording until that is encoded: most are overwritten before anybody looks at them. */
export class HeaderOnly {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

function copyHeader(header: PrepareHeader): PrepareHeader {
  return new PrepareHeader(Buffer.from(header.bytes), header.checksum, header.parent);
}

/** A request without bytes: its context states how many there were. What `admit` saw of it is among the answers. */
function copyRequest({ id, kind, bytes, flags, duplicatesOnly }: ClientRequest): ClientRequest {
  return { id, kind, bytes: NO_BYTES, context: bytes.length, flags, duplicatesOnly };
}
const NO_BYTES = Buffer.alloc(0);

/** A deep copy of plain data. */
function copy<Value>(value: Value): Value {
  return copyValue(value) as Value;
}

function copyValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyValue);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, copyValue(each)]));
  if (value instanceof PrepareHeader) return copyHeader(value);
  if (Buffer.isBuffer(value)) return value;
  if (isPrepare(value)) return copyPrepare(value);
  const copied: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value)) copied[name] = copyValue(each);
  return copied;
}

/** What a recording has of a body it has left out: how many bytes a prepare or a request must get back. */
export function bytesLeftOut(value: object): number {
  if (isPrepare(value)) return Math.max(0, value.header.size - value.bytes.length);
  const { bytes, context } = value as Partial<ClientRequest>;
  return Buffer.isBuffer(bytes) && bytes.length === 0 && typeof context === 'number' ? context : 0;
}

function isPrepare(value: object): value is Prepare {
  const { header, bytes } = value as Partial<Prepare>;
  return header instanceof PrepareHeader && Buffer.isBuffer(bytes);
}
