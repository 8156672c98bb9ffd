import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { verifyHistory } from '@vireo/simulator';
import { AckWatch, readLogs, startLoad, TestCluster } from '../harness/index.ts';
import { describeCommit, describeLoad, describeMachine } from './machine.ts';
import { type FaultKind, measureFault, type Sample } from './measure.ts';
import { readPhases } from './phases.ts';

/**
 * `npm run failover [-- --kills 100 --stops 100 --mode disk|memory --partitions 6 --pace 5]`: how long a partition
 * is without acks when the node that leads it is killed, or stopped. Three nodes and the client share this machine. Each
 * partition gets a batch of five records of 200 bytes every `pace` ms (0: as fast as acks come, four in flight). What
 * was acked is read back and compared at the end; the exit code is 1 when a record was lost or doubled.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    stops: { type: 'string', default: '100' },
    mode: { type: 'string', default: 'disk' },
    partitions: { type: 'string', default: '6' },
    pace: { type: 'string', default: '5' },
  },
});
const TOPIC = 'failover/load';
/** Every partition has its first ack by then. */
const START_MS_MAX = 30_000;
/** Of each node's log, when a run breaks off. */
const LOG_LINES = 30;
const PERCENTILES = [50, 90, 99, 100];

function count(name: 'kills' | 'stops' | 'partitions' | 'pace'): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= 0 && value <= 10_000) return value;
  throw new Error(`--${name} must be an integer from 0 to 10000, is "${values[name]}"`);
}

const durability = values.mode;
if (durability !== 'disk' && durability !== 'memory') {
  throw new Error(`--mode must be disk or memory, is "${durability}"`);
}

/** Nearest rank: a value that was measured. */
function percentile(numbers: readonly number[], percent: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

function row(name: string, numbers: readonly number[]): void {
  const cells = PERCENTILES.map((percent) => percentile(numbers, percent).toFixed(0).padStart(7));
  console.log(`  ${name.padEnd(34)}${String(numbers.length).padStart(6)}${cells.join('')}`);
}

/** The partition of each fault that waited longest. */
function worst(samples: readonly Sample[]): number[] {
  const byFault = new Map<number, number>();
  for (const { fault, ms } of samples) byFault.set(fault, Math.max(ms, byFault.get(fault) ?? 0));
  return [...byFault.values()];
}

function report(cluster: TestCluster, kind: FaultKind, samples: readonly Sample[]): void {
  if (samples.length === 0) return;
  console.log(`\n${kind} to next ack, ms${' '.repeat(18)}count    p50    p90    p99    max`.slice(0, 90));
  row(
    'each partition that it led',
    samples.map(({ ms }) => ms),
  );
  row('the last of its partitions', worst(samples));
  const phases = readPhases(cluster, samples);
  const closed = phases.flatMap((phase) => (phase.closed === null ? [] : [phase.closed]));
  if (closed.length > 0) row('  signal to a closed connection', closed);
  row(
    '  signal to first view change',
    phases.map(({ noticed }) => noticed),
  );
  row(
    '  to a primary that serves',
    phases.map(({ viewChange }) => viewChange),
  );
  row(
    '  to the ack at the client',
    phases.map(({ client }) => client),
  );
}

/** Null, or what ended the run before its time. */
async function runFaults(
  plan: readonly [FaultKind, number][],
  samples: Sample[],
  measure: (kind: FaultKind, fault: number) => Promise<Sample[]>,
): Promise<unknown> {
  try {
    for (const [kind, faults] of plan) {
      for (let fault = 0; fault < faults; fault++) {
        samples.push(...(await measure(kind, fault)));
        if ((fault + 1) % 10 === 0) console.error(`${kind} ${fault + 1} of ${faults}`);
      }
    }
    return null;
  } catch (error) {
    return error;
  }
}

function tail(log: string): string {
  return readFileSync(log, 'utf8').split('\n').slice(-LOG_LINES).join('\n');
}

const partitions = count('partitions');
const paceMs = count('pace');
console.log(`machine   ${describeMachine()}`);
console.log(`commit    ${describeCommit()}`);
console.log(`mode      ${durability}, three nodes, ${partitions} partitions × 3 replicas`);
console.log(`load      ${describeLoad()} before the run`);
const watch = new AckWatch(partitions);
const cluster = await TestCluster.start({ smallJournal: false });
try {
  const { client, history, workload } = await startLoad(cluster, TOPIC, {
    partitions,
    durability,
    paceMs,
    batchRecords: 5,
    onAck: (partition, node) => watch.acked(partition, node),
  });
  const { topic } = await client.admin.lookupTopic(TOPIC);
  const groups = topic.groups.map(({ group }) => group);
  await watch.everywhere(START_MS_MAX);
  const began = performance.now();
  const samples: Sample[] = [];
  const plan: readonly [FaultKind, number][] = [
    ['SIGKILL', count('kills')],
    ['SIGSTOP', count('stops')],
  ];
  const broken = await runFaults(plan, samples, (kind, fault) =>
    measureFault(cluster, watch, groups, kind, fault),
  );
  if (broken === null) await workload.stop();
  const seconds = (performance.now() - began) / 1000;
  for (const [kind] of plan) {
    report(
      cluster,
      kind,
      samples.filter((sample) => sample.kind === kind),
    );
  }
  if (broken !== null) {
    // What was measured so far stands; the logs say what the nodes thought of it.
    for (const { id, log } of cluster.nodes) console.log(`\nnode ${id}: ${tail(log)}`);
    throw broken;
  }
  const problems = verifyHistory(history, await readLogs(client, TOPIC), true);
  for (const { rule, text } of problems) console.log(`PROBLEM ${rule}: ${text}`);
  console.log(
    `\n${workload.acked} records acked in ${seconds.toFixed(0)} s; ${problems.length === 0 ? 'none lost, none doubled, order kept' : `${problems.length} problems`}`,
  );
  console.log(`load      ${describeLoad()} after the run`);
  if (problems.length > 0) process.exitCode = 1;
} finally {
  await cluster.stop();
}
