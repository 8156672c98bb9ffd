/** Upper bounds of the histogram's buckets: powers of two of a microsecond up to 67 s. */
const BUCKETS = 27;

/**
 * A latency histogram with one bucket per power of two: exact enough to see a change, a dozen nanoseconds to
 * record, and two of them add up bucket by bucket.
 */
export class Histogram {
  readonly buckets: number[] = new Array<number>(BUCKETS).fill(0);
  count = 0;
  /** Sum of all values, milliseconds. */
  sumMs = 0;
  maxMs = 0;

  record(ms: number): void {
    const micros = Math.max(1, Math.round(ms * 1000));
    const bucket = Math.min(BUCKETS - 1, 31 - Math.clz32(Math.min(micros, 0x7fff_ffff)));
    this.buckets[bucket] = this.buckets[bucket]! + 1;
    this.count++;
    this.sumMs += ms;
    if (ms > this.maxMs) this.maxMs = ms;
  }

  /** Plain data: bucket i counts values of 2^i to 2^(i+1) microseconds. */
  snapshot(): { buckets: number[]; count: number; sumMs: number; maxMs: number } {
    return { buckets: [...this.buckets], count: this.count, sumMs: this.sumMs, maxMs: this.maxMs };
  }
}

/** What the node counts since its start: plain numbers, incremented in place on the hot path. */
export class Stats {
  framesReceived = 0;
  bytesReceived = 0;
  connectionsAccepted = 0;
  connectionsRejected = 0;
  produceRequests = 0;
  produceBytes = 0;
  produceRecords = 0;
  produceAcks = 0;
  produceDuplicates = 0;
  produceRefused = 0;
  produceUnknown = 0;
  batchesPushed = 0;
  bytesPushed = 0;
  recordsPushed = 0;
  readsStarted = 0;
  readsFailed = 0;
  /** Subscriptions refused or ended because the age was above what they bear. */
  readsStale = 0;
  controlRequests = 0;
  controlForwarded = 0;
  controlErrors = 0;
  peerFramesSent = 0;
  peerBytesSent = 0;
  peerFramesReceived = 0;
  peerFramesDropped = 0;
  framesHeld = 0;
  framesUnknownGroup = 0;
  journalAppends = 0;
  journalBytes = 0;
  checkpoints = 0;
  viewChanges = 0;
  transfersStarted = 0;
  transfersFinished = 0;
  transfersFailed = 0;
  transferBytesFetched = 0;
  transferBytesKept = 0;
  transferBytesServed = 0;
  pauses = 0;
  /** From a produce frame's arrival to its ack. */
  readonly produceLatency = new Histogram();
  /** From a journal append to its durability. */
  readonly journalLatency = new Histogram();

  /** Counters and histograms by name, for the `stats` request. */
  snapshot(): {
    counters: Record<string, number>;
    histograms: Record<string, ReturnType<Histogram['snapshot']>>;
  } {
    const counters: Record<string, number> = {};
    const histograms: Record<string, ReturnType<Histogram['snapshot']>> = {};
    for (const [name, value] of Object.entries(this) as [string, unknown][]) {
      if (typeof value === 'number') counters[name] = value;
      else if (value instanceof Histogram) histograms[name] = value.snapshot();
    }
    return { counters, histograms };
  }
}
