import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Checksums, defaultLimits } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PartitionMachine, PartitionOptions } from './machine.ts';
import { type ProduceAcked, type ProduceReply, UNKNOWN_OFFSET } from './reply.ts';
import { produceRequest, TestLog, testBatch, testMachine } from './testing/log.ts';
import { type Attempt, type Content, TestProducer } from './testing/producer.ts';

const checksums: Checksums = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

/** Small, so that lanes are evicted, windows overrun and limits met within some hundred steps. */
const options: PartitionOptions = {
  mode: 'disk',
  lanesMax: 4,
  limits: { ...defaultLimits, laneBatchesInFlightMax: 4 },
};

/** What may happen in a step, as often as it is listed. */
const actions = [
  ...['send', 'send', 'send', 'retry', 'retry', 'arrive', 'arrive', 'arrive', 'arrive', 'commit', 'commit'],
  ...['lose', 'late', 'giveUp', 'viewChange', 'restart', 'newProducer', 'burst'],
] as const;
type Action = (typeof actions)[number];

const PRODUCERS_MAX = 9;

/** How often something happened over all runs: a search that never meets it proves nothing about it. */
const seen = new Map<string, number>();

function count(what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

/** As `expect`, which is too slow for a check of everything after every few steps. */
function claim(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** One partition on two replicas, its producers, and the network between. */
class World {
  readonly log = new TestLog(checksums);
  readonly producers: TestProducer[] = [];
  readonly attempts: Attempt[] = [];
  /** Contents in the log by op; only of ops that the log holds now. */
  readonly contents = new Map<number, Content>();
  #primary: PartitionMachine;
  /** Applies what is committed, sometimes later; the next view may be its. */
  #backup: PartitionMachine;
  #checkpoint: Buffer | null = null;
  #sessions = 0;
  /** Sessions up to here are known to the node. */
  #sessionsKnown = 0;

  constructor() {
    const make = () =>
      testMachine(options, checksums, (id) => (id <= this.#sessionsKnown ? 'known' : 'behind'));
    this.#make = make;
    this.#primary = make();
    this.#backup = make();
    this.#addProducer();
  }

  readonly #make: () => PartitionMachine;

  step(action: Action, choice: number): void {
    const producer = this.producers[choice % this.producers.length]!;
    switch (action) {
      case 'send':
      case 'retry': {
        const attempt = action === 'send' ? producer.send(6) : producer.retry();
        if (attempt !== null) this.attempts.push(attempt);
        return;
      }
      case 'arrive':
        this.#arrive(choice, (attempt) => attempt.network === 'underway');
        return;
      case 'late':
        // A frame that nobody waits for is seen once more. One whose sender was told "refused" cannot be: a
        // connection delivers a frame once, and the refusal is the answer to it.
        this.#arrive(choice, (attempt) => attempt.network === 'done' && attempt.answer === 'lost');
        return;
      case 'lose': {
        const open = this.attempts.filter(({ answer }) => answer === 'open');
        if (open.length > 0) open[choice % open.length]!.answer = 'lost';
        return;
      }
      case 'giveUp':
        producer.giveUp();
        return;
      case 'commit':
        this.#commit();
        return;
      case 'viewChange':
        this.#viewChange(choice);
        return;
      case 'restart':
        this.#restart(choice);
        return;
      case 'burst':
        this.#burst(producer, choice);
        return;
      case 'newProducer':
        this.#sessionsKnown = this.#sessions;
        if (this.producers.length < PRODUCERS_MAX) this.#addProducer();
    }
  }

  /** Ends without faults: everything open arrives, commits and is answered; then nothing may be left in flight. */
  settle(): void {
    this.#sessionsKnown = this.#sessions;
    for (let round = 0; round < 400; round++) {
      for (const producer of this.producers) {
        for (let attempt = producer.retry(); attempt !== null; attempt = producer.retry())
          this.attempts.push(attempt);
      }
      for (const attempt of this.attempts) {
        if (attempt.network === 'underway') this.#offer(attempt);
        else if (attempt.network === 'done' && attempt.answer === 'open') attempt.answer = 'lost';
      }
      while (this.log.committed < this.log.prepares.length) this.#commit();
      this.#sessionsKnown = this.#sessions;
      if (this.producers.every(({ contents }) => contents.every(({ state }) => state !== 'sent'))) return;
    }
    expect.fail('a batch in flight is not settled by retries on a healthy partition');
  }

  /** Every promise of a lane, for the log as it is. */
  check(): void {
    const last = new Map<number, number>();
    const stored = new Set<Content>();
    for (const [op, content] of [...this.contents].sort(([a], [b]) => a - b)) {
      claim(!stored.has(content), 'a content is twice in the log');
      stored.add(content);
      if (op > this.log.committed) continue;
      claim(content.number > (last.get(content.producer) ?? -1), 'the order of a producer is broken');
      last.set(content.producer, content.number);
    }
    for (const { contents } of this.producers) {
      for (const content of contents) {
        claim(content.state !== 'failed' || !stored.has(content), 'told notApplied, and in the log');
        claim(content.state !== 'acked' || stored.has(content), 'acked, not in the log');
      }
    }
  }

  /** The other replica applies the same log: the same state. */
  checkReplicas(): void {
    this.#catchUp(this.#backup, this.log.committed);
    expect(this.#backup.snapshot()).toEqual(this.#primary.snapshot());
    expect(this.#backup.digest()).toBe(this.#primary.digest());
  }

  #addProducer(): void {
    const number = this.producers.length;
    this.producers.push(new TestProducer(number, () => ++this.#sessions));
  }

  /** A healthy while: a producer gets so many batches through that a lane's window moves on. */
  #burst(producer: TestProducer, choice: number): void {
    for (let i = choice % 24; i > 0; i--) {
      const attempt = producer.send(6);
      if (attempt === null) return;
      this.attempts.push(attempt);
      this.#offer(attempt);
      while (this.log.committed < this.log.prepares.length) this.#commit();
    }
  }

  #arrive(choice: number, which: (attempt: Attempt) => boolean): void {
    const there = this.attempts.filter(which);
    if (there.length > 0) this.#offer(there[choice % there.length]!);
  }

  #offer(attempt: Attempt): void {
    const { content, id, epoch, sequence } = attempt;
    // The size depends on the content, so that a wrong offset cannot be right by accident.
    const values = Array.from(
      { length: 1 + (content.number % 3) },
      (_, i) => `${content.producer}/${content.number}/${i}`,
    );
    const bytes = testBatch({ producerId: id, producerEpoch: epoch, sequence }, values, checksums);
    const admission = this.log.offer(this.#primary, produceRequest(bytes));
    switch (admission.type) {
      case 'prepare':
        attempt.network = 'waits';
        attempt.op = this.log.prepares.length;
        this.contents.set(attempt.op, content);
        return;
      case 'duplicate': {
        count(admission.op > this.log.committed ? 'duplicate in flight' : 'duplicate');
        attempt.network = 'waits';
        attempt.op = admission.op;
        this.#checkAck(attempt, admission.reply as ProduceAcked);
        if (attempt.op <= this.log.committed) this.#answer(attempt);
        return;
      }
      case 'refusal': {
        const reply = admission.reply as Extract<ProduceReply, { ok: false }>;
        count(reply.code);
        attempt.network = 'done';
        this.producers[content.producer]!.refused(attempt, reply.code);
      }
    }
  }

  /** An ack, given now or when its op commits, names the place where the content lies. */
  #checkAck(attempt: Attempt, reply: ProduceAcked): void {
    if (reply.baseOffset === UNKNOWN_OFFSET) {
      count('duplicate of unknown offset');
      expect([...this.contents.values()]).toContain(attempt.content);
      return;
    }
    const { header } = this.log.prepares[reply.op - 1]!;
    expect(this.contents.get(reply.op)).toBe(attempt.content);
    const { op, baseOffset, count: records, timestamp } = header;
    expect(reply).toMatchObject({ op, baseOffset, count: records, timestamp });
  }

  #answer(attempt: Attempt): void {
    attempt.network = 'done';
    this.producers[attempt.content.producer]!.acked(attempt);
  }

  #commit(): void {
    if (this.log.committed === this.log.prepares.length) return;
    const lanes = this.#primary.laneCount;
    const reply = this.log.commit(this.#primary);
    const op = this.log.committed;
    const { header } = this.log.prepares[op - 1]!;
    if (reply?.ok && lanes === options.lanesMax && header.sequence === 0 && header.producerEpoch === 0)
      count('evicted');
    for (const attempt of this.attempts) {
      if (attempt.network !== 'waits' || attempt.op !== op) continue;
      if (reply?.ok) this.#checkAck(attempt, reply);
      this.#answer(attempt);
    }
  }

  /** A part of the suffix survives; who waited for the rest, or for any of it, hears nothing. */
  #viewChange(choice: number): void {
    const keep = choice % (this.log.suffix.length + 1);
    const first = this.log.committed + keep + 1;
    if (first <= this.log.prepares.length) count('suffix dropped');
    for (const op of [...this.contents.keys()]) if (op >= first) this.contents.delete(op);
    for (const attempt of this.attempts) {
      if (attempt.network !== 'waits') continue;
      attempt.network = 'done';
      if (attempt.answer === 'open') attempt.answer = 'lost';
    }
    if (choice % 2 === 0) {
      this.#catchUp(this.#backup, this.log.committed);
      [this.#primary, this.#backup] = [this.#backup, this.#primary];
      count('other primary');
    }
    this.log.startView(this.#primary, keep);
  }

  /** The backup's process dies: it comes back from a snapshot of some op and the log behind it. */
  #restart(choice: number): void {
    const restarted = this.#make();
    if (this.#checkpoint !== null) {
      count('restart from a snapshot');
      restarted.restore(this.#checkpoint);
    }
    this.#catchUp(restarted, this.log.committed);
    expect(restarted.snapshot()).toEqual(this.#primary.snapshot());
    this.#backup = restarted;
    if (choice % 2 === 0) this.#checkpoint = restarted.snapshot();
  }

  #catchUp(machine: PartitionMachine, op: number): void {
    while (machine.appliedOp < op) machine.apply(this.log.prepares[machine.appliedOp]!);
  }
}

describe('lanes under retries, late frames, view changes, restarts and evictions', () => {
  test('each content once, in order, where the ack says; nothing that was told notApplied', () => {
    const step = fc.tuple(fc.constantFrom(...actions), fc.nat({ max: 5_039 }));
    const run = fc.property(fc.array(step, { minLength: 20, maxLength: 250, size: 'max' }), (steps) => {
      const world = new World();
      steps.forEach(([action, choice], i) => {
        // What a view change cuts off must have been right as well.
        if (action === 'viewChange' || i % 4 === 0) world.check();
        world.step(action, choice);
      });
      world.settle();
      world.check();
      world.checkReplicas();
    });
    fc.assert(run, { numRuns: 250, seed: 20_260_101 });

    const floors = [
      'duplicate',
      'duplicate in flight',
      'duplicate of unknown offset',
      'sequenceGap',
      'fenced',
    ];
    floors.push('overloaded', 'metadataBehind', 'sessionExpired', 'notReady', 'evicted', 'suffix dropped');
    floors.push('other primary', 'restart from a snapshot');
    for (const floor of floors) expect(seen.get(floor) ?? 0, floor).toBeGreaterThan(0);
    expect(seen.get('sequenceConflict') ?? 0, 'no two contents share a place').toBe(0);
  }, 60_000);
});
