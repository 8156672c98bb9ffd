/** What `produce` did, as `--json` prints it. */
export interface ProduceSummary {
  /** Records taken from the input, or generated. */
  readonly records: number;
  /** Of these, known to be stored. */
  readonly acked: number;
  /** Of these, refused or without an answer. */
  readonly failed: number;
  /** Keys and values taken. */
  readonly bytes: number;
  readonly seconds: number;
  readonly recordsPerSecond: number;
}

/** Puts the numbers together; seconds to the millisecond. */
export function summarize(records: number, acked: number, seconds: number, bytes: number): ProduceSummary {
  const rounded = Math.round(seconds * 1_000) / 1_000;
  const rate = Math.round(acked / Math.max(seconds, 0.001));
  return { records, acked, failed: records - acked, bytes, seconds: rounded, recordsPerSecond: rate };
}

/** One line for people. */
export function summaryText({
  records,
  acked,
  failed,
  bytes,
  seconds,
  recordsPerSecond,
}: ProduceSummary): string {
  const share = failed === 0 ? grouped(acked) : `${grouped(acked)} of ${grouped(records)}`;
  const megabytes = (bytes / 1e6 / Math.max(seconds, 0.001)).toFixed(1);
  const rate = failed === 0 ? ` (${grouped(recordsPerSecond)} records/s, ${megabytes} MB/s)` : '';
  return `${share} ${records === 1 ? 'record' : 'records'} acknowledged in ${seconds} s${rate}`;
}

/** How far it is: `12,000 of 100,000 records acknowledged, 40,000 records/s`. */
export function progressText(acked: number, seconds: number, total: number | undefined): string {
  const share = total === undefined ? grouped(acked) : `${grouped(acked)} of ${grouped(total)}`;
  return `${share} records acknowledged, ${grouped(Math.round(acked / Math.max(seconds, 0.001)))} records/s`;
}

/** 1234567 → 1,234,567: the same in every locale. */
function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}
