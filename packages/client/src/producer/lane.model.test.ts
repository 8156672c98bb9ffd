import type { ErrorCode } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lane } from './lane.ts';
import type { LaneAction, LaneOutcome } from './lane-events.ts';

/**
 * A partition as the lane sees it: attempts stay in the network until the primary looks at them, in any order
 * and perhaps much later; an uncommitted suffix may be dropped by a view change; answers may be lost; an id may
 * be evicted; the client may give up at any time.
 */
interface Attempt {
  readonly batch: number;
  readonly attempt: number;
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
}
interface Entry {
  readonly batch: number;
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
  /** Answered when committed. */
  readonly waiting: Attempt[];
}
type Evicted = { readonly evicted: number };
type LogEntry = Entry | Evicted;

class World {
  readonly lane = new Lane(4);
  readonly settled = new Map<number, { outcome: LaneOutcome; code: ErrorCode | null }>();
  readonly counts = { acked: 0, duplicate: 0, unknown: 0, notApplied: 0, expired: 0, dropped: 0, gap: 0 };
  network: Attempt[] = [];
  log: LogEntry[] = [];
  commit = 0;
  submitted = 0;
  ids = 0;
  heldCode: ErrorCode | null = 'notReady';
  registering = false;

  act(event: Parameters<Lane['step']>[0]): void {
    const out: LaneAction[] = [];
    this.lane.step(event, out);
    for (const action of out) this.#do(action);
  }

  #do(action: LaneAction): void {
    switch (action.type) {
      case 'send':
        this.network.push({
          batch: action.batch,
          attempt: action.attempt,
          id: action.producerId,
          epoch: action.producerEpoch,
          sequence: action.sequence,
        });
        break;
      case 'settle':
        expect(this.settled.has(action.batch), 'settled once').toBe(false);
        this.settled.set(action.batch, { outcome: action.outcome, code: action.code });
        this.counts[action.outcome]++;
        break;
      case 'hold':
        this.heldCode = action.code;
        break;
      case 'register':
        expect(this.registering).toBe(false);
        this.registering = true;
        break;
    }
  }

  submit(): void {
    this.act({ type: 'submit', batch: this.submitted++ });
  }
  resume(): void {
    if (this.heldCode === null) return;
    this.heldCode = null;
    this.act({ type: 'resume' });
  }
  register(): void {
    if (!this.registering) return;
    this.registering = false;
    this.act({ type: 'identity', producerId: ++this.ids });
  }

  /** What the head knows of `id`: null if nothing; and the highest evicted id up to `end`. */
  fold(id: number, end: number): { lane: { epoch: number; last: number } | null; evictedMax: number } {
    let lane: { epoch: number; last: number } | null = null;
    let evictedMax = 0;
    for (const entry of this.log.slice(0, end)) {
      if ('evicted' in entry) {
        evictedMax = Math.max(evictedMax, entry.evicted);
        if (entry.evicted >= id) lane = null;
      } else if (entry.id === id) {
        lane = { epoch: entry.epoch, last: entry.sequence };
      }
    }
    return { lane, evictedMax };
  }

  /** The primary looks at one attempt. */
  receive(index: number, verdict: 'judge' | 'overloaded' | 'tooLarge'): void {
    if (this.network.length === 0) return;
    const attempt = this.network.splice(index % this.network.length, 1)[0]!;
    const { lane, evictedMax } = this.fold(attempt.id, this.log.length);
    if (lane !== null && attempt.epoch === lane.epoch && attempt.sequence <= lane.last) {
      const at = this.log.findLast(
        (entry): entry is Entry =>
          !('evicted' in entry) &&
          entry.id === attempt.id &&
          entry.epoch === attempt.epoch &&
          entry.sequence === attempt.sequence,
      );
      expect(at?.batch, 'a sequence never gets other content while its first may be in the log').toBe(
        attempt.batch,
      );
      this.counts.duplicate++;
      if (this.log.indexOf(at!) < this.commit) this.answer(attempt, null);
      else at!.waiting.push(attempt);
      return;
    }
    if (verdict !== 'judge') {
      this.answer(attempt, verdict);
      return;
    }
    if (lane !== null && attempt.epoch < lane.epoch) {
      const current = this.settled.has(attempt.batch);
      expect(current, 'only attempts of settled batches are fenced').toBe(true);
      this.answer(attempt, 'fenced');
      return;
    }
    if (lane === null && attempt.id <= evictedMax) {
      const committed = this.fold(attempt.id, this.commit).evictedMax;
      if (attempt.id > committed) {
        this.answer(attempt, 'notReady');
        return;
      }
      this.counts.expired++;
      this.answer(attempt, 'sessionExpired');
      return;
    }
    const next = lane === null || attempt.epoch > lane.epoch ? 0 : lane.last + 1;
    if (attempt.sequence !== next) {
      this.counts.gap++;
      this.answer(attempt, 'sequenceGap');
      return;
    }
    this.log.push({ ...attempt, waiting: [attempt] });
  }

  answer(attempt: Attempt, code: ErrorCode | null): void {
    const { batch, attempt: number } = attempt;
    if (code === null) this.act({ type: 'acked', batch, attempt: number });
    else this.act({ type: 'refused', batch, attempt: number, code });
  }

  commitOne(): void {
    const entry = this.log[this.commit];
    if (entry === undefined) return;
    this.commit++;
    if (!('evicted' in entry)) for (const attempt of entry.waiting.splice(0)) this.answer(attempt, null);
  }

  viewChange(): void {
    const dropped = this.log.splice(this.commit);
    if (dropped.length > 0) this.counts.dropped++;
    for (const entry of dropped) {
      if ('evicted' in entry) continue;
      for (const attempt of entry.waiting) this.unanswered(attempt);
    }
  }

  unanswered(attempt: Attempt): void {
    this.act({ type: 'unanswered', batch: attempt.batch, attempt: attempt.attempt, code: 'connectionLost' });
  }

  /** The client stops waiting for an attempt that is still in the network. */
  lose(index: number): void {
    if (this.network.length > 0) this.unanswered(this.network[index % this.network.length]!);
  }

  evict(): void {
    const entries = this.log.filter((entry): entry is Entry => !('evicted' in entry));
    const last = entries.at(-1);
    if (last) this.log.push({ evicted: last.id });
  }

  check(): void {
    const committed = new Set<number>();
    const all = new Set<number>();
    let last = -1;
    this.log.forEach((entry, index) => {
      if ('evicted' in entry) return;
      if (all.has(entry.batch)) throw new Error(`content ${entry.batch} is twice in the log`);
      all.add(entry.batch);
      if (index >= this.commit) return;
      committed.add(entry.batch);
      if (entry.batch < last) throw new Error(`content ${entry.batch} is behind ${last} in the log`);
      last = entry.batch;
    });
    for (const [batch, { outcome }] of this.settled) {
      if (outcome === 'acked' && !committed.has(batch))
        throw new Error(`${batch} was acked, and is not in the log`);
      if (outcome === 'notApplied' && all.has(batch))
        throw new Error(`${batch} was told notApplied, and is in the log`);
    }
  }

  /** A well partition: everything must settle within a bounded number of steps. */
  quiesce(): void {
    for (let round = 0; round < 400 && this.settled.size < this.submitted; round++) {
      this.register();
      this.resume();
      while (this.network.length > 0) this.receive(0, 'judge');
      while (this.commit < this.log.length) this.commitOne();
    }
    expect(this.settled.size, 'everything settles').toBe(this.submitted);
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ do: 'submit' as const, at: 0 }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('judge' as const), at: fc.nat(7) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('judge' as const), at: fc.constant(0) }) },
  { weight: 6, arbitrary: fc.constant({ do: 'commit' as const, at: 0 }) },
  { weight: 5, arbitrary: fc.constant({ do: 'resume' as const, at: 0 }) },
  { weight: 3, arbitrary: fc.constant({ do: 'register' as const, at: 0 }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), at: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('overloaded' as const), at: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tooLarge' as const), at: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'viewChange' as const, at: 0 }) },
  { weight: 1, arbitrary: fc.constant({ do: 'evict' as const, at: 0 }) },
  { weight: 1, arbitrary: fc.constant({ do: 'deadline' as const, at: 0 }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), at: fc.nat(3) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function run(steps: readonly Step[]): World {
  const world = new World();
  for (const { do: what, at } of steps) {
    if (what === 'submit') world.submit();
    else if (what === 'judge' || what === 'overloaded' || what === 'tooLarge') world.receive(at, what);
    else if (what === 'commit') world.commitOne();
    else if (what === 'resume') world.resume();
    else if (what === 'register') world.register();
    else if (what === 'lose') world.lose(at);
    else if (what === 'viewChange') world.viewChange();
    else if (what === 'evict') world.evict();
    else if (what === 'deadline') world.act({ type: 'deadline' });
    else world.act({ type: 'withdraw', batch: Math.max(0, world.submitted - 1 - at) });
    world.check();
  }
  return world;
}

describe('a lane against a partition that refuses, forgets and changes views', () => {
  test('no content twice, none out of order, acked is there, notApplied is nowhere, everything settles', () => {
    const seen: World['counts'] = {
      acked: 0,
      duplicate: 0,
      unknown: 0,
      notApplied: 0,
      expired: 0,
      dropped: 0,
      gap: 0,
    };
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const world = run(steps);
        world.quiesce();
        world.check();
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += world.counts[key];
      }),
      { numRuns: 6_000, seed: 20_240_611 },
    );
    // What never happened was not tested.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(100);
  }, 60_000);
});
