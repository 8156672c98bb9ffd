import { expect, test } from 'vitest';
import { renderCluster } from './cluster-tables.ts';
import type { ClusterView, GroupView } from './cluster-view.ts';

function group(id: number, name: string, primary: number | null): GroupView {
  const replica = {
    role: 'backup',
    status: 'normal',
    view: 4,
    op: 1_234_567_890,
    commit: 1_234_567_890,
  } as const;
  return {
    group: id,
    name,
    members: [0, 1, 2],
    view: primary === null ? null : 4,
    primary,
    op: 1_234_567_890,
    commit: 1_234_567_890,
    mode: 'disk',
    lossEpoch: 0,
    waits: primary === null ? 'coldStart' : null,
    replicas: [
      { ...replica, node: 0, present: true, lag: 0 },
      { ...replica, node: 1, present: true, lag: 12 },
      { node: 2, present: false, role: null, status: null, view: null, op: null, commit: null, lag: null },
    ],
  };
}

const view: ClusterView = {
  nodes: [
    { id: 0, address: '127.0.0.1:7400', host: 'local', up: true, problem: null, replicas: 2, primaries: 1 },
    {
      id: 2,
      address: '127.0.0.1:7420',
      host: 'local',
      up: false,
      problem: 'connectFailed',
      replicas: 0,
      primaries: 0,
    },
  ],
  groups: [
    group(0, 'metadata', 0),
    group(1, 'shop/orders/0', null),
    group(2, `geo/${'c'.repeat(255)}/11`, 1),
  ],
};

test('a cluster is shown in 80 columns: nodes with their state, groups with their primary and lag', () => {
  const lines = renderCluster(view, 80).split('\n');
  expect(lines.slice(0, -1).every((line) => line.length <= 80)).toBe(true);
  expect(lines.at(-1)).toBe(
    'group 1 (shop/orders/0) waits: too many replicas lost what they acknowledged: vireo cluster cold-start --group 1',
  );
  expect(lines.slice(0, 3)).toEqual([
    'NODE  ADDRESS         HOST   STATE                 REPLICAS  PRIMARIES',
    '   0  127.0.0.1:7400  local  up                           2          1',
    '   2  127.0.0.1:7420  local  down (connectFailed)         -          0',
  ]);
  expect(lines.find((line) => line.includes('metadata'))).toMatch(
    /^ +0 +metadata +0 1 2 +4 +0 +1234567890 +1234567890 +0:0 1:12/,
  );
  expect(lines.find((line) => line.startsWith('    1  '))).toContain('none');
});
