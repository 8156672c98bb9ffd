import { renderTable } from '../output/table.ts';

/** What one node counted, or why it did not say. */
export interface NodeStats {
  readonly node: number;
  readonly address: string;
  readonly counters: Readonly<Record<string, unknown>> | null;
  readonly histograms: Readonly<Record<string, unknown>> | null;
  /** Code of the error when there are none. */
  readonly problem: string | null;
}

/** One line per counter, one column per node; of histograms the count, the mean and the largest value. */
export function renderStats(nodes: readonly NodeStats[], width: number): string {
  const names = new Set<string>();
  const columns = nodes.map(({ counters, histograms }) => {
    const values = flatten(counters, histograms);
    for (const name of values.keys()) names.add(name);
    return values;
  });
  const rows = [...names].map((name) => [name, ...columns.map((values) => values.get(name) ?? '-')]);
  const table = renderTable(
    [{ title: 'COUNTER' }, ...nodes.map(({ node }) => ({ title: `NODE ${node}`, align: 'right' as const }))],
    rows,
    width,
  );
  const silent = nodes.filter(({ problem }) => problem !== null);
  return [
    table,
    ...silent.map(({ node, address, problem }) => `node ${node} at ${address} is down (${problem})`),
  ].join('\n');
}

/** Counters as they are; which there are is the node's business, and a newer one may have others. */
function flatten(counters: NodeStats['counters'], histograms: NodeStats['histograms']): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(counters ?? {})) {
    values.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  for (const [name, value] of Object.entries(histograms ?? {})) {
    const { count, sumMs, maxMs } = (value ?? {}) as Record<string, unknown>;
    if (typeof count !== 'number' || typeof sumMs !== 'number' || typeof maxMs !== 'number') continue;
    values.set(`${name} count`, String(count));
    values.set(`${name} mean ms`, count === 0 ? '-' : (sumMs / count).toFixed(3));
    values.set(`${name} max ms`, maxMs.toFixed(3));
  }
  return values;
}
