import {
  decodeSubscribed,
  encodeFrameHead,
  encodeSubscribe,
  encodeUnsubscribe,
  type Frame,
  FrameKind,
  type PartitionDescription,
  type ReadToken,
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
}

/** Bounds that are asked for, ms. */
const bounds = [150, 300, 1_000] as const;

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
      for (const link of this.#links) this.#next(link);
    });
  }

  #next(link: Link): void {
    const { scheduler } = this.#parts.world;
    if (scheduler.now >= this.#until) return;
    scheduler.after(this.#parts.random.between(10_000, 150_000), () => {
      if (link.ready) this.#read(link);
      else this.#next(link);
    });
  }

  #read(link: Link): void {
    const { random, world } = this.#parts;
    const { group } = random.pick(this.#groups);
    this.operations += 1;
    const subscription = this.operations;
    const payload = encodeSubscribe({
      subscription,
      from: random.pick([{ end: true }, { last: 1 }] as const),
      creditBytes: 1,
      creditRecords: 1,
      token: this.#token(group),
      maxStalenessMs: random.chance(500) ? random.pick(bounds) : undefined,
    });
    link.call(
      (correlation) => [encodeFrameHead(FrameKind.subscribe, correlation, group, payload, 0, simChecksums)],
      (answer) => {
        if (answer.type === 'error') this.#refused(group, answer.error);
        if (answer.type !== 'frame') {
          this.#next(link);
          return;
        }
        this.#answered(group, answer.frame);
        // Some stay for a status, or until the replica has become too old for them.
        const stay = random.chance(100) ? 1_500_000 : random.below(50_000);
        world.scheduler.after(stay, () => {
          link.send([encodeUnsubscribe(subscription, group, simChecksums)]);
          this.#next(link);
        });
      },
    );
  }

  /** None, what this reader has seen, or what some producer was told. */
  #token(group: number): ReadToken | undefined {
    const { random, world } = this.#parts;
    const drawn = random.below(3);
    if (drawn === 0) return undefined;
    return drawn === 1 ? this.#seen.get(group) : world.acked.get(group);
  }

  #answered(group: number, frame: Frame): void {
    const { world, name } = this.#parts;
    const answer = decodeSubscribed(frame.payload);
    if (!answer.ok)
      throw world.broken(name, `the answer to subscribe does not decode: ${answer.error.message}`);
    const { op, lossEpoch } = answer.value;
    const seen = this.#seen.get(group);
    if (seen === undefined || (seen.lossEpoch === lossEpoch && seen.op < op))
      this.#seen.set(group, { op, lossEpoch });
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
