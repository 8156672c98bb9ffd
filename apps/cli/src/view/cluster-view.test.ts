import type { ClusterDescription, GroupState } from '@vireo/protocol';
import { describe, expect, test } from 'vitest';
import { type NodeReport, primaryOf, viewCluster } from './cluster-view.ts';

const description: ClusterDescription = {
  stamp: 7,
  nodes: [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${7400 + 10 * id}`, host: 'a' })),
  streams: [
    {
      id: 1,
      name: 'shop',
      topics: [
        {
          id: 1,
          name: 'orders',
          partitions: 1,
          replication: 3,
          durability: 'disk',
          version: 1,
          keyPartitions: 1,
          groups: [{ group: 1, partition: 0, members: [1, 2, 0] }],
        },
      ],
    },
  ],
};

function state(group: number, changes: Partial<GroupState> = {}): GroupState {
  return {
    group,
    role: 'backup',
    status: 'normal',
    view: 4,
    epoch: 0,
    op: 10,
    commitMin: 10,
    commitMax: 10,
    primary: 2,
    offset: 100,
    start: 0,
    members: group === 0 ? [0, 1, 2] : [1, 2, 0],
    mode: 'disk',
    lossEpoch: 0,
    ...changes,
  };
}

function reports(...groups: (readonly GroupState[] | string)[]): NodeReport[] {
  return groups.map((each, id) => ({
    node: description.nodes[id]!,
    groups: typeof each === 'string' ? null : each,
    problem: typeof each === 'string' ? each : null,
  }));
}

function orders(...groups: (readonly GroupState[] | string)[]) {
  return viewCluster(description, reports(...groups)).groups.find(({ name }) => name === 'shop/orders/0');
}

describe('a group', () => {
  test('has the primary that serves in the highest view, and the lag of each replica behind the commit', () => {
    expect(
      orders(
        [state(1, { commitMin: 6, commitMax: 8 })],
        [state(1)],
        [state(1, { role: 'primary', op: 12, commitMin: 9, commitMax: 11 })],
      ),
    ).toMatchObject({
      group: 1,
      members: [1, 2, 0],
      view: 4,
      primary: 2,
      op: 12,
      commit: 11,
      replicas: [
        { node: 1, role: 'backup', lag: 1 },
        { node: 2, role: 'primary', lag: 2 },
        { node: 0, role: 'backup', lag: 5 },
      ],
    });
  });

  test('has no primary while the one of an older view still thinks it is', () => {
    const old = state(1, { role: 'primary', view: 3 });
    expect(orders([state(1)], [old], [state(1)])).toMatchObject({ view: 4, primary: null });
  });

  test('has no primary while its view change is under way', () => {
    const changing = state(1, { role: 'primary', status: 'viewChange' });
    expect(orders([state(1)], [changing], [state(1)])).toMatchObject({ primary: null });
  });

  test('says why it has no primary, and for what only an operator can lead on', () => {
    const amnesiac = state(1, { status: 'amnesiac' });
    expect(orders([state(1, { role: 'primary' })], [state(1)], [amnesiac])).toMatchObject({ waits: null });
    expect(orders([amnesiac], [state(1)], [amnesiac])).toMatchObject({ waits: 'coldStart' });
    expect(orders([state(1)], [state(1)], [amnesiac])).toMatchObject({ waits: 'viewChange' });
    expect(orders([amnesiac], 'connectFailed', [state(1)])).toMatchObject({ waits: 'members' });
    expect(orders('timeout', 'timeout', [state(1)])).toMatchObject({ waits: 'members' });
  });

  test('shows mode and loss epoch of its newest replica', () => {
    const next = state(1, { role: 'primary', epoch: 1, mode: 'memory', lossEpoch: 2 });
    expect(orders([state(1)], [next], [state(1)])).toMatchObject({ mode: 'memory', lossEpoch: 2 });
  });

  test('of a later epoch is newer, whatever the view', () => {
    const next = state(1, { role: 'primary', epoch: 1, view: 1 });
    expect(orders([state(1)], [state(1, { role: 'primary' })], [next])).toMatchObject({
      view: 1,
      primary: 2,
    });
  });

  test('shows a node that is down, or has no replica yet, as absent', () => {
    const group = orders('connectFailed', [], [state(1, { role: 'primary' })]);
    expect(group?.replicas.map(({ node, present, lag }) => ({ node, present, lag }))).toEqual([
      { node: 1, present: false, lag: null },
      { node: 2, present: true, lag: 0 },
      { node: 0, present: false, lag: null },
    ]);
  });

  test('is there when nobody answers', () => {
    expect(orders('connectFailed', 'timeout', 'timeout')).toMatchObject({
      view: null,
      primary: null,
      op: null,
      commit: null,
    });
  });
});

test('the metadata group comes first, with the members that its members name', () => {
  const { groups } = viewCluster(
    description,
    reports('timeout', [state(0, { role: 'primary', view: 1 }), state(1)], [state(0, { view: 1 })]),
  );
  expect(groups[0]).toMatchObject({ group: 0, name: 'metadata', members: [0, 1, 2], primary: 1 });
});

test('nodes say whether they are up and how many groups they lead', () => {
  const { nodes } = viewCluster(
    description,
    reports([state(0, { role: 'primary', view: 4 }), state(1, { role: 'primary' })], 'connectFailed', [
      state(1),
    ]),
  );
  expect(nodes).toMatchObject([
    { id: 0, up: true, replicas: 2, primaries: 2, problem: null },
    { id: 1, up: false, replicas: 0, primaries: 0, problem: 'connectFailed' },
    { id: 2, up: true, replicas: 1, primaries: 0, problem: null },
  ]);
});

test('the primary of a view goes round the members in their order', () => {
  expect([0, 1, 2, 3, 4_294_967_295].map((view) => primaryOf([5, 3, 4], view))).toEqual([5, 3, 4, 5, 5]);
});
