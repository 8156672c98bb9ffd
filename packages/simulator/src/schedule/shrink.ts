import type { Fault } from '../cluster/faults.ts';
import type { Profile } from '../cluster/profile.ts';
import { ddmin } from './ddmin.ts';
import { timedFault } from './fault-checks.ts';
import type { Schedule } from './schedule.ts';

/** What a run of a candidate came to. */
export interface Verdict {
  /** Null: it passed. */
  readonly checker: string | null;
  /** µs from the start of the load to the failure. */
  readonly after: number;
}

/** How much may be spent on making a failing run smaller. */
export interface ShrinkBudget {
  readonly runsMax: number;
  /** Milliseconds by `now`. */
  readonly millisecondsMax: number;
  readonly now: () => number;
}

export interface Shrunk {
  readonly schedule: Schedule;
  readonly runs: number;
  /** The budget ended before nothing could be left out any more. */
  readonly exhausted: boolean;
}

/** A failure is reached a little later when less happens before it. µs. */
const slack = 200_000;
/** How often everything is tried again because the last round has changed something. */
const roundsMax = 4;

/**
 * Makes a failing schedule smaller while the same checker reports it: a shorter run, fewer faults, then shorter and
 * simpler ones, less load, a smaller and calmer world. Each candidate is a whole run.
 */
export function shrink(
  failing: Schedule,
  verdict: Verdict,
  run: (candidate: Schedule) => Verdict,
  budget: ShrinkBudget,
): Shrunk {
  const search = new Search(failing, verdict, run, budget);
  for (let round = 0; round < roundsMax && !search.exhausted; round += 1) {
    const before = search.profile;
    search.cutTime();
    search.dropFaults();
    search.lessLoad();
    search.smallerWorld();
    search.simplerFaults();
    if (search.profile === before) break;
  }
  return { schedule: search.best, runs: search.runs, exhausted: search.exhausted };
}

class Search {
  best: Schedule;
  runs = 0;
  exhausted = false;
  #verdict: Verdict;
  readonly #run: (candidate: Schedule) => Verdict;
  readonly #budget: ShrinkBudget;
  readonly #startedAt: number;

  constructor(
    failing: Schedule,
    verdict: Verdict,
    run: (candidate: Schedule) => Verdict,
    budget: ShrinkBudget,
  ) {
    this.best = failing;
    this.#verdict = verdict;
    this.#run = run;
    this.#budget = budget;
    this.#startedAt = budget.now();
  }

  get profile(): Profile {
    return this.best.profile;
  }

  /** What lies behind the failure cannot have caused it. */
  cutTime(): void {
    const end = this.#verdict.after + slack;
    const { duration, faults } = this.profile;
    if (end < duration) {
      this.#try({ ...this.#load(end), faults: faults.filter(({ at }) => at <= end) });
    }
    // Load at the same pace for half the time: for what is found only when all is at rest again.
    while (this.profile.duration > slack && this.#try(this.#load(Math.floor(this.profile.duration / 2))));
  }

  dropFaults(): void {
    ddmin(this.profile.faults, (faults) => this.#try({ faults }));
  }

  lessLoad(): void {
    while (this.profile.produceRequests > 1) {
      if (!this.#try({ produceRequests: Math.floor(this.profile.produceRequests / 2) })) return;
    }
  }

  smallerWorld(): void {
    const { network } = this.profile;
    for (const change of [
      { nodes: 1 },
      { nodes: 3 },
      { partitions: 1 },
      { churnTopics: 0 },
      { modeSwitches: 0 },
      { memoryMode: 0 },
      { consumers: 0 },
      { consumers: 1 },
      { producers: 1 },
      { network: { ...network, lossPerMille: 0, duplicatePerMille: 0, splitPerMille: 0 } },
      { clockDriftPpmMax: 0, clockOffsetMicrosMax: 0 },
    ]) {
      const wanted = Object.entries(change) as [keyof Profile, unknown][];
      // Only what is less than it was.
      if (wanted.every(([name, value]) => isLess(value, this.profile[name]))) this.#try(change);
    }
  }

  simplerFaults(): void {
    for (let index = 0; index < this.profile.faults.length; index += 1) {
      const fault = this.profile.faults[index];
      if (fault !== undefined) for (const field of Object.keys(fault)) this.#simplerField(index, field);
    }
  }

  #simplerField(index: number, field: string): void {
    for (;;) {
      const fault = this.profile.faults[index] as Fault & Record<string, unknown>;
      const simpler = simplerValues(field, fault[field])
        .map((value) => ({ ...fault, [field]: value }) as Fault)
        // Only what a file may say: a factor of 0 is no slow disk.
        .filter((candidate) => timedFault(candidate, 'fault') === null);
      const taken = simpler.some((candidate) =>
        this.#try({ faults: this.profile.faults.with(index, candidate) }),
      );
      if (!taken) return;
    }
  }

  /** The same pace for another time. */
  #load(duration: number): Pick<Profile, 'duration' | 'produceRequests'> {
    const { produceRequests, duration: before } = this.profile;
    return { duration, produceRequests: Math.max(1, Math.ceil((produceRequests * duration) / before)) };
  }

  /** Takes the changed schedule if the same checker reports it. */
  #try(change: Partial<Profile>): boolean {
    const { runsMax, millisecondsMax, now } = this.#budget;
    if (this.runs >= runsMax || now() - this.#startedAt >= millisecondsMax) this.exhausted = true;
    if (this.exhausted) return false;
    this.runs += 1;
    const candidate = { ...this.best, profile: { ...this.profile, ...change } };
    const verdict = this.#run(candidate);
    if (verdict.checker !== this.#verdict.checker) return false;
    this.best = candidate;
    this.#verdict = verdict;
    return true;
  }
}

/** Nearer to nothing, the boldest first. When a fault comes stays as it is. */
function simplerValues(field: string, value: unknown): unknown[] {
  if (value === true) return [false];
  if (typeof value !== 'number' || field === 'at') return [];
  const smaller = [0, Math.trunc(value / 10), Math.trunc(value / 2)];
  return [...new Set(smaller)].filter((each) => Math.abs(each) < Math.abs(value));
}

function isLess(wanted: unknown, present: unknown): boolean {
  if (typeof wanted === 'number' && typeof present === 'number') return wanted < present;
  return JSON.stringify(wanted) !== JSON.stringify(present);
}
