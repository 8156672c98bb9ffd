import { Prng } from '../world/prng.ts';
import type { DiskProfile } from '../world/sim-disk.ts';
import type { NetworkProfile } from '../world/sim-network.ts';
import { drawFaults, type Fault } from './faults.ts';

/** Everything about a run that is drawn before it starts. Times in µs. */
export interface Profile {
  readonly seed: number;
  readonly nodes: number;
  readonly partitions: number;
  readonly producers: number;
  readonly consumers: number;
  /** Produce requests of all producers together. */
  readonly produceRequests: number;
  readonly network: NetworkProfile;
  readonly disk: DiskProfile;
  /** Of one file of each node's journal ring. */
  readonly journalFileBytes: number;
  readonly clockDriftPpmMax: number;
  readonly clockOffsetMicrosMax: number;
  /** A turn begins so long after the event that woke the node. */
  readonly turnDelayMean: number;
  /** Most events taken in one turn. */
  readonly turnEventsMax: number;
  readonly faults: readonly Fault[];
  /** Faults and workload are spread over this time after the topic exists. */
  readonly duration: number;
}

const KiB = 1024;

/** Faults of every run. */
const faultCount = 20;

/**
 * Five nodes in every fourth run: some defects need two replicas that lag (acks of an older view counted).
 * One node in every eighth, since a solo replica takes ways of its own through the protocol.
 */
export function nodesOf(seed: number): number {
  if (seed % 4 === 3) return 5;
  return seed % 8 === 6 ? 1 : 3;
}

/**
 * In every third run the journal ring is so small that a few crashes in a row fill it with what nothing releases:
 * in turn as small as a journal can be, and twice that.
 */
function journalFileBytesOf(seed: number): number {
  if (seed % 3 !== 0) return 256 * KiB;
  return seed % 6 === 0 ? 64 * KiB : 128 * KiB;
}

export function drawProfile(seed: number): Profile {
  const random = Prng.fromSeed(seed).fork('profile');
  const nodes = nodesOf(seed);
  const partitions = random.between(1, 3);
  const duration = random.between(8_000_000, 14_000_000);
  return {
    seed,
    nodes,
    partitions,
    producers: random.between(2, 3),
    consumers: random.between(1, 3),
    produceRequests: random.between(310, 340),
    network: {
      delayMin: random.pick([20, 100, 500]),
      delayMean: random.pick([50, 300, 1_500]),
      lossPerMille: random.pick([0, 0, 5, 30, 100]),
      duplicatePerMille: random.pick([0, 0, 10, 50]),
      splitPerMille: random.pick([0, 50, 300]),
    },
    disk: {
      latencyMin: random.pick([20, 50]),
      latencyMean: random.pick([50, 200]),
      syncMean: random.pick([200, 1_000, 4_000, 15_000]),
    },
    journalFileBytes: journalFileBytesOf(seed),
    clockDriftPpmMax: random.pick([0, 200, 5_000]),
    clockOffsetMicrosMax: random.pick([0, 5_000, 2_000_000]),
    turnDelayMean: random.pick([20, 100, 500]),
    turnEventsMax: random.pick([1, 4, 64]),
    faults: drawFaults(random.fork('faults'), {
      count: faultCount,
      from: 0,
      until: duration,
      nodes,
      groups: partitions + 1,
    }),
    duration,
  };
}
