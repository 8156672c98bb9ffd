import type { NodeStats } from '@vireo/node';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { metricHelp, metricName } from './metric-names.ts';

/** Counters of the broker that go down too. All others only grow. */
const GAUGES: ReadonlySet<string> = new Set([
  'groups',
  'groupsLeading',
  'connections',
  'requestsInFlight',
  'bytesInFlight',
  'subscriptions',
  'journalQueuedBytes',
  'journalWaiting',
  'journalFiles',
  'metadataStamp',
  'sessions',
]);

interface BucketSnapshot {
  /** Bucket i counts values of 2^i to 2^(i+1) microseconds. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/**
 * A histogram of the core in the exposition format. The library's own can only be observed value by value, and
 * these were counted into their buckets where they arose.
 */
function histogramText(name: string, help: string, { buckets, count, sumMs }: BucketSnapshot): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  let below = 0;
  for (const [index, inBucket] of buckets.entries()) {
    below += inBucket;
    // The last bucket holds all that is larger too: it is +Inf.
    if (index < buckets.length - 1) lines.push(`${name}_bucket{le="${2 ** (index + 1) / 1e6}"} ${below}`);
  }
  lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sumMs / 1000}`, `${name}_count ${count}`);
  return `${lines.join('\n')}\n`;
}

/** What a process offers to a Prometheus scraper. */
export class Metrics {
  readonly #runtime = new Registry();
  readonly #build: { readonly node: number; readonly cluster: string; readonly version: string };

  constructor(build: { readonly node: number; readonly cluster: string; readonly version: string }) {
    this.#build = build;
    // Garbage collection, heap, event loop: under the names that dashboards know.
    collectDefaultMetrics({ register: this.#runtime });
  }

  /** The text of `/metrics`, of the type `contentType`. */
  async text(stats: NodeStats): Promise<string> {
    const registry = new Registry();
    const registers = [registry];
    const { node, cluster, version } = this.#build;
    new Gauge({
      name: 'vireo_build_info',
      help: 'always 1',
      labelNames: ['node', 'cluster', 'version'],
      registers,
    }).set({ node: String(node), cluster, version }, 1);
    for (const [name, value] of Object.entries(stats.broker.counters)) {
      if (GAUGES.has(name))
        new Gauge({ name: metricName(name), help: metricHelp(name), registers }).set(value);
      else new Counter({ name: `${metricName(name)}_total`, help: metricHelp(name), registers }).inc(value);
    }
    let histograms = '';
    for (const [name, value] of Object.entries(stats.broker.histograms)) {
      if (isBucketSnapshot(value)) {
        histograms += histogramText(`${metricName(name)}_seconds`, `${metricHelp(name)}, seconds`, value);
      }
    }
    const { process } = stats;
    const gauge = (name: string, help: string, value: number) =>
      new Gauge({ name, help, registers }).set(value);
    gauge('vireo_loop_lag_seconds', 'lateness of the latest tick of 10 ms', process.loopLagMs.last / 1000);
    gauge(
      'vireo_loop_lag_p99_seconds',
      'lateness of ticks since the start, 99th percentile',
      process.loopLagMs.p99 / 1000,
    );
    gauge(
      'vireo_durable_write_p50_seconds',
      'durable writes and syncs since the start, median',
      process.durableMs.p50 / 1000,
    );
    gauge(
      'vireo_durable_write_p99_seconds',
      'durable writes and syncs since the start, 99th percentile',
      process.durableMs.p99 / 1000,
    );
    gauge('vireo_open_files', 'files of the data directory that are open', process.openFiles);
    gauge('vireo_sockets', 'TCP connections', process.connections);
    gauge(
      'vireo_unsent_bytes',
      'bytes for all connections that have not left the process',
      process.unsentBytes,
    );
    const count = (name: string, help: string, value: number) =>
      new Counter({ name, help, registers }).inc(value);
    count('vireo_durable_writes_total', 'durable writes and syncs', process.durableMs.count);
    count('vireo_disk_written_bytes_total', 'bytes written to the data directory', process.diskBytesWritten);
    count(
      'vireo_disk_read_bytes_total',
      'bytes read from the data directory after the start',
      process.diskBytesRead,
    );
    return `${await registry.metrics()}\n${histograms}\n${await this.#runtime.metrics()}`;
  }

  get contentType(): string {
    return this.#runtime.contentType;
  }
}

function isBucketSnapshot(value: unknown): value is BucketSnapshot {
  if (typeof value !== 'object' || value === null || !('buckets' in value) || !('count' in value))
    return false;
  return Array.isArray(value.buckets) && 'sumMs' in value;
}
