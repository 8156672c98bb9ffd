import { Prng } from '../world/prng.ts';
import type { DiskProfile } from '../world/sim-disk.ts';
import type { NetworkProfile } from '../world/sim-network.ts';
import { drawFaults, type Fault } from './faults.ts';

/**
 * `swarm`: what counts as a run of the simulator, everything drawn, 20 faults. `lite`: a quick look, a fraction of the
 * work and of the faults. `perf`: no fault and a heavy load, to measure the simulator itself.
 */
export const profileNames = ['swarm', 'lite', 'perf'] as const;
export type ProfileName = (typeof profileNames)[number];

/** Everything about a run that is drawn before it starts. Times in µs. */
export interface Profile {
  readonly seed: number;
  readonly nodes: number;
  readonly partitions: number;
  readonly producers: number;
  readonly consumers: number;
  /** Topics that are made, written to and deleted beside the one that is kept. */
  readonly churnTopics: number;
  /** Produce requests of all producers together. */
  readonly produceRequests: number;
  /** 1: faults may take more from a group than it can bear. */
  readonly beyondBudget: number;
  /** 1: a group that cannot go on as it is starts anew by itself when all members are there; 0: it waits. */
  readonly coldStart: number;
  /** 1: the topic that is kept begins in mode `memory`. */
  readonly memoryMode: number;
  /** How often its mode is changed. */
  readonly modeSwitches: number;
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

/** Faults of every run of the swarm, and of a quick look. */
const faultCount = 20;
const liteFaultCount = 4;

/**
 * Five nodes in every fourth run: some defects need two replicas that lag (acks of an older view counted).
 * In every eighth run one, two, four or six by turns: a solo replica takes ways of its own through the protocol, and in
 * groups of an even size the two quorums differ.
 */
export function nodesOf(seed: number): number {
  if (seed % 4 === 3) return 5;
  if (seed % 8 !== 6) return 3;
  return ([1, 2, 4, 6] as const)[Math.floor(seed / 8) % 4] ?? 1;
}

/**
 * In every third run the journal ring is so small that a few crashes in a row fill it with what nothing releases:
 * in turn as small as a journal can be, and twice that.
 */
function journalFileBytesOf(seed: number): number {
  if (seed % 3 !== 0) return 256 * KiB;
  return seed % 6 === 0 ? 64 * KiB : 128 * KiB;
}

/** The profile of a seed: the same seed and name draw the same, always. */
export function drawProfile(seed: number, name: ProfileName = 'swarm'): Profile {
  if (name === 'perf') return perfProfile(seed);
  const random = Prng.fromSeed(seed).fork('profile');
  return name === 'lite' ? drawLite(seed, random) : drawSwarm(seed, random);
}

function drawSwarm(seed: number, random: Prng): Profile {
  const nodes = nodesOf(seed);
  const partitions = random.between(1, 3);
  const duration = random.between(8_000_000, 14_000_000);
  return {
    seed,
    nodes,
    partitions,
    producers: random.between(2, 3),
    consumers: random.between(1, 3),
    churnTopics: random.fork('churn').pick([0, 0, 1, 4]),
    ...drawModes(random.fork('modes'), nodes),
    beyondBudget: seed % 8 === 5 ? 1 : 0,
    coldStart: random.fork('cold start').below(2),
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

/** With one node or two, no process may end where acks rest on memory: nothing would be tried there. */
function drawModes(random: Prng, nodes: number): Pick<Profile, 'memoryMode' | 'modeSwitches'> {
  const memoryMode = random.pick([0, 0, 0, 1]);
  const modeSwitches = random.pick([0, 0, 0, 1, 4]);
  return nodes < 3 ? { memoryMode: 0, modeSwitches: 0 } : { memoryMode, modeSwitches };
}

/** Whether acks of its partitions may rest on memory at any time of the run. */
export function usesMemory({ memoryMode, modeSwitches }: Profile): boolean {
  return memoryMode === 1 || modeSwitches > 0;
}

/** The world of the swarm, with less work in less time: about a tenth of its cost. */
function drawLite(seed: number, random: Prng): Profile {
  const swarm = drawSwarm(seed, random);
  const duration = random.between(1_500_000, 2_500_000);
  return {
    ...swarm,
    partitions: 1,
    producers: 2,
    consumers: 1,
    churnTopics: Math.min(1, swarm.churnTopics),
    produceRequests: random.between(40, 60),
    faults: drawFaults(random.fork('faults'), {
      count: liteFaultCount,
      from: 0,
      until: duration,
      nodes: swarm.nodes,
      groups: 2,
    }),
    duration,
  };
}

/** Nothing is drawn but by the run itself, so that figures of two versions are figures of the same work. */
function perfProfile(seed: number): Profile {
  return {
    seed,
    nodes: 3,
    partitions: 3,
    producers: 4,
    consumers: 2,
    churnTopics: 0,
    memoryMode: 0,
    modeSwitches: 0,
    beyondBudget: 0,
    coldStart: 0,
    produceRequests: 6_000,
    network: { delayMin: 20, delayMean: 50, lossPerMille: 0, duplicatePerMille: 0, splitPerMille: 0 },
    disk: { latencyMin: 20, latencyMean: 50, syncMean: 200 },
    journalFileBytes: 256 * KiB,
    clockDriftPpmMax: 0,
    clockOffsetMicrosMax: 0,
    turnDelayMean: 20,
    turnEventsMax: 64,
    faults: [],
    duration: 10_000_000,
  };
}
