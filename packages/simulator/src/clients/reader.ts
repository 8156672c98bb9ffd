import {
  type Consistency,
  decodeSubscribed,
  encodeFrameHead,
  encodeSubscribe,
  encodeUnsubscribe,
  type Frame,
  FrameKind,
  type PartitionDescription,
  type ReadToken,
  type ReplicaRole,
  type VireoError,
} from '@vireo/protocol';
import type { Prng } from '../world/prng.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import { type ClientWorld, Link } from './link.ts';
import { lookUpTopic, topicName } from './topic.ts';

interface ReaderParts {
  readonly id: number;
  readonly name: string;
  readonly world: ClientWorld;
  readonly random: Prng;
  /** Reads are begun for so long, µs. */
  readonly duration: number;
  readonly onStale: () => void;
  /** A linearizable read was answered. */
  readonly onLinearizable: (role: ReplicaRole) => void;
}

/** Bounds that are asked for, ms. */
const bounds = [150, 300, 1_000] as const;
/** Linearizable reads without an answer at one node. */
const unansweredMax = 32;

/**
 * Looks at the end of a partition, at any replica, and goes on to the next one: what it asks for is drawn, and whether it
 * was given what it asked for is for the checkers to say.
 */
export class Reader {
  readonly #parts: ReaderParts;
  readonly #links: readonly Link[];
  #groups: readonly PartitionDescription[] = [];
  #until = 0;
  /** By group, what was seen last: reads of one reader never go back, wherever they are served. */
  readonly #seen = new Map<number, ReadToken>();
  /** By node, linearizable reads without an answer. */
  readonly #unanswered = new Map<number, number>();
  operations = 0;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    const { id, name, world, random } = parts;
    this.#links = Array.from(
      { length: world.nodes },
      (_, node) => new Link(id, name, node, world, random.fork(`link ${node}`), () => {}),
    );
  }

  start(): void {
    const { world, random, duration } = this.#parts;
    this.#until = world.scheduler.now + duration;
    lookUpTopic(world, this.#links, random, topicName, ({ groups }) => {
      this.#groups = groups;
      // One after the other at each node, so that a node that does not answer does not keep the others from being asked.
      for (const link of this.#links) {
        this.#next(link, 'committed');
        this.#next(link, 'linearizable');
      }
    });
  }

  #next(link: Link, consistency: Consistency): void {
    const { scheduler } = this.#parts.world;
    if (scheduler.now >= this.#until) return;
    const interval = consistency === 'linearizable' ? 200_000 : 400_000;
    scheduler.after(this.#parts.random.between(10_000, interval), () => {
      // What is asked while a node does not answer is what it must not answer too early when it goes on: so linearizable
      // reads do not wait for each other.
      const isFree = consistency === 'committed' || (this.#unanswered.get(link.node) ?? 0) < unansweredMax;
      if (link.ready && isFree) this.#read(link, consistency);
      if (!link.ready || consistency === 'linearizable') this.#next(link, consistency);
    });
  }

  #read(link: Link, consistency: Consistency): void {
    const { random, world } = this.#parts;
    const { group } = random.pick(this.#groups);
    this.operations += 1;
    const subscription = this.operations;
    // What else is asked for would keep most replicas from answering too early.
    const isPlain = consistency === 'linearizable' && random.chance(800);
    const payload = encodeSubscribe({
      subscription,
      from: random.pick([{ end: true }, { last: 1 }] as const),
      creditBytes: 1,
      creditRecords: 1,
      token: isPlain ? undefined : this.#token(group),
      maxStalenessMs: isPlain || random.chance(500) ? undefined : random.pick(bounds),
      consistency,
    });
    if (consistency === 'linearizable') this.#count(link.node, 1);
    link.call(
      (correlation) => [encodeFrameHead(FrameKind.subscribe, correlation, group, payload, 0, simChecksums)],
      (answer) => {
        if (consistency === 'linearizable') this.#count(link.node, -1);
        if (answer.type === 'error') this.#refused(group, answer.error);
        if (answer.type !== 'frame') {
          if (consistency === 'committed') this.#next(link, consistency);
          return;
        }
        const role = this.#answered(group, answer.frame);
        if (consistency === 'linearizable') this.#parts.onLinearizable(role);
        // Some stay for a status, or until the replica has become too old for them.
        const stays = consistency === 'committed' && random.chance(100);
        const stay = stays ? 1_500_000 : random.below(20_000);
        world.scheduler.after(stay, () => {
          link.send([encodeUnsubscribe(subscription, group, simChecksums)]);
          if (consistency === 'committed') this.#next(link, consistency);
        });
      },
    );
  }

  #count(node: number, by: number): void {
    this.#unanswered.set(node, (this.#unanswered.get(node) ?? 0) + by);
  }

  /** None, what this reader has seen, or what some producer was told. */
  #token(group: number): ReadToken | undefined {
    const { random, world } = this.#parts;
    const drawn = random.below(3);
    if (drawn === 0) return undefined;
    return drawn === 1 ? this.#seen.get(group) : world.acked.get(group);
  }

  #answered(group: number, frame: Frame): ReplicaRole {
    const { world, name } = this.#parts;
    const answer = decodeSubscribed(frame.payload);
    if (!answer.ok)
      throw world.broken(name, `the answer to subscribe does not decode: ${answer.error.message}`);
    const { op, lossEpoch, role } = answer.value;
    const seen = this.#seen.get(group);
    if (seen === undefined || (seen.lossEpoch === lossEpoch && seen.op < op))
      this.#seen.set(group, { op, lossEpoch });
    return role;
  }

  #refused(group: number, { code }: VireoError): void {
    if (code === 'stale') this.#parts.onStale();
    // Told that the log has lost its end: what was seen counts for nothing any more.
    if (code === 'lossEpochChanged') {
      this.#seen.delete(group);
      this.#parts.world.acked.delete(group);
    }
  }
}
