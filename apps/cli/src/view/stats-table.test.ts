import { expect, test } from 'vitest';
import { renderStats } from './stats-table.ts';

const histogram = { buckets: [0, 2], count: 2, sumMs: 3, maxMs: 2.5 };

test('counters stand in a column per node, a node that is down has none and is named below', () => {
  const text = renderStats(
    [
      {
        node: 0,
        address: 'a:1',
        counters: { frames: 12, mode: 'x' },
        histograms: { produce: histogram },
        problem: null,
      },
      { node: 1, address: 'b:2', counters: null, histograms: null, problem: 'connectFailed' },
      {
        node: 2,
        address: 'c:3',
        counters: { frames: 3, newer: 1 },
        histograms: { odd: 'no histogram' },
        problem: null,
      },
    ],
    80,
  );
  expect(text.split('\n')).toEqual([
    'COUNTER          NODE 0  NODE 1  NODE 2',
    'frames               12       -       3',
    'mode                  x       -       -',
    'produce count         2       -       -',
    'produce mean ms   1.500       -       -',
    'produce max ms    2.500       -       -',
    'newer                 -       -       1',
    'node 1 at b:2 is down (connectFailed)',
  ]);
});

test('seven nodes with large counters fit into 80 columns', () => {
  const nodes = Array.from({ length: 7 }, (_, node) => ({
    node,
    address: `127.0.0.1:${7400 + 10 * node}`,
    counters: { bytesReceivedFromPeers: 9007199254740991 },
    histograms: {},
    problem: null,
  }));
  expect(
    renderStats(nodes, 80)
      .split('\n')
      .every((line) => line.length <= 80),
  ).toBe(true);
});
