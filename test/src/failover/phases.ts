import type { TestCluster } from '../harness/index.ts';
import type { Sample } from './measure.ts';

/** Where the time from the signal to the next ack went, ms. The nodes' logs are exact to a millisecond. */
export interface Phases {
  /** Until the first replica left the view: the fault was noticed, by a quorum. */
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
  for (const { id } of cluster.nodes) {
    for (const line of cluster.events(id)) {
      const { event, group, time } = line;
      if (typeof group !== 'number' || typeof time !== 'string') continue;
      // A replica's first line tells of the view it woke up in.
      if (event === 'view.changed' && line.from !== null) note(left, group, Date.parse(time));
      else if (event === 'primary.elected') note(elected, group, Date.parse(time));
    }
  }
  return samples.flatMap(({ group, signalWallMs, ms }) => {
    const end = signalWallMs + ms + 1;
    const within = (at: number) => at >= signalWallMs - 1 && at <= end;
    const noticedAt = (left.get(group) ?? []).filter(within).sort(ascending)[0];
    // The last one before the ack: a view may fail before another one serves.
    const servedAt = (elected.get(group) ?? []).filter(within).sort(ascending).at(-1);
    if (noticedAt === undefined || servedAt === undefined) return [];
    return [
      {
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
