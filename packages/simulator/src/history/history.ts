/**
 * What clients saw, as they wrote it down at the time: the only account of a run that owes nothing to the
 * cluster. The simulator's clients and those of the real-process harness fill the same one.
 *
 * A record is named by an id that stands for its whole content (the content itself, or a digest of it), unique
 * in the run. A lane is one producer in one partition: the unit within which order is promised.
 */
export interface ProducedRecord {
  readonly id: string;
  readonly lane: string;
  /** Position among the records of its lane, in the order in which the producer was given them. */
  readonly position: number;
  outcome: ProduceOutcome;
}

export type ProduceOutcome =
  | { readonly type: 'open' }
  | { readonly type: 'acked'; readonly partition: string; readonly offset: number }
  /** Every attempt was answered with a definite error: not in the log, and never will be. */
  | { readonly type: 'notApplied'; readonly code: string }
  /** Given up, or failed without a definite answer: in the log once, or not at all. */
  | { readonly type: 'unknown' };

/** Something that contradicts itself already while it is written down. */
export interface HistoryProblem {
  /** Stable name of the promise that was broken. */
  readonly rule: HistoryRule;
  readonly text: string;
}

export type HistoryRule =
  | 'acked is kept'
  | 'acked offset holds the record'
  | 'no duplicate'
  | 'order within a lane'
  | 'notApplied is in no log'
  | 'nothing foreign'
  | 'reads agree with the log'
  | 'reads are dense'
  | 'every request is answered'
  | 'one answer';

/** One consumed record. */
export interface ConsumedRecord {
  readonly offset: number;
  readonly id: string;
}

/** What one subscription delivered, in order. A consumer that subscribes anew begins another. */
export interface Reading {
  readonly reader: string;
  readonly partition: string;
  readonly records: ConsumedRecord[];
}

export class History {
  readonly #records = new Map<string, ProducedRecord>();
  readonly #lanes = new Map<string, number>();
  readonly #readings: Reading[] = [];
  readonly #problems: HistoryProblem[] = [];

  /** A record is given to a producer, before anything of it is sent. Calls within a lane are in lane order. */
  produced(id: string, lane: string): void {
    if (this.#records.has(id)) throw new Error(`the workload used the record id ${id} twice`);
    const position = this.#lanes.get(lane) ?? 0;
    this.#lanes.set(lane, position + 1);
    this.#records.set(id, { id, lane, position, outcome: { type: 'open' } });
  }

  acked(id: string, partition: string, offset: number): void {
    const record = this.#record(id);
    if (record.outcome.type === 'acked') {
      if (record.outcome.partition === partition && record.outcome.offset === offset) return;
      this.#problem('one answer', `${id} was acked at ${record.outcome.offset}, then at ${offset}`);
      return;
    }
    if (record.outcome.type === 'notApplied') {
      this.#problem('one answer', `${id} was reported notApplied, then acked at ${partition}:${offset}`);
    }
    record.outcome = { type: 'acked', partition, offset };
  }

  notApplied(id: string, code: string): void {
    const record = this.#record(id);
    if (record.outcome.type === 'acked') {
      this.#problem('one answer', `${id} was acked, then reported notApplied (${code})`);
      return;
    }
    record.outcome = { type: 'notApplied', code };
  }

  unknown(id: string): void {
    const record = this.#record(id);
    if (record.outcome.type === 'open') record.outcome = { type: 'unknown' };
  }

  /** A subscription begins; its records are added with `consumed`. */
  reading(reader: string, partition: string): Reading {
    const reading: Reading = { reader, partition, records: [] };
    this.#readings.push(reading);
    return reading;
  }

  consumed(reading: Reading, offset: number, id: string): void {
    const last = reading.records.at(-1);
    if (last !== undefined && offset !== last.offset + 1) {
      this.#problem(
        'reads are dense',
        `${reading.reader} got offset ${offset} of ${reading.partition} after ${last.offset}`,
      );
    }
    reading.records.push({ offset, id });
  }

  get records(): ReadonlyMap<string, ProducedRecord> {
    return this.#records;
  }

  get readings(): readonly Reading[] {
    return this.#readings;
  }

  /** Contradictions found while recording. */
  get problems(): readonly HistoryProblem[] {
    return this.#problems;
  }

  /** How many records ended how. */
  counts(): Record<ProduceOutcome['type'] | 'consumed', number> {
    const counts = { open: 0, acked: 0, notApplied: 0, unknown: 0, consumed: 0 };
    for (const record of this.#records.values()) counts[record.outcome.type] += 1;
    for (const reading of this.#readings) counts.consumed += reading.records.length;
    return counts;
  }

  #record(id: string): ProducedRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new Error(`the workload never produced a record ${id}`);
    return record;
  }

  #problem(rule: HistoryRule, text: string): void {
    this.#problems.push({ rule, text });
  }
}
