import type { TestCluster } from '../harness/index.ts';
import type { Sample } from './measure.ts';

/** Where the time from the signal to the next ack went, ms. The nodes' logs are exact to a millisecond. */
export interface Phases {
  /** Until the first peer saw its connection closed; null when none did: a stopped process keeps its connections. */
  readonly closed: number | null;
  /** From the signal until the first replica left the view: a quorum has agreed that the primary is gone. */
  readonly noticed: number;
  /** From there until the new primary could serve: promises and votes durable, log complete, noop committed. */
  readonly viewChange: number;
  /** From there until the ack: the client has found the new primary and was answered. */
  readonly client: number;
}

/** Reads the phases of each sample out of the nodes' logs; samples whose lines are not found are left out. */
export function readPhases(cluster: TestCluster, samples: readonly Sample[]): Phases[] {
  const left = new Map<number, number[]>();
  const elected = new Map<number, number[]>();
  const closed = new Map<number, number[]>();
  for (const { id } of cluster.nodes) {
    for (const line of cluster.events(id)) {
      const { event, group, peer, time } = line;
      if (typeof time !== 'string') continue;
      if (event === 'peer.disconnected' && typeof peer === 'number') note(closed, peer, Date.parse(time));
      if (typeof group !== 'number') continue;
      // A replica's first line tells of the view it woke up in.
      if (event === 'view.changed' && line.from !== null) note(left, group, Date.parse(time));
      else if (event === 'primary.elected') note(elected, group, Date.parse(time));
    }
  }
  return samples.flatMap(({ group, victim, signalWallMs, ms }) => {
    const end = signalWallMs + ms + 1;
    const within = (at: number) => at >= signalWallMs - 1 && at <= end;
    const first = (times: readonly number[] | undefined) => times?.filter(within).sort(ascending)[0];
    const closedAt = first(closed.get(victim));
    const noticedAt = first(left.get(group));
    // The last one before the ack: a view may fail before another one serves.
    const servedAt = (elected.get(group) ?? []).filter(within).sort(ascending).at(-1);
    if (noticedAt === undefined || servedAt === undefined) return [];
    return [
      {
        closed: closedAt === undefined ? null : Math.max(0, closedAt - signalWallMs),
        noticed: Math.max(0, noticedAt - signalWallMs),
        viewChange: servedAt - noticedAt,
        client: Math.max(0, signalWallMs + ms - servedAt),
      },
    ];
  });
}

function note(times: Map<number, number[]>, group: number, at: number): void {
  const list = times.get(group);
  if (list === undefined) times.set(group, [at]);
  else list.push(at);
}

const ascending = (a: number, b: number) => a - b;
