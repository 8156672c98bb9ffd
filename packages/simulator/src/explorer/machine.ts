import { createHash } from 'node:crypto';
import { type Checksums, PREPARE_HEADER_SIZE, PrepareKind } from '@vireo/protocol';
import {
  type ClientRequest,
  DEFAULT_TIMEOUTS,
  type Random,
  type ReplicaConfig,
  type ReplicaWorld,
  type StateMachine,
} from '@vireo/vsr';
import { MEMBERS } from './bounds.ts';

/** The surroundings of an explored replica: all of it the same for equal states, so that a step is a function. */

/** Keeps nothing: what was applied is told by commitMin. */
export const machine: StateMachine = {
  admit: () => ({
    type: 'prepare',
    context: { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 },
  }),
  prepared: () => {},
  rebuildHead: () => {},
  nextOffset: () => 0,
  apply: () => null,
  snapshot: () => Buffer.alloc(0),
  restore: () => {},
};

const checksums: Checksums = {
  crc32: () => 0,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

/** Jitter makes no difference where timers fire at any time. */
const random: Random = { u32: () => 0, below: () => 0, fork: () => random };

export const world: ReplicaWorld = {
  clock: { monotonicMs: () => 0, wallMicros: () => 0 },
  random,
  checksums,
};

/** No limit is ever reached within the bounds of a search. */
export const configs: readonly ReplicaConfig[] = MEMBERS.map((self) => ({
  group: 1,
  epoch: 0,
  members: MEMBERS,
  self,
  startCounter: 1,
  pipeline: 16,
  pipelineBytes: 1 << 20,
  queueMax: 1,
  queueBytesMax: 1 << 20,
  timeouts: DEFAULT_TIMEOUTS,
  coldStart: 'wait',
  digestEvery: Number.MAX_SAFE_INTEGER,
}));

/** The `value`-th client op: one byte that tells it from the others. */
export function requestOf(value: number): ClientRequest {
  const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + 1);
  bytes[PREPARE_HEADER_SIZE] = value;
  return { id: value, kind: PrepareKind.metadata, bytes, context: null };
}
