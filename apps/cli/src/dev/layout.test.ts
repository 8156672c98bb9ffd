import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { layOut } from './layout.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-layout-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const any = { nodes: undefined, port: undefined };

function addressesOf(count: number, port: number): { id: number; address: string }[] {
  return Array.from({ length: count }, (_, id) => ({ id, address: `127.0.0.1:${port + 10 * id}` }));
}

function format(node: number, founders: readonly { id: number; address: string }[], used = false): void {
  const path = join(directory, `node-${node}`);
  mkdirSync(path);
  writeFileSync(join(path, 'node.json'), JSON.stringify({ format: 1, node, founders }));
  if (used) mkdirSync(join(path, 'journal'));
}

describe('a new directory', () => {
  test('gets three nodes on ports that are ten apart', () => {
    const { nodes, unformatted } = layOut(directory, any);
    expect(nodes.map(({ address }) => address)).toEqual([
      '127.0.0.1:7400',
      '127.0.0.1:7410',
      '127.0.0.1:7420',
    ]);
    expect(nodes[2]).toMatchObject({
      id: 2,
      directory: join(directory, 'node-2'),
      log: join(directory, 'node-2.log'),
    });
    expect(unformatted).toEqual(nodes);
  });

  test('may lie in a directory that does not exist, and have other nodes and ports', () => {
    const { nodes } = layOut(join(directory, 'not', 'there'), { nodes: 1, port: 9000 });
    expect(nodes.map(({ address }) => address)).toEqual(['127.0.0.1:9000']);
  });
});

describe('a directory that holds a cluster', () => {
  test('is resumed with the nodes and addresses it was made with', () => {
    for (const node of [0, 1, 2, 3, 4]) format(node, addressesOf(5, 7500), true);
    const { nodes, unformatted } = layOut(directory, any);
    expect(nodes.map(({ id, address }) => ({ id, address }))).toEqual(addressesOf(5, 7500));
    expect(unformatted).toEqual([]);
    expect(layOut(directory, { nodes: 5, port: 7500 }).nodes).toEqual(nodes);
  });

  test.each([
    ['nodes', { nodes: 4, port: undefined }],
    ['port', { nodes: undefined, port: 7400 }],
  ])('is refused when another number of %s is asked for', (_what, wish) => {
    for (const node of [0, 1, 2]) format(node, addressesOf(3, 7500));
    expect(() => layOut(directory, wish)).toThrow(expect.objectContaining({ code: 'clusterMismatch' }));
  });

  test('is refused when it has run and a node is gone', () => {
    for (const node of [0, 2]) format(node, addressesOf(3, 7400), true);
    expect(() => layOut(directory, any)).toThrow(expect.objectContaining({ code: 'lostState' }));
  });

  test('is made complete when formatting was cut off before anything ran', () => {
    format(0, addressesOf(3, 7400));
    mkdirSync(join(directory, 'node-1'));
    writeFileSync(join(directory, 'node-1', 'node.json.new'), '{"fo');
    const { unformatted } = layOut(directory, any);
    expect(unformatted.map(({ id }) => id)).toEqual([1, 2]);
    expect(readdirSync(directory)).toEqual(['node-0']);
  });

  test('is refused when a node file does not read', () => {
    mkdirSync(join(directory, 'node-0'));
    writeFileSync(join(directory, 'node-0', 'node.json'), '{');
    expect(() => layOut(directory, any)).toThrow(expect.objectContaining({ code: 'corruptState' }));
  });
});
