import type { TopicDescription } from '@vireo/protocol';
import type { History } from '../history/index.ts';
import type { Prng } from '../world/prng.ts';
import { Lane } from './lane.ts';
import { type ClientWorld, insist, Link } from './link.ts';
import { drawValue, encodeRecords, recordId } from './records.ts';
import { lookUpTopic, topicName } from './topic.ts';

interface ProducerParts {
  readonly id: number;
  readonly name: string;
  readonly world: ClientWorld;
  readonly history: History;
  readonly random: Prng;
  /** Batches to produce, and the time over which they are spread, µs. */
  readonly requests: number;
  readonly duration: number;
  readonly onDuplicate: () => void;
}

/** Batches that may wait in one lane; a producer that is further behind waits itself. */
const laneLengthMax = 12;

/** A client with one session that produces to all partitions. */
export class Producer {
  readonly #parts: ProducerParts;
  readonly #links: readonly Link[];
  readonly #patience: number;
  #lanes: Lane[] = [];
  #session = 0;
  #registering = false;
  #given = 0;
  #records = 0;

  constructor(parts: ProducerParts) {
    this.#parts = parts;
    const { id, name, world, random } = parts;
    this.#links = Array.from(
      { length: world.nodes },
      (_, node) => new Link(id, name, node, world, random.fork(`link ${node}`), () => {}),
    );
    // Most never give up; those that do leave attempts behind whose fate nobody knows.
    this.#patience = random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 2_500_000, 900_000]);
  }

  /** All batches were given, and each was answered or given up. */
  get isDone(): boolean {
    return this.#given === this.#parts.requests && this.#lanes.every((lane) => lane.length === 0);
  }

  /** Produce requests given so far. */
  get operations(): number {
    return this.#given;
  }

  start(): void {
    const { world, random } = this.#parts;
    this.#register(() => lookUpTopic(world, this.#links, random, topicName, (topic) => this.#begin(topic)));
  }

  #register(done: () => void): void {
    const { world, random } = this.#parts;
    if (this.#registering) return;
    this.#registering = true;
    const nonce = random.bytes(16);
    insist(world, this.#links, random, { op: 'register', nonce }, (response, error) => {
      if (response === null) throw world.broken(this.#parts.name, `register was refused: ${error?.message}`);
      this.#registering = false;
      this.#session = response.sessionId;
      done();
    });
  }

  #renew(): void {
    this.#register(() => {
      for (const lane of this.#lanes) lane.renew(this.#session);
    });
  }

  #begin(topic: TopicDescription): void {
    const { world, random, history, name, onDuplicate } = this.#parts;
    this.#lanes = topic.groups.map(
      ({ group, partition, members }) =>
        new Lane({
          name: `${name}/${partition}`,
          world,
          history,
          random: random.fork(`lane ${partition}`),
          links: this.#links,
          partition,
          group,
          topicId: topic.id,
          members,
          patience: this.#patience,
          onDuplicate,
          onSessionLost: () => this.#renew(),
        }),
    );
    this.#produce();
  }

  #produce(): void {
    const { world, random, requests, duration } = this.#parts;
    const burst = Math.min(random.between(1, 4), requests - this.#given);
    for (let index = 0; index < burst; index += 1) this.#giveOne();
    if (this.#given === requests) return;
    // Bursts are 2.5 batches on average.
    const mean = Math.floor((duration * 2.5) / requests);
    world.scheduler.after(random.between(Math.floor(mean / 4), Math.floor(mean * 1.75)), () =>
      this.#produce(),
    );
  }

  #giveOne(): void {
    const { random, name, world } = this.#parts;
    const lane = random.pick(this.#lanes);
    if (lane.length >= laneLengthMax) return;
    this.#given += 1;
    const values = Array.from({ length: random.between(1, 5) }, () => {
      this.#records += 1;
      return drawValue(random, `${name}-${this.#records}`);
    });
    const timestamp = 1_767_225_600_000_000 + world.scheduler.now;
    lane.give(values.map(recordId), this.#session, (stamp) => encodeRecords(values, timestamp, stamp));
  }
}
