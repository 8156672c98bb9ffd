/** The loads of the first harness. The bare path runs the same three, in this order. */
export interface Load {
  readonly name: string;
  /** Bytes of a record's value. */
  readonly recordBytes: number;
  readonly batchRecords: number;
  /** Batches in flight. */
  readonly inFlight: number;
}

export const LOADS: readonly Load[] = [
  { name: 'one 1 KiB record at a time', recordBytes: 1024, batchRecords: 1, inFlight: 1 },
  { name: '100 B x 1,000, 8 in flight', recordBytes: 100, batchRecords: 1000, inFlight: 8 },
  { name: '1 KiB x 100, 8 in flight', recordBytes: 1024, batchRecords: 100, inFlight: 8 },
];

/** What one run of one load gave. */
export interface Figures {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}
