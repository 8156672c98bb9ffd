import type { History, HistoryProblem, HistoryRule, ProducedRecord } from './history.ts';

/** A partition's log as it stands at the end: what was read back, or what every replica holds. */
export interface FinalLog {
  /** Offset of the first record of `ids`; above 0 where retention has deleted. */
  readonly start: number;
  /** Ids of the records, in offset order. */
  readonly ids: readonly string[];
}

/** Problems reported per rule; the rest is counted. One broken replica would otherwise print a book. */
const problemsPerRuleMax = 5;

/**
 * Compares what clients were told with what the logs hold.
 *
 * `complete`: the run ended quietly, so that a request without any answer is a problem too.
 * Returns an empty list when every promise was kept.
 */
export function verifyHistory(
  history: History,
  logs: ReadonlyMap<string, FinalLog>,
  complete: boolean,
): HistoryProblem[] {
  const report = new Report(history.problems);
  const found = new Map<string, string>();
  for (const [partition, log] of logs) checkLog(history, partition, log, found, report);
  for (const record of history.records.values()) checkOutcome(record, logs, found, complete, report);
  checkReadings(history, logs, report);
  return report.finish();
}

class Report {
  readonly #problems: HistoryProblem[];
  readonly #counts = new Map<HistoryRule, number>();

  constructor(initial: readonly HistoryProblem[]) {
    this.#problems = [...initial];
  }

  add(rule: HistoryRule, text: string): void {
    const count = (this.#counts.get(rule) ?? 0) + 1;
    this.#counts.set(rule, count);
    if (count <= problemsPerRuleMax) this.#problems.push({ rule, text });
  }

  finish(): HistoryProblem[] {
    for (const [rule, count] of this.#counts) {
      if (count > problemsPerRuleMax) {
        this.#problems.push({ rule, text: `and ${count - problemsPerRuleMax} more` });
      }
    }
    return this.#problems;
  }
}

function checkLog(
  history: History,
  partition: string,
  log: FinalLog,
  found: Map<string, string>,
  report: Report,
): void {
  const lanes = new Map<string, ProducedRecord>();
  for (const [index, id] of log.ids.entries()) {
    const place = `${partition}:${log.start + index}`;
    const record = history.records.get(id);
    if (record === undefined) {
      report.add('nothing foreign', `${place} holds ${id}, which nobody produced`);
      continue;
    }
    const earlier = found.get(id);
    if (earlier !== undefined) report.add('no duplicate', `${id} is at ${earlier} and at ${place}`);
    found.set(id, place);
    const before = lanes.get(record.lane);
    if (before !== undefined && before.position > record.position) {
      report.add(
        'order within a lane',
        `${place} holds ${id}, which was produced before ${before.id} ahead of it`,
      );
    } else {
      lanes.set(record.lane, record);
    }
  }
}

function checkOutcome(
  record: ProducedRecord,
  logs: ReadonlyMap<string, FinalLog>,
  found: ReadonlyMap<string, string>,
  complete: boolean,
  report: Report,
): void {
  const { id, outcome } = record;
  switch (outcome.type) {
    case 'open':
      if (complete) report.add('every request is answered', `${id} got no answer`);
      return;
    case 'unknown':
      return;
    case 'notApplied': {
      const place = found.get(id);
      if (place !== undefined) {
        report.add('notApplied is in no log', `${id} was refused (${outcome.code}) and is at ${place}`);
      }
      return;
    }
    case 'acked': {
      const log = logs.get(outcome.partition);
      if (log === undefined) {
        report.add('acked is kept', `${id} was acked in ${outcome.partition}, which does not exist`);
        return;
      }
      if (outcome.offset < log.start) return;
      if (!found.has(id)) {
        report.add('acked is kept', `${id} was acked at ${outcome.partition}:${outcome.offset} and is lost`);
      } else if (log.ids[outcome.offset - log.start] !== id) {
        report.add(
          'acked offset holds the record',
          `${id} was acked at ${outcome.partition}:${outcome.offset} and is at ${found.get(id)}`,
        );
      }
      return;
    }
  }
}

function checkReadings(history: History, logs: ReadonlyMap<string, FinalLog>, report: Report): void {
  for (const { reader, partition, records } of history.readings) {
    const log = logs.get(partition);
    for (const { offset, id } of records) {
      if (log !== undefined && offset < log.start) continue;
      const present = log?.ids[offset - log.start];
      if (present !== id) {
        report.add(
          'reads agree with the log',
          `${reader} read ${id} at ${partition}:${offset}, where the log holds ${present ?? 'nothing'}`,
        );
      }
    }
  }
}
