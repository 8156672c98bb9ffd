import { expect, test } from 'vitest';
import type { GroupView } from '../view/cluster-view.ts';
import { missingPrimaries } from './readiness.ts';

function group(id: number, name: string, primary: number | null): GroupView {
  return {
    group: id,
    name,
    members: [0, 1, 2],
    view: 0,
    primary,
    op: 1,
    commit: 1,
    mode: null,
    lossEpoch: null,
    waits: null,
    replicas: [],
  };
}

test('a cluster is ready when it has metadata and every group has a primary', () => {
  const metadata = group(0, 'metadata', 0);
  const missing = (...groups: GroupView[]) => missingPrimaries({ nodes: [], groups });
  expect(missing(metadata)).toBeNull();
  expect(missing(metadata, group(1, 'a/b/0', 2))).toBeNull();
  expect(missing()).toBe('no node has metadata yet');
  expect(missing(group(1, 'a/b/0', 2))).toBe('no node has metadata yet');
  expect(missing(group(0, 'metadata', null))).toBe('no primary in metadata');
  expect(missing(metadata, group(1, 'a/b/0', null), group(2, 'a/b/1', 1))).toBe('no primary in a/b/0');
  const five = [1, 2, 3, 4, 5].map((id) => group(id, `a/b/${id}`, null));
  expect(missing(metadata, ...five)).toBe('no primary in a/b/1, a/b/2, a/b/3 and 2 more');
});
