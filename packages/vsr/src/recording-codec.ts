import { type Decoded, decoded, PrepareHeader, peekPrepareHeader, refused } from '@vireo/protocol';
import type { ReplicaConfig } from './core.ts';
import { initialState } from './initial-state.ts';
import { bytesLeftOut, HeaderOnly, type ReplicaRecording, replicaCalls } from './recording.ts';
import type { ReplicaState } from './replica-state.ts';

/** What JSON has no form for is an object with one field of these names. */
const tags = { bytes: '$bytes', header: '$header', map: '$map', number: '$number' } as const;
/** Bytes of all bodies together that a file may ask for. */
const BODIES_MAX = 512 * 1024 * 1024;
/** Deeper than any state or message, and shallow enough for the stack: a file may nest as it likes. */
const DEPTH_MAX = 40;

/** The recording as plain JSON values, for a dump. */
export function encodeRecording({ config, state, calls }: ReplicaRecording): unknown {
  return encode({ config, state, calls });
}

/** A recording from a file; whatever is there, the answer is a recording of the right form or what is wrong. */
export function decodeRecording(value: unknown): Decoded<ReplicaRecording> {
  let plain: unknown;
  try {
    plain = new Decoder().decode(value, 0);
  } catch (error) {
    if (error instanceof Damage) return corrupt(error.message);
    throw error;
  }
  if (!isObject(plain)) return corrupt('it is not an object');
  const { config, state, calls } = plain;
  const problem =
    configProblem(config) ?? stateProblem(config as ReplicaConfig, state) ?? callsProblem(calls);
  return problem === null ? decoded(plain as unknown as ReplicaRecording) : corrupt(problem);
}

class Damage extends Error {}

function corrupt(message: string): Decoded<never> {
  return refused('corruptPayload', `the recording can not be used: ${message}`);
}

function encode(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return { [tags.number]: String(value) };
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(encode);
  if (value instanceof Map)
    return { [tags.map]: [...value].map(([key, each]) => [encode(key), encode(each)]) };
  if (value instanceof HeaderOnly) {
    const bytes = value.bytes.toString('base64');
    return { header: { [tags.header]: bytes }, bytes: { [tags.bytes]: bytes } };
  }
  if (value instanceof PrepareHeader) return { [tags.header]: value.bytes.toString('base64') };
  if (Buffer.isBuffer(value)) return { [tags.bytes]: value.toString('base64') };
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, encode(each)]));
}

class Decoder {
  #room = BODIES_MAX;

  decode(value: unknown, depth: number): unknown {
    if (depth > DEPTH_MAX) throw new Damage('it is nested too deeply');
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((each) => this.decode(each, depth + 1));
    const entries = Object.entries(value);
    const [first] = entries;
    if (entries.length === 1 && first?.[0].startsWith('$') === true)
      return this.#tagged(first[0], first[1], depth);
    const object: Record<string, unknown> = {};
    for (const [name, each] of entries) {
      if (name === '__proto__') throw new Damage('a field has the name __proto__');
      object[name] = this.decode(each, depth + 1);
    }
    return this.#withBody(object);
  }

  /** Zeros in place of a body that was left out. */
  #withBody(object: Record<string, unknown>): Record<string, unknown> {
    const missing = bytesLeftOut(object);
    if (missing === 0) return object;
    if (!Number.isSafeInteger(missing) || missing < 0 || missing > this.#room)
      throw new Damage(`its bodies are larger than ${BODIES_MAX} bytes`);
    this.#room -= missing;
    return { ...object, bytes: Buffer.concat([object.bytes as Buffer, Buffer.alloc(missing)]) };
  }

  #tagged(tag: string, value: unknown, depth: number): unknown {
    if (tag === tags.number) return Number(value);
    if (tag === tags.map) {
      if (!Array.isArray(value)) throw new Damage('a map has no list of entries');
      return new Map(
        value.map((entry) => {
          if (!Array.isArray(entry) || entry.length !== 2) throw new Damage('an entry of a map is no pair');
          return [this.decode(entry[0], depth + 1), this.decode(entry[1], depth + 1)];
        }),
      );
    }
    if (typeof value !== 'string') throw new Damage(`${tag} is not a text`);
    const bytes = Buffer.from(value, 'base64');
    if (tag === tags.bytes) return bytes;
    if (tag !== tags.header) throw new Damage(`the tag ${tag} is not known`);
    const header = peekPrepareHeader(bytes);
    if (!header.ok) throw new Damage(header.error.message);
    return header.value;
  }
}

function configProblem(config: unknown): string | null {
  if (!isObject(config)) return 'config is not an object';
  const { members, self, timeouts } = config;
  if (!Array.isArray(members) || !members.every(Number.isSafeInteger) || !members.includes(self))
    return 'config.members is not a list of nodes with config.self among them';
  for (const name of ['group', 'epoch', 'self', 'startCounter', 'pipeline', 'queueMax', 'digestEvery']) {
    if (!Number.isSafeInteger(config[name])) return `config.${name} is not an integer`;
  }
  return isObject(timeouts) ? null : 'config.timeouts is not an object';
}

/** The state must have every field that a state has in this version, of the same kind. */
function stateProblem(config: ReplicaConfig, state: unknown): string | null {
  if (!isObject(state)) return 'state is not an object';
  const zero = { u32: () => 0, below: () => 0, fork: () => zero };
  const checkpoint = { op: 0, checksum: '', timestamp: 0, mode: 'disk', lossEpoch: 0 } as const;
  const recovery = { record: null, checkpoint, entries: [], headLost: false, salvaged: [] };
  const template: ReplicaState = initialState(config, recovery, zero);
  for (const [name, wanted] of Object.entries(template)) {
    if (!Object.hasOwn(state, name)) return `state.${name} is missing: another version wrote it`;
    const found = state[name];
    // What is null at first may be anything later, and the other way round.
    if (wanted !== null && found !== null && kindOf(found) !== kindOf(wanted))
      return `state.${name} is not a ${kindOf(wanted)}`;
  }
  return null;
}

function callsProblem(calls: unknown): string | null {
  if (!Array.isArray(calls)) return 'calls is not a list';
  for (const [index, call] of calls.entries()) {
    if (!isObject(call)) return `call ${index} is not an object`;
    if (!(replicaCalls as readonly unknown[]).includes(call.call)) return `call ${index} is of no known kind`;
    if ((call.call === 'step') !== isObject(call.event)) return `call ${index} has no event, or one too many`;
    if (isObject(call.event) && typeof call.event.type !== 'string')
      return `the event of call ${index} has no type`;
    if (!Number.isSafeInteger(call.depth)) return `call ${index} has no depth`;
    if (!Array.isArray(call.answers)) return `call ${index} has no list of answers`;
  }
  return null;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return value instanceof Map ? 'map' : typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}
