import type { FloorName } from '../cluster/floors.ts';
import { drawProfile, type Profile } from '../cluster/profile.ts';
import type { Step } from '../scenario/step.ts';

/**
 * A run as data: everything that decides what happens in it. The same schedule run by the same code gives the same
 * run, bit for bit. Drawn from a seed, cut down by the shrinker, or written by hand as a scenario.
 */
export interface Schedule {
  /** What happens, for people. */
  readonly story: readonly string[];
  /** Seed, world and load, and the faults with their times. */
  readonly profile: Profile;
  /** What is done when something happens, one step after the other. */
  readonly steps: readonly Step[];
  readonly expect: Expectation;
  /** How it came about, where a failing run was cut down to it. */
  readonly found: Found | null;
}

/** What must be true at the end, beside what every checker says. Names are those that steps gave. */
export interface Expectation {
  /** So often at least. */
  readonly floors?: Readonly<Partial<Record<FloorName, number>>>;
  /** Prepares that are in the committed log. */
  readonly kept?: readonly string[];
  /** Prepares that are not. */
  readonly dropped?: readonly string[];
}

interface Found {
  readonly checker: string;
  readonly seed: number;
  /** With this defect put back; null: in the code as it was. */
  readonly mutant: string | null;
  readonly commit: string | null;
}

/** A run of a profile, without steps of its own. */
export function scheduleOf(profile: Profile): Schedule {
  return { story: [], profile, steps: [], expect: {}, found: null };
}

/** Where a scenario begins: three nodes, one partition, a calm network, quick disks, a light load, no faults. Times in µs. */
export const quietProfile: Profile = {
  ...drawProfile(1, 'perf'),
  nodes: 3,
  partitions: 1,
  producers: 2,
  consumers: 1,
  churnTopics: 0,
  beyondBudget: 0,
  coldStart: 0,
  memoryMode: 0,
  modeSwitches: 0,
  produceRequests: 60,
  network: { delayMin: 100, delayMean: 200, lossPerMille: 0, duplicatePerMille: 0, splitPerMille: 0 },
  disk: { latencyMin: 50, latencyMean: 100, syncMean: 500 },
  journalFileBytes: 256 * 1024,
  clockDriftPpmMax: 0,
  clockOffsetMicrosMax: 0,
  turnDelayMean: 20,
  turnEventsMax: 16,
  faults: [],
  duration: 3_000_000,
};
