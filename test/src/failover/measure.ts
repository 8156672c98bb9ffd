import { setTimeout as sleep } from 'node:timers/promises';
import type { AckWatch, TestCluster } from '../harness/index.ts';

export type FaultKind = 'SIGKILL' | 'SIGSTOP';

/** One partition of one failed primary. */
export interface Sample {
  readonly kind: FaultKind;
  /** Which fault it was: partitions of one node fail together. */
  readonly fault: number;
  readonly group: number;
  /** The node that was signalled. */
  readonly victim: number;
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
  const victim = watch.leaderOfMost(cluster.nodes.map(({ id }) => id));
  const led = watch.ledBy(victim);
  const wall = Date.now();
  const began = performance.now();
  cluster.signal(victim, kind);
  const gaps = await watch.nextFromOthers(led, victim, ACK_MS_MAX);
  if (kind === 'SIGSTOP') {
    await sleep(Math.max(0, began + STOPPED_MS_MIN - performance.now()));
    cluster.signal(victim, 'SIGCONT');
  } else {
    await cluster.kill(victim);
    await cluster.restart(victim);
  }
  await cluster.caughtUp(ACK_MS_MAX);
  return gaps.map((ms, i) => ({
    kind,
    fault,
    group: groups[led[i] as number] as number,
    victim,
    signalWallMs: wall,
    ms,
  }));
}
