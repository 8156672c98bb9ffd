import {
  decodeBatches,
  decodeError,
  decodePrepare,
  encodeCredit,
  encodeFrameHead,
  encodeSubscribe,
  encodeUnsubscribe,
  type Frame,
  FrameKind,
  type PartitionDescription,
} from '@vireo/protocol';
import type { History, Reading } from '../history/index.ts';
import type { Prng } from '../world/prng.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import { type ClientWorld, Link } from './link.ts';
import { decodeRecords } from './records.ts';
import { lookUpTopic, partitionName, topicName } from './topic.ts';

interface ConsumerParts {
  readonly id: number;
  readonly name: string;
  readonly world: ClientWorld;
  readonly history: History;
  readonly random: Prng;
}

/** One partition as one consumer reads it: at some replica for a while, then at another from where it was. */
interface Position {
  readonly partition: PartitionDescription;
  next: number;
  link: Link | null;
  subscription: number;
  /** Connection of the link for which the subscription was made. */
  opened: number;
  reading: Reading | null;
  heardAt: number;
  moveAt: number;
}

const creditBytes = 16 * 1024;
const creditRecords = 64;
const silenceMax = 3_000_000;

/** Reads every partition from the start, from any replica, moving about. */
export class Consumer {
  readonly #parts: ConsumerParts;
  readonly #links: readonly Link[];
  readonly #bySubscription = new Map<string, Position>();
  #positions: Position[] = [];
  #subscriptions = 0;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
    const { id, name, world, random } = parts;
    this.#links = Array.from(
      { length: world.nodes },
      (_, node) =>
        new Link(id, name, node, world, random.fork(`link ${node}`), (frame) => this.#pushed(node, frame)),
    );
  }

  /** Subscriptions made so far. */
  get operations(): number {
    return this.#subscriptions;
  }

  /** Offset up to which a partition was read. */
  positionOf(partition: number): number {
    return this.#positions.find((position) => position.partition.partition === partition)?.next ?? 0;
  }

  start(): void {
    const { world, random } = this.#parts;
    lookUpTopic(world, this.#links, random, topicName, (topic) => {
      this.#positions = topic.groups.map((partition) => ({
        partition,
        next: 0,
        link: null,
        subscription: -1,
        opened: -1,
        reading: null,
        heardAt: 0,
        moveAt: 0,
      }));
      this.#tend();
    });
  }

  /** Every 50 ms: subscribes what is not subscribed, leaves what is silent or has stayed long enough. */
  #tend(): void {
    const { world, random } = this.#parts;
    const { now } = world.scheduler;
    for (const position of this.#positions) {
      const { link } = position;
      if (link !== null && position.opened !== link.opened) this.#leave(position);
      else if (link !== null && now - position.heardAt > silenceMax) {
        link.close();
        this.#leave(position);
      } else if (link !== null && now >= position.moveAt) {
        link.send([encodeUnsubscribe(position.subscription, position.partition.group, simChecksums)]);
        this.#leave(position);
      }
      if (position.link === null) this.#subscribe(position);
    }
    world.scheduler.after(random.between(30_000, 70_000), () => this.#tend());
  }

  #leave(position: Position): void {
    this.#bySubscription.delete(`${position.link?.node}/${position.subscription}`);
    position.link = null;
    position.reading = null;
  }

  #subscribe(position: Position): void {
    const { random, world, name } = this.#parts;
    const link = this.#links[random.pick(position.partition.members)]!;
    if (!link.ready) return;
    this.#subscriptions += 1;
    const subscription = this.#subscriptions;
    position.link = link;
    position.opened = link.opened;
    position.subscription = subscription;
    position.heardAt = world.scheduler.now;
    position.moveAt = world.scheduler.now + random.between(300_000, 4_000_000);
    // Now and then all over again: what was read before must be read again, equal.
    if (random.chance(100)) position.next = 0;
    this.#bySubscription.set(`${link.node}/${subscription}`, position);
    const from = position.next === 0 ? ({ start: true } as const) : { offset: position.next };
    const payload = encodeSubscribe({
      subscription,
      from,
      creditBytes,
      creditRecords,
      consistency: 'committed',
    });
    link.call(
      (correlation) => [
        encodeFrameHead(FrameKind.subscribe, correlation, position.partition.group, payload, 0, simChecksums),
      ],
      (answer) => {
        if (position.subscription !== subscription || position.link !== link) return;
        // Behind, not hosted yet, an old primary that has not heard of its end: another replica, later.
        if (answer.type !== 'frame') this.#leave(position);
        else if (answer.frame.kind !== FrameKind.subscribed) {
          throw world.broken(name, `subscribe was answered with kind ${answer.frame.kind}`);
        }
      },
    );
  }

  #pushed(node: number, frame: Frame): void {
    const { world, name } = this.#parts;
    const position = this.#bySubscription.get(`${node}/${frame.correlation}`);
    // What was under way when the subscription was left.
    if (position === undefined) return;
    position.heardAt = world.scheduler.now;
    if (frame.kind === FrameKind.subscriptionStatus) return;
    if (frame.kind === FrameKind.subscriptionEnd) {
      const error = decodeError(frame.payload);
      if (!error.ok) throw world.broken(name, `a subscription ended with ${error.error.message}`);
      this.#leave(position);
      return;
    }
    if (frame.kind === FrameKind.batches) this.#batches(position, frame);
  }

  #batches(position: Position, frame: Frame): void {
    const { world, name, history } = this.#parts;
    const batches = decodeBatches(frame);
    if (!batches.ok) throw world.broken(name, `a push does not decode: ${batches.error.message}`);
    let { body } = batches.value;
    let bytes = 0;
    let count = 0;
    while (body.length > 0) {
      const prepare = decodePrepare(body, simChecksums, true);
      if (!prepare.ok) throw world.broken(name, `a push holds damage: ${prepare.error.message}`);
      for (const { offset, id } of decodeRecords(prepare.value)) {
        count += 1;
        // A batch is sent whole; the subscription began in its middle.
        if (offset < position.next) continue;
        if (position.reading === null) {
          position.reading = history.reading(name, partitionName(position.partition.partition));
          if (offset !== position.next) {
            throw world.broken(name, `asked for offset ${position.next}, the first record has ${offset}`);
          }
        }
        history.consumed(position.reading, offset, id);
        position.next = offset + 1;
      }
      bytes += prepare.value.header.size;
      body = body.subarray(prepare.value.header.size);
    }
    const credit = encodeCredit(
      position.subscription,
      position.partition.group,
      { bytes, records: count },
      simChecksums,
    );
    position.link?.send([credit]);
  }
}
