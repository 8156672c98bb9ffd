import { setTimeout as sleep } from 'node:timers/promises';
import type { TestCluster } from '../harness/index.ts';
import type { AckWatch } from './ack-watch.ts';

export type FaultKind = 'SIGKILL' | 'SIGSTOP';

/** One partition of one failed primary. */
export interface Sample {
  readonly kind: FaultKind;
  /** Which fault it was: partitions of one node fail together. */
  readonly fault: number;
  readonly group: number;
  /** When the signal was sent, ms since 1970: the clock of the nodes' logs. */
  readonly signalWallMs: number;
  /** From the signal to the next ack in the partition. */
  readonly ms: number;
}

/** A stopped node sleeps at least so long: well beyond the time after which the others suspect it. */
const STOPPED_MS_MIN = 1_000;
/** Without an ack for so long the run has failed. */
const ACK_MS_MAX = 60_000;

/**
 * Fails the node that leads most partitions, waits for the next ack of each partition it led, has it back, and
 * waits until every group has its three replicas again.
 */
export async function measureFault(
  cluster: TestCluster,
  watch: AckWatch,
  groups: readonly number[],
  kind: FaultKind,
  fault: number,
): Promise<Sample[]> {
  // The moment within the nodes' own rhythms (pings, flushes) is drawn.
  await sleep(100 + Math.random() * 200);
  const victim = cluster.nodes
    .map(({ id }) => id)
    .reduce((most, id) => (watch.ledBy(id).length > watch.ledBy(most).length ? id : most));
  const led = watch.ledBy(victim);
  const wall = performance.timeOrigin + performance.now();
  const began = performance.now();
  cluster.signal(victim, kind);
  const acks = await within(
    ACK_MS_MAX,
    Promise.all(led.map((partition) => watch.nextFromOther(partition, victim))),
  );
  if (acks === null)
    throw new Error(`no ack within ${ACK_MS_MAX} ms of fault ${fault}: ${kind} of node ${victim}`);
  if (kind === 'SIGSTOP') {
    await sleep(Math.max(0, began + STOPPED_MS_MIN - performance.now()));
    cluster.signal(victim, 'SIGCONT');
  } else {
    await cluster.kill(victim);
    await cluster.restart(victim);
  }
  await cluster.caughtUp(ACK_MS_MAX);
  return acks.map((at, i) => ({
    kind,
    fault,
    group: groups[led[i] as number] as number,
    signalWallMs: wall,
    ms: at - began,
  }));
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  const controller = new AbortController();
  const end = sleep(ms, null, { signal: controller.signal }).catch(() => null);
  try {
    return await Promise.race([promise, end]);
  } finally {
    controller.abort();
  }
}
