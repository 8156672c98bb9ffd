import { DurabilityCode, encodeProduceHead, FrameKind, type TopicDescription } from '@vireo/protocol';
import type { Prng } from '../world/prng.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import { type ClientWorld, insist, Link } from './link.ts';
import { drawValue, encodeRecords } from './records.ts';
import { lookUpTopic, streamName } from './topic.ts';

interface ChurnParts {
  readonly id: number;
  readonly name: string;
  readonly world: ClientWorld;
  readonly random: Prng;
  readonly replication: number;
  /** Modes that a topic may be made in. */
  readonly modes: readonly ('disk' | 'memory')[];
  /** Topics that are made in the run, one after another. */
  readonly topics: number;
  /** They are spread over this time, µs. */
  readonly duration: number;
}

/** Refusals by which a batch learns that its partition is gone. */
const goneCodes: readonly string[] = ['topicDeleted', 'unknownTopic', 'unknownPartition', 'unknownGroup'];

/**
 * Makes topics, writes into them, and deletes them while writes are under way. What was written there counts for
 * nothing at the end: what counts is that partitions come and go by their ops alone, and others do not notice.
 */
export class TopicChurn {
  readonly #parts: ChurnParts;
  readonly #links: readonly Link[];
  #session = 0;
  #made = 0;
  #isDone = false;
  operations = 0;

  constructor(parts: ChurnParts) {
    this.#parts = parts;
    const { id, name, world, random } = parts;
    this.#links = Array.from(
      { length: world.nodes },
      (_, node) => new Link(id, name, node, world, random.fork(`link ${node}`), () => {}),
    );
  }

  /** Nothing is asked for any more. */
  get isDone(): boolean {
    return this.#isDone;
  }

  start(): void {
    const { world, random, name } = this.#parts;
    insist(world, this.#links, random, { op: 'register', nonce: random.bytes(16) }, (response, error) => {
      if (response === null) throw world.broken(name, `register was refused: ${error?.message}`);
      this.#session = response.sessionId;
      this.#next();
    });
  }

  #next(): void {
    const { world, random, topics, duration } = this.#parts;
    if (this.#made === topics) {
      this.#isDone = true;
      return;
    }
    this.#made += 1;
    world.scheduler.after(random.below(Math.floor(duration / (topics * 2))), () => this.#make());
  }

  #make(): void {
    const { world, random, name, replication, modes } = this.#parts;
    const topic = `churn-${this.#made}`;
    this.operations += 1;
    const request = {
      op: 'createTopic',
      stream: streamName,
      name: topic,
      partitions: random.between(1, 2),
      replication,
      durability: random.pick(modes),
    } as const;
    insist(world, this.#links, random, request, (_made, error) => {
      if (error !== null && error.code !== 'alreadyExists')
        throw world.broken(name, `creation was refused: ${error.code} ${error.message}`);
      lookUpTopic(world, this.#links, random, topic, (found) => this.#use(found));
    });
  }

  #use(topic: TopicDescription): void {
    const { world, random, duration, topics } = this.#parts;
    for (const { group, partition, members } of topic.groups)
      this.#produce(topic.id, group, partition, members, 0, random.between(1, 20));
    const lifetime = random.below(random.pick([50_000, Math.floor(duration / (topics * 2))]));
    world.scheduler.after(lifetime, () => this.#delete(topic));
  }

  #delete(topic: TopicDescription): void {
    const { world, random, name } = this.#parts;
    this.operations += 1;
    insist(
      world,
      this.#links,
      random,
      { op: 'deleteTopic', target: { topicId: topic.id } },
      (done, error) => {
        if (done === null) throw world.broken(name, `deletion was refused: ${error?.code} ${error?.message}`);
        this.#next();
      },
    );
  }

  /** One batch after another, each until it is answered, or until the partition is gone. */
  #produce(
    topicId: number,
    group: number,
    partition: number,
    members: readonly number[],
    sequence: number,
    left: number,
  ): void {
    const { world, random, name } = this.#parts;
    if (left === 0) return;
    this.operations += 1;
    const stamp = { producerId: this.#session, producerEpoch: 0, sequence };
    const timestamp = 1_767_225_600_000_000 + world.scheduler.now;
    const bytes = encodeRecords([drawValue(random, `${name}-${group}-${sequence}`)], timestamp, stamp);
    let target = random.pick(members);
    const again = (): void => {
      world.scheduler.after(random.between(1_000, 60_000), attempt);
    };
    const attempt = (): void => {
      const link = this.#links[target]!;
      if (!link.ready) {
        if (random.chance(200)) target = random.pick(members);
        again();
        return;
      }
      const frame = (correlation: number): readonly Buffer[] => {
        const copy = Buffer.from(bytes);
        const fields = { durability: DurabilityCode.topic, routingVersion: 0, stamp: 0, topicId, partition };
        encodeProduceHead(copy, correlation, group, fields, simChecksums);
        return [copy];
      };
      link.call(frame, (answer) => {
        if (answer.type === 'frame') {
          if (answer.frame.kind !== FrameKind.produceAck)
            throw world.broken(name, `a batch was answered with kind ${answer.frame.kind}`);
          this.#produce(topicId, group, partition, members, sequence + 1, left - 1);
          return;
        }
        if (answer.type === 'error' && goneCodes.includes(answer.error.code)) return;
        const primary = answer.type === 'error' ? answer.error.details?.primary : undefined;
        target = typeof primary === 'number' && members.includes(primary) ? primary : random.pick(members);
        again();
      });
    };
    attempt();
  }
}
