import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@vireo/client';
import { TestCluster } from '../harness/index.ts';
import { allCities } from './cities.ts';
import { consumeFromBackups, differences } from './consume-from-backups.ts';
import { type Progress, produceCities } from './produce-cities.ts';

const TOPIC = 'geo/cities';
const PARTITIONS = 6;
/** The killed process is gone for so long. ms. */
const DOWN_MS = 1_000;

/** What one run showed. */
export interface DemoResult {
  readonly rows: readonly (readonly [string, string])[];
  /** Empty: everything came back as it was sent. */
  readonly problems: readonly string[];
}

interface Kill {
  readonly node: number;
  readonly inFlight: number;
  readonly acked: number;
  readonly nextAckMs: number;
  readonly partitions: readonly number[];
  /** Ops missing when it answered again, and the time until it had them. */
  readonly rejoin: { readonly lag: number; readonly ms: number };
}

/** Takes in the data set, kills the busiest partition's primary on the way, reads all back from backups. */
export async function runDemo(say: (line: string) => void): Promise<DemoResult> {
  const cities = allCities();
  const cluster = await TestCluster.start({ smallJournal: false });
  try {
    const client = await cluster.client();
    await client.admin.createStream('geo');
    await client.admin.createTopic(TOPIC, { partitions: PARTITIONS, replication: 3 });
    await cluster.ready();
    const progress: Progress = { acked: 0, inFlight: 0, ackedBy: [], lastAck: [], onAck: null };
    say(`sending ${cities.length} cities to ${TOPIC}`);
    const killed = killBusiest(cluster, client, progress, Math.floor(cities.length / 3), say);
    const produced = await produceCities(client, TOPIC, cities, progress);
    const kill = await killed;
    const { rejoin } = kill;
    say('reading everything back from backups');
    const begun = performance.now();
    const consumed = await consumeFromBackups(client, TOPIC);
    const readMs = performance.now() - begun;
    const problems = differences(produced.sent, consumed.values);
    if (consumed.byPrimaries > 0) problems.push(`${consumed.byPrimaries} records were served by primaries`);
    if (consumed.records !== cities.length)
      problems.push(`${consumed.records} records for ${cities.length} cities`);
    const rate = (records: number, ms: number) =>
      `${Math.round(records / (ms / 1000)).toLocaleString('en')} records/s`;
    return {
      problems,
      rows: [
        ['records sent and acked', progress.acked.toLocaleString('en')],
        ['produce rate (paced)', rate(progress.acked, produced.elapsedMs)],
        ['killed', `node ${kill.node}, primary of partitions ${kill.partitions.join(', ')}`],
        ['acked before the kill', kill.acked.toLocaleString('en')],
        ['in flight at the kill', `${kill.inFlight.toLocaleString('en')} records`],
        ['kill to next ack there', `${kill.nextAckMs.toFixed(0)} ms`],
        ['answered as duplicates', produced.duplicates.toLocaleString('en')],
        [
          'lag when it was back',
          `${rejoin.lag.toLocaleString('en')} ops, caught up in ${rejoin.ms.toFixed(0)} ms`,
        ],
        ['read back', `${consumed.records.toLocaleString('en')}, ${rate(consumed.records, readMs)}`],
        ['served by primaries', String(consumed.byPrimaries)],
        ['served by backups', consumed.byBackups.toLocaleString('en')],
        ['equal (count, order, content)', problems.length === 0 ? 'yes' : 'NO'],
      ],
    };
  } finally {
    await cluster.stop();
  }
}

/** Once a third is acked: SIGKILL to the primary of the partition with most records, while batches are in flight. */
async function killBusiest(
  cluster: TestCluster,
  client: Client,
  progress: Progress,
  threshold: number,
  say: (line: string) => void,
): Promise<Kill> {
  while (progress.acked < threshold || progress.inFlight === 0) await sleep(1);
  const busiest = progress.ackedBy.reduce(
    (best, count, at) => (count > (progress.ackedBy[best] ?? 0) ? at : best),
    0,
  );
  const { node } = await client.admin.partitionInfo(TOPIC, busiest);
  const partitions: number[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    if ((await client.admin.partitionInfo(TOPIC, partition)).node === node) partitions.push(partition);
  }
  while (progress.inFlight === 0) await sleep(1);
  const { acked, inFlight } = progress;
  const at = performance.now();
  cluster.signal(node, 'SIGKILL');
  say(`killed node ${node} with ${inFlight} records in flight`);
  const nextAckMs = await new Promise<number>((resolve) => {
    progress.onAck = (partition) => {
      // Acks that had left the node before it died may still be under way for a moment.
      if (!partitions.includes(partition) || cluster.running(node)) return;
      progress.onAck = null;
      resolve(performance.now() - at);
    };
  });
  await sleep(DOWN_MS);
  await cluster.restart(node);
  const rejoin = await waitForRejoin(client, node);
  return { node, inFlight, acked, nextAckMs, partitions, rejoin };
}

/** How far behind the node was when it answered again, and how long it took until it had what was missing then. */
async function waitForRejoin(client: Client, node: number): Promise<{ lag: number; ms: number }> {
  const begun = performance.now();
  let goal: ReadonlyMap<number, number> | null = null;
  let lag = 0;
  for (;;) {
    const { own, others } = await applied(client, node);
    if (own.size > 0) {
      const first = goal === null;
      goal ??= others;
      let missing = 0;
      for (const [group, op] of goal) missing += Math.max(0, op - (own.get(group) ?? 0));
      if (first) lag = missing;
      if (missing === 0) return { lag, ms: performance.now() - begun };
    }
    if (performance.now() - begun > 30_000) throw new Error(`node ${node} has not caught up in 30 s`);
    await sleep(5);
  }
}

/** By group, the op that the node has applied (nothing while it does not answer), and the furthest of the others. */
async function applied(
  client: Client,
  node: number,
): Promise<{ own: Map<number, number>; others: Map<number, number> }> {
  const own = new Map<number, number>();
  const others = new Map<number, number>();
  for (const id of [node, ...client.nodes.filter((other) => other !== node)]) {
    const states = await client.admin.groupStates(id, { deadlineMs: 1_000 }).catch(() => null);
    for (const { group, commitMin } of states?.groups ?? []) {
      if (id === node) own.set(group, commitMin);
      else others.set(group, Math.max(others.get(group) ?? 0, commitMin));
    }
  }
  return { own, others };
}
