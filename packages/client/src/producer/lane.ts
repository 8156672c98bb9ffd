import { type ErrorCode, ErrorCodes } from '@vireo/protocol';
import type { LaneAction, LaneEvent } from './lane-events.ts';

/**
 * One lane: one producer id in one partition. Pure: events in, actions out, no clock and no socket, so that
 * its rules can be searched. The rules, and why each is there (without it a record is lost, stored twice or
 * out of order):
 *
 * - A refusal speaks of one *attempt*; `notApplied` is said of a batch only if every attempt of it was refused.
 *   A closed connection, a timeout or a view change is no answer.
 * - A retry keeps bytes and sequence. What was refused behind a gap is sent again, in order.
 * - A sequence gets other content only if every attempt with it was refused. Else the lane epoch is raised,
 *   which shuts out the late attempt; what is unanswered then is of unknown outcome and never sent again, what
 *   was only refused is.
 * - The lane (epoch or id) changes only at its oldest unsettled batch: an older one, retried in the new lane,
 *   could be there twice.
 */

/** The lane epoch is the low half of the producer epoch; the high half is the registration, 0 without a name. */
const LANE_EPOCH_MAX = 0xffff;

interface LaneBatch {
  readonly id: number;
  /** −1 while it waits, that is, belongs to no lane epoch yet. */
  sequence: number;
  /** The attempt that an answer is expected to, or 0. */
  open: number;
  /** Every attempt without a definite answer; the open one is among them. */
  unanswered: number[];
  /** Refused for good (or the id has expired): acted upon once this is the oldest. */
  verdict: ErrorCode | null;
  /** The last answer, for whoever is told in the end. */
  lastCode: ErrorCode;
  /** Refused behind a gap since the last sign of progress. */
  gaps: number;
}

/** Answers after which nobody may write in this lane again. */
const LANE_FATAL: ReadonlySet<ErrorCode> = new Set(['fenced', 'sequenceConflict', 'instanceReplaced']);

export class Lane {
  readonly #inFlightMax: number;
  #producerId: number | null = null;
  #registering = false;
  #epoch = 0;
  #next = 0;
  #attempts = 0;
  /** Highest sequence acked in this lane epoch, −1 for none. */
  #ackedMax = -1;
  /** From the start: nobody has looked for the primary yet. */
  #held = true;
  #dead: ErrorCode | null = null;
  /** In order of submission, all flying before all waiting. */
  #flying: LaneBatch[] = [];
  #waiting: LaneBatch[] = [];

  /** `inFlightMax`: batches without a settled answer at once; the partition remembers the last 32 of a lane. */
  constructor(inFlightMax: number) {
    this.#inFlightMax = inFlightMax;
  }

  /** Batches sent and not settled. */
  get inFlight(): number {
    return this.#flying.length;
  }

  /** Batches submitted and not in flight. */
  get queued(): number {
    return this.#waiting.length;
  }

  get held(): boolean {
    return this.#held;
  }

  /** The id of the oldest unsettled batch, or null. */
  get oldest(): number | null {
    return (this.#flying[0] ?? this.#waiting[0])?.id ?? null;
  }

  /** Whether a new batch would be sent at once. */
  get open(): boolean {
    return (
      this.#dead === null &&
      !this.#held &&
      this.#producerId !== null &&
      this.#waiting.length === 0 &&
      this.#flying.length < this.#inFlightMax
    );
  }

  /** Takes one event; appends what is to be done to `out`, in this order. */
  step(event: LaneEvent, out: LaneAction[]): void {
    switch (event.type) {
      case 'submit':
        this.#submit(event.batch, out);
        break;
      case 'withdraw':
        this.#withdraw(event.batch, out);
        break;
      case 'acked':
        this.#acked(event.batch, out);
        break;
      case 'refused':
        this.#refused(event.batch, event.attempt, event.code, out);
        break;
      case 'unanswered':
        this.#unanswered(event.batch, event.attempt, event.code, out);
        break;
      case 'resume':
        this.#held = false;
        for (const batch of this.#flying) batch.gaps = 0;
        break;
      case 'deadline':
        this.#deadline(out);
        break;
      case 'identity':
        this.#registering = false;
        this.#producerId = event.producerId;
        break;
      case 'abandon':
        this.#abandon(event.code, out);
        break;
    }
    if (this.#dead !== null) return;
    this.#judgeOldest(out);
    this.#pump(out);
  }

  #submit(id: number, out: LaneAction[]): void {
    if (this.#dead !== null) {
      out.push({ type: 'settle', batch: id, outcome: 'notApplied', code: this.#dead });
      return;
    }
    this.#waiting.push({
      id,
      sequence: -1,
      open: 0,
      unanswered: [],
      verdict: null,
      lastCode: 'timeout',
      gaps: 0,
    });
  }

  #withdraw(id: number, out: LaneAction[]): void {
    const index = this.#waiting.findIndex((batch) => batch.id === id);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    out.push({ type: 'settle', batch: id, outcome: 'notApplied', code: 'aborted' });
  }

  #find(id: number): LaneBatch | undefined {
    for (const batch of this.#flying) if (batch.id === id) return batch;
    return undefined;
  }

  /** An ack of any attempt settles the batch: all its attempts carry the same sequence and bytes. */
  #acked(id: number, out: LaneAction[]): void {
    const index = this.#flying.findIndex((batch) => batch.id === id);
    if (index < 0) return;
    const batch = this.#flying[index]!;
    this.#flying.splice(index, 1);
    if (batch.sequence > this.#ackedMax) this.#ackedMax = batch.sequence;
    for (const other of this.#flying) other.gaps = 0;
    out.push({ type: 'settle', batch: id, outcome: 'acked', code: null });
  }

  #refused(id: number, attempt: number, code: ErrorCode, out: LaneAction[]): void {
    const batch = this.#find(id);
    if (batch === undefined) return;
    const index = batch.unanswered.indexOf(attempt);
    if (index < 0) return;
    batch.unanswered.splice(index, 1);
    batch.lastCode = code;
    // A late word on an attempt that was given up as unanswered: it only makes the count of those smaller.
    if (batch.open !== attempt) return;
    batch.open = 0;
    if (LANE_FATAL.has(code)) {
      this.#abandon(code, out);
    } else if (code === 'sequenceGap') {
      // The batch before it is on its way again, or this hold is not the first: then only waiting helps.
      if (batch.gaps > 0 || batch === this.#flying[0]) this.#hold(code, out);
      batch.gaps++;
    } else if (code === 'sessionExpired' || !ErrorCodes[code].retryable) {
      batch.verdict = code;
    } else {
      this.#hold(code, out);
    }
  }

  #unanswered(id: number, attempt: number, code: ErrorCode, out: LaneAction[]): void {
    const batch = this.#find(id);
    if (batch === undefined || batch.open !== attempt) return;
    batch.open = 0;
    batch.lastCode = code;
    this.#hold(code, out);
  }

  #hold(code: ErrorCode, out: LaneAction[]): void {
    if (this.#held) return;
    this.#held = true;
    out.push({ type: 'hold', code });
  }

  #deadline(out: LaneAction[]): void {
    const batch = this.#flying.shift();
    if (batch === undefined) {
      const waiting = this.#waiting.shift();
      if (waiting)
        out.push({ type: 'settle', batch: waiting.id, outcome: 'notApplied', code: waiting.lastCode });
      return;
    }
    this.#settleRefused(batch, batch.lastCode, out);
    this.#quiesce(out);
    this.#raiseEpoch();
  }

  /**
   * Acts on the verdict of the oldest batch. Attempts of later ones that are still open are waited for first:
   * they are about to be refused behind the gap, and are then not of unknown outcome.
   */
  #judgeOldest(out: LaneAction[]): void {
    const batch = this.#flying[0];
    if (batch === undefined || batch.verdict === null) return;
    for (const other of this.#flying) if (other.open !== 0) return;
    const clean =
      this.#ackedMax < batch.sequence && this.#flying.every((other) => other.unanswered.length === 0);
    if (batch.verdict === 'sessionExpired') {
      this.#quiesce(out);
      this.#forgetIdentity();
      return;
    }
    this.#flying.shift();
    this.#settleRefused(batch, batch.verdict, out);
    this.#quiesce(out);
    if (clean) this.#next = batch.sequence;
    else this.#raiseEpoch();
  }

  #settleRefused(batch: LaneBatch, code: ErrorCode, out: LaneAction[]): void {
    const outcome = batch.unanswered.length === 0 ? 'notApplied' : 'unknown';
    out.push({ type: 'settle', batch: batch.id, outcome, code });
  }

  /** Empties the air: what is unanswered is of unknown outcome, what was only refused waits to be sent again. */
  #quiesce(out: LaneAction[]): void {
    const again: LaneBatch[] = [];
    for (const batch of this.#flying) {
      if (batch.unanswered.length > 0) {
        out.push({ type: 'settle', batch: batch.id, outcome: 'unknown', code: 'outcomeUnknown' });
        continue;
      }
      batch.sequence = -1;
      batch.open = 0;
      batch.verdict = null;
      batch.gaps = 0;
      again.push(batch);
    }
    this.#flying = [];
    if (again.length > 0) this.#waiting = again.concat(this.#waiting);
  }

  #raiseEpoch(): void {
    if (this.#epoch >= LANE_EPOCH_MAX) {
      this.#forgetIdentity();
      return;
    }
    this.#epoch++;
    this.#next = 0;
    this.#ackedMax = -1;
  }

  #forgetIdentity(): void {
    this.#producerId = null;
    this.#epoch = 0;
    this.#next = 0;
    this.#ackedMax = -1;
  }

  #abandon(code: ErrorCode, out: LaneAction[]): void {
    this.#dead = code;
    for (const batch of this.#flying) this.#settleRefused(batch, code, out);
    for (const batch of this.#waiting) this.#settleRefused(batch, code, out);
    this.#flying = [];
    this.#waiting = [];
  }

  /** Sends, in order, whatever has no open attempt: again with its sequence, or for the first time. */
  #pump(out: LaneAction[]): void {
    if (this.#producerId === null) {
      if (!this.#registering && this.#waiting.length > 0) {
        this.#registering = true;
        out.push({ type: 'register' });
      }
      return;
    }
    if (this.#held) return;
    for (const batch of this.#flying) {
      // Behind a batch that will not be sent again everything would be refused as a gap.
      if (batch.verdict !== null) return;
      if (batch.open === 0) this.#attempt(batch, this.#producerId, out);
    }
    while (this.#waiting.length > 0 && this.#flying.length < this.#inFlightMax) {
      const batch = this.#waiting.shift()!;
      batch.sequence = this.#next++;
      this.#flying.push(batch);
      this.#attempt(batch, this.#producerId, out);
    }
  }

  #attempt(batch: LaneBatch, producerId: number, out: LaneAction[]): void {
    const attempt = ++this.#attempts;
    batch.open = attempt;
    batch.unanswered.push(attempt);
    out.push({
      type: 'send',
      batch: batch.id,
      attempt,
      producerId,
      producerEpoch: this.#epoch,
      sequence: batch.sequence,
    });
  }
}
