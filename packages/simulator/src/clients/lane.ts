import {
  type BatchStamp,
  DurabilityCode,
  decodeProduceAck,
  encodeProduceHead,
  FrameKind,
  PRODUCE_ROOM,
  restampBatch,
} from '@vireo/protocol';
import type { History } from '../history/index.ts';
import type { Prng } from '../world/prng.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import type { Answer, ClientWorld, Link } from './link.ts';
import { partitionName } from './topic.ts';

/** Batches of a lane in flight at once. */
const inFlightMax = 4;

interface Batch {
  readonly ids: readonly string[];
  readonly givenAt: number;
  bytes: Buffer;
  stamp: BatchStamp;
  inFlight: boolean;
  /** Some attempt ended without a definite answer: the batch may be in the log. */
  unanswered: boolean;
}

export interface LaneParts {
  readonly name: string;
  readonly world: ClientWorld;
  readonly history: History;
  readonly random: Prng;
  readonly links: readonly Link[];
  readonly partition: number;
  readonly group: number;
  readonly topicId: number;
  readonly members: readonly number[];
  /** µs after which a batch without an answer is given up; the lane then goes on in a new epoch. */
  readonly patience: number;
  readonly onDuplicate: () => void;
  /** The session is gone, as far as a loss that was said explains it: the lane waits for another (`renew`). */
  readonly onSessionLost: () => void;
}

/**
 * One producer in one partition, by the rules of lanes: same bytes under the same sequence until there is an
 * answer; refused behind a gap means sent again in order; a sequence gets other content only if every attempt
 * with it was refused; what is given up unanswered is unknown, shut out by a higher lane epoch, never sent again.
 */
export class Lane {
  readonly #parts: LaneParts;
  readonly #batches: Batch[] = [];
  #epoch = 0;
  #next = 0;
  #target: number;
  /** An attempt failed: the lane drains, then sends again from its oldest batch. */
  #recovering = false;
  #waitUntil = 0;
  #wakes = false;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#target = parts.random.pick(parts.members);
  }

  get length(): number {
    return this.#batches.length;
  }

  /** Takes a batch of `ids`; `encode` makes its bytes for a stamp. */
  give(ids: readonly string[], producerId: number, encode: (stamp: BatchStamp) => Buffer): void {
    const stamp = { producerId, producerEpoch: this.#epoch, sequence: this.#next };
    this.#next += 1;
    for (const id of ids) this.#parts.history.produced(id, this.#parts.name);
    this.#batches.push({
      ids,
      givenAt: this.#parts.world.scheduler.now,
      bytes: encode(stamp),
      stamp,
      inFlight: false,
      unanswered: false,
    });
    this.#pump();
  }

  #pump(): void {
    const { world, links } = this.#parts;
    if (this.#batches.length === 0) return;
    this.#giveUpIfTooLate();
    const inFlight = this.#batches.filter((batch) => batch.inFlight).length;
    const link = links[this.#target]!;
    const isReady = link.ready;
    if (isReady && world.scheduler.now >= this.#waitUntil && !(this.#recovering && inFlight > 0)) {
      this.#recovering = false;
      let free = inFlightMax - inFlight;
      for (const batch of this.#batches) {
        if (batch.inFlight) continue;
        if (free === 0 || this.#recovering) break;
        free -= 1;
        this.#send(link, batch);
      }
    } else if (!isReady && inFlight === 0 && this.#parts.random.chance(100)) {
      this.#target = this.#parts.random.pick(this.#parts.members);
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#wakes || this.#batches.length === 0) return;
    this.#wakes = true;
    this.#parts.world.scheduler.after(20_000, () => {
      this.#wakes = false;
      this.#pump();
    });
  }

  #send(link: Link, batch: Batch): void {
    batch.inFlight = true;
    const { bytes, stamp } = batch;
    link.call(this.#frame(bytes), (answer) => {
      // Given up meanwhile: its fate is unknown, whatever is said of it now.
      if (!this.#batches.includes(batch) || batch.stamp !== stamp) return;
      batch.inFlight = false;
      this.#answered(batch, answer);
      this.#pump();
    });
  }

  /** Makes the frame of an attempt; a copy, for the head differs each time. */
  #frame(bytes: Buffer): (correlation: number) => readonly Buffer[] {
    const { group, topicId, partition } = this.#parts;
    return (correlation) => {
      const frame = Buffer.from(bytes);
      const fields = { durability: DurabilityCode.topic, routingVersion: 0, stamp: 0, topicId, partition };
      encodeProduceHead(frame, correlation, group, fields, simChecksums);
      return [frame];
    };
  }

  #answered(batch: Batch, answer: Answer): void {
    const { history, group, partition, world, random, name, members, onDuplicate } = this.#parts;
    if (answer.type === 'frame') {
      const ack = answer.frame.kind === FrameKind.produceAck ? decodeProduceAck(answer.frame) : null;
      if (ack === null || !ack.ok)
        throw world.broken(name, `a batch was answered with kind ${answer.frame.kind}`);
      if (ack.value.count !== batch.ids.length) {
        throw world.broken(name, `${batch.ids.length} records were acked as ${ack.value.count}`);
      }
      if (ack.value.duplicate) onDuplicate();
      const { op, lossEpoch } = ack.value;
      if (op > (world.acked.get(group)?.op ?? 0)) world.acked.set(group, { op, lossEpoch });
      batch.ids.forEach((id, index) => {
        history.acked(id, partitionName(partition), ack.value.baseOffset + index);
      });
      this.#batches.splice(this.#batches.indexOf(batch), 1);
      return;
    }
    this.#recovering = true;
    this.#waitUntil = world.scheduler.now + random.between(1_000, 60_000);
    if (answer.type === 'none') {
      batch.unanswered = true;
      // Often back to the same node: whoever leads again later must not take the retry for what it has forgotten.
      if (random.chance(500)) this.#target = random.pick(members);
      return;
    }
    const { error } = answer;
    if (error.code === 'sessionExpired' && world.mayHaveLostSessions()) {
      this.#parts.onSessionLost();
      return;
    }
    if (!error.retryable && error.outcome === 'notApplied') {
      throw world.broken(
        name,
        `batch ${batch.stamp.sequence} was refused for good: ${error.code} ${error.message}`,
      );
    }
    const primary = error.details?.primary;
    if (typeof primary === 'number' && members.includes(primary)) this.#target = primary;
    else if (error.code !== 'sequenceGap' && random.chance(300)) this.#target = random.pick(members);
    if (error.outcome === 'unknown') batch.unanswered = true;
    else if (!batch.unanswered && batch === this.#batches.at(-1) && random.chance(150))
      this.#drop(batch, error.code);
  }

  /** The caller is told that it was not applied; its sequence is free, for every attempt was refused. */
  #drop(batch: Batch, code: string): void {
    for (const id of batch.ids) this.#parts.history.notApplied(id, code);
    this.#batches.pop();
    this.#next = batch.stamp.sequence;
  }

  /**
   * A frame that was under way all the while may arrive when the lane has long gone on: the higher epoch shuts it out,
   * and whoever takes it in puts it behind what came later.
   */
  #stray({ bytes, stamp }: Batch): void {
    const { world, random, links, members } = this.#parts;
    if (random.chance(500)) return;
    const frame = this.#frame(bytes);
    const send = (): void => {
      const link = links[random.pick(members)]!;
      if (link.ready && stamp.producerEpoch < this.#epoch) link.call(frame, () => {});
    };
    for (let index = 0; index < 3; index += 1) world.scheduler.after(random.between(1_000, 900_000), send);
  }

  /** Goes on in another session. What may be in the log by the old one is unknown, and never sent again. */
  renew(producerId: number): void {
    this.#epoch = 0;
    for (const batch of this.#goOn(producerId)) for (const id of batch.ids) this.#parts.history.unknown(id);
    this.#pump();
  }

  /** Past its patience the lane changes epoch, at its oldest unsettled batch. */
  #giveUpIfTooLate(): void {
    const { world, patience, history } = this.#parts;
    const oldest = this.#batches[0];
    if (oldest === undefined || world.scheduler.now - oldest.givenAt < patience) return;
    if (!oldest.unanswered && !oldest.inFlight) return;
    this.#epoch += 1;
    for (const batch of this.#goOn(oldest.stamp.producerId)) {
      for (const id of batch.ids) history.unknown(id);
      this.#stray(batch);
    }
  }

  /** Numbers anew what every attempt was refused of, under the present epoch; returns the others, which are dropped. */
  #goOn(producerId: number): readonly Batch[] {
    const isOpen = (batch: Batch): boolean => batch.unanswered || batch.inFlight;
    const open = this.#batches.filter(isOpen);
    const kept = this.#batches.filter((batch) => !isOpen(batch));
    this.#batches.length = 0;
    this.#next = 0;
    for (const batch of kept) {
      batch.stamp = { producerId, producerEpoch: this.#epoch, sequence: this.#next };
      this.#next += 1;
      batch.bytes = Buffer.from(batch.bytes);
      restampBatch(batch.bytes.subarray(PRODUCE_ROOM), batch.stamp, simChecksums);
      this.#batches.push(batch);
    }
    this.#recovering = false;
    return open;
  }
}
