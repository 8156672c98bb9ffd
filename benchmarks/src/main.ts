import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect } from '@vireo/client';
import { Baseline } from './baseline.ts';
import { output } from './child-output.ts';
import { startCluster } from './cluster.ts';
import { type Figures, LOADS, type Load } from './loads.ts';

/**
 * `npm run bench -- --baseline DIR [--mode disk|memory] [--runs 3] [--seconds 4] [--warm 6] [--scratch DIR]`. Product and bare path take turns in
 * one sitting, since these machines are noisy: only the ratio of neighbours means something. Without a baseline
 * the product is measured alone.
 */
const { values } = parseArgs({
  options: {
    baseline: { type: 'string' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    scratch: { type: 'string', default: tmpdir() },
    port: { type: 'string', default: '7700' },
    warm: { type: 'string', default: '6' },
    mode: { type: 'string', default: 'disk' },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
const durability = values.mode;
if (durability !== 'disk' && durability !== 'memory') {
  throw new Error(`--mode must be disk or memory, is "${durability}"`);
}
const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface ReadFigures {
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
}

interface Row {
  readonly load: Load;
  readonly product: Figures[];
  readonly bare: Figures[];
  readonly read: ReadFigures[];
}

/**
 * A node makes the files of its journal while it fills the first ones: until the ring is complete it writes twice.
 * The bare path makes its own before it listens.
 */
async function fillJournals(server: string): Promise<void> {
  await output(process.execPath, [
    script('./produce-process.js'),
    server,
    'bench/warm',
    '1024',
    '100',
    '8',
    values.warm,
  ]);
}

/** One run: for each load the product, then its neighbour. Both clusters stand all the time; the idle one costs little. */
async function measure(rows: readonly Row[], durability: 'disk' | 'memory'): Promise<void> {
  const cluster = await startCluster(values.scratch, Number(values.port));
  let baseline: Baseline | null = null;
  try {
    if (values.baseline !== undefined) {
      baseline = await Baseline.start(resolve(values.baseline), values.scratch, durability);
    }
    const client = await connect(cluster.server.split(','));
    const topic = { partitions: 1, replication: 3, durability } as const;
    await client.admin.createStream('bench');
    await client.admin.createTopic('bench/warm', topic);
    await fillJournals(cluster.server);
    for (const [index, row] of rows.entries()) {
      const name = `bench/load-${index}`;
      await client.admin.createTopic(name, topic);
      const { recordBytes, batchRecords, inFlight } = row.load;
      const args = [cluster.server, name, recordBytes, batchRecords, inFlight, seconds].map(String);
      row.product.push(JSON.parse(await output(process.execPath, [script('./produce-process.js'), ...args])));
      if (baseline !== null) row.bare.push(await baseline.run(row.load, seconds));
      const readArgs = [script('./read-process.js'), cluster.server, name, String(recordBytes)];
      row.read.push(JSON.parse(await output(process.execPath, readArgs)));
    }
    await client.close();
  } finally {
    await baseline?.stop();
    await cluster.stop();
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

function spread(numbers: readonly number[], digits: number): string {
  const text = (value: number) => value.toFixed(digits);
  return `${text(median(numbers))} (${text(Math.min(...numbers))}..${text(Math.max(...numbers))})`;
}

function report(rows: readonly Row[]): void {
  for (const { load, product, bare, read } of rows) {
    console.log(`\n${load.name}`);
    const line = (name: string, figures: readonly Figures[]) =>
      console.log(
        `  ${name.padEnd(9)} ${(median(figures.map((f) => f.recordsPerSecond)) / 1000).toFixed(1)}k records/s  ` +
          `${median(figures.map((f) => f.megabytesPerSecond)).toFixed(1)} MB/s  ` +
          `p50 ${median(figures.map((f) => f.p50Ms)).toFixed(2)} p99 ${median(figures.map((f) => f.p99Ms)).toFixed(2)} ms`,
      );
    line('product', product);
    if (bare.length > 0) {
      line('bare path', bare);
      const ratio = product.map((p, i) => p.recordsPerSecond / (bare[i] as Figures).recordsPerSecond);
      const latency = product.map((p, i) => p.p50Ms / (bare[i] as Figures).p50Ms);
      console.log(`  ratio     throughput ${spread(ratio, 2)}  latency p50 ${spread(latency, 2)}`);
    }
    console.log(
      `  read back ${spread(
        read.map((r) => r.recordsPerSecond / 1000),
        1,
      )} k records/s  ${median(read.map((r) => r.megabytesPerSecond)).toFixed(1)} MB/s`,
    );
  }
}

console.log(`mode ${durability}`);
await mkdir(values.scratch, { recursive: true });
const rows: Row[] = LOADS.map((load) => ({ load, product: [], bare: [], read: [] }));
for (let run = 1; run <= runs; run++) {
  console.error(`run ${run} of ${runs}`);
  await measure(rows, durability);
}
report(rows);
