import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEFAULT_TIMEOUTS,
  MEMBERS_MAX,
  PIPELINE_MAX,
  primaryOf,
  quorums,
  REPAIR_BYTES_MAX,
} from '@vireo/vsr';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../architecture/workspaces.ts';

const page = readFileSync(join(repositoryRoot, 'docs', 'protocol.md'), 'utf8');
const sizes = Array.from({ length: MEMBERS_MAX }, (_, i) => i + 1);

/** The numbers of the table row that begins with `title`. */
function row(title: string): number[] {
  const line = page.split('\n').find((candidate) => candidate.startsWith(`| ${title}`)) ?? '';
  return line.split('|').slice(2, -1).map(Number);
}

describe('docs/protocol.md', () => {
  test('has the quorums of the code', () => {
    expect(row('n |')).toEqual(sizes);
    expect(row('replication quorum')).toEqual(sizes.map((n) => quorums(n).replication));
    expect(row('view change quorum')).toEqual(sizes.map((n) => quorums(n).viewChange));
    expect(row('nack quorum')).toEqual(sizes.map((n) => quorums(n).nack));
  });

  test('names the bounds and times of the code, at a tick of 10 ms', () => {
    expect(page).toContain(`At most \`pipeline\` (≤ ${PIPELINE_MAX}) ops`);
    expect(page).toContain(`after ${DEFAULT_TIMEOUTS.suspicion * 10} ms of silence`);
    expect(DEFAULT_TIMEOUTS.progress * 10).toBe(1_000);
    expect(page).toContain('after a second in which an uncommitted op did not move');
    expect(page).toContain(`does not answer in ${DEFAULT_TIMEOUTS.requestStartView * 10} ms`);
    expect(page).toContain(`at most ${REPAIR_BYTES_MAX / 2 ** 20} MiB`);
  });

  test('lists every wait with its ticks and milliseconds, and no other', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (\d+) \|/gm)].map(([, ...cells]) => cells);
    const waits = Object.entries(DEFAULT_TIMEOUTS);
    expect(rows).toEqual(waits.map(([name, ticks]) => [name, String(ticks), String(ticks * 10)]));
  });

  test.each(['protocol.md', 'protocol/restart.md', 'protocol/reads.md', 'operations.md'])(
    'diagrams of %s fit into 80 columns',
    (name) => {
      const text = readFileSync(join(repositoryRoot, 'docs', name), 'utf8');
      const fenced = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
      const blocks = fenced.flatMap(([, kind, block = '']) =>
        kind === '' || kind === 'text' ? [block] : [],
      );
      expect(blocks.length).toBeGreaterThan(0);
      const wide = blocks.flatMap((block) => block.split('\n')).filter((line) => [...line].length > 80);
      expect(wide).toEqual([]);
    },
  );
});

describe('quorums', () => {
  test.each(sizes)(
    'of %i: what was acked is seen by every view change, and two views do not pass each other',
    (n) => {
      const { replication, viewChange, nack } = quorums(n);
      expect(replication + viewChange).toBeGreaterThan(n);
      expect(2 * viewChange).toBeGreaterThan(n);
      // Who never acked an op and who might have acked it can not both be a quorum.
      expect(nack + replication).toBeGreaterThan(n);
      expect(Math.max(replication, viewChange, nack)).toBeLessThanOrEqual(n);
    },
  );

  test('the primary of a view goes round the members in their order', () => {
    expect([0, 1, 2, 3, 4].map((view) => primaryOf([7, 3, 5], view))).toEqual([7, 3, 5, 7, 3]);
  });
});
