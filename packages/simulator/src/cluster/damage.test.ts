import { PREPARE_HEADER_SIZE } from '@vireo/protocol';
import type { JournalMap, MappedFlush } from '@vireo/storage/testing';
import { describe, expect, it } from 'vitest';
import { Prng } from '../world/prng.ts';
import { flip, planDamage } from './damage.ts';
import type { DamagePiece, DamageShape } from './faults.ts';

const path = 'journal/00000001.journal';
const block = 4096;

/** Flush n lies in block n + 2 and holds op n of group 1, unless it is listed as empty or lost. */
function journal(count: number, options: { empty?: number[]; lost?: number[] } = {}): JournalMap {
  const flushes = Array.from({ length: count }, (_, index): MappedFlush => {
    const position = (index + 2) * block;
    const isLost = options.lost?.includes(index) ?? false;
    const holds = !isLost && !(options.empty?.includes(index) ?? false);
    const prepare = { group: 1, op: index, checksum: `${index}`, position: position + 500, size: 300 };
    return {
      path,
      position,
      size: isLost ? 0 : block,
      headSize: isLost ? 0 : 500,
      sequence: index,
      prepares: holds ? [prepare] : [],
    };
  });
  return { flushes, files: [{ path, bytes: 32 * block, dataStart: 2 * block }] };
}

/** Each block holds its own number. */
const read = (_path: string, position: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, index) => Math.floor((position + index) / block) & 0xff));

/** Indexes of the flushes that any of many draws damages. */
function hits(map: JournalMap, piece: DamagePiece, shape: DamageShape = 'zeros'): number[] {
  const found = new Set<number>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const plan = planDamage(piece, shape, { map, read }, Prng.fromSeed(seed));
    for (const { position } of plan?.patches ?? []) found.add(Math.floor(position / block) - 2);
  }
  return [...found].sort((left, right) => left - right);
}

describe('planDamage', () => {
  it('leaves the last flush alone: nobody could tell its damage from a torn write', () => {
    for (const piece of ['body', 'index', 'flush'] as const)
      expect(hits(journal(5), piece)).toEqual([0, 1, 2, 3]);
    expect(hits(journal(1), 'flush')).toEqual([]);
  });

  it('leaves the neighbours of a lost flush their heads, and takes bodies anywhere', () => {
    const map = journal(6, { lost: [2] });
    expect(hits(map, 'index')).toEqual([0, 4]);
    expect(hits(map, 'body')).toEqual([0, 1, 3, 4]);
  });

  it('knows the head: the last flush that holds anything, once another settles it', () => {
    expect(hits(journal(5, { empty: [3, 4] }), 'head')).toEqual([2]);
    expect(hits(journal(5), 'head')).toEqual([]);
  });

  it('names every op that loses a copy, and changes what lies there, in each shape', () => {
    for (const shape of ['flip', 'zeros', 'astray'] as const) {
      for (const piece of ['body', 'index', 'head'] as const) {
        const plan = planDamage(piece, shape, { map: journal(5, { empty: [4] }), read }, Prng.fromSeed(3));
        expect(plan?.ops).toHaveLength(1);
        for (const patch of plan?.patches ?? []) {
          expect(patch.bytes.equals(read(path, patch.position, patch.bytes.length))).toBe(false);
        }
      }
    }
  });

  it('takes what lies behind the header of a prepare, so that its header stays known', () => {
    const plan = planDamage('payload', 'zeros', { map: journal(5), read }, Prng.fromSeed(3));
    const body = planDamage('body', 'zeros', { map: journal(5), read }, Prng.fromSeed(3));
    const [patch, whole] = [plan!.patches[0]!, body!.patches[0]!];
    expect(plan!.ops).toEqual(body!.ops);
    expect(patch.position).toBe(whole.position + PREPARE_HEADER_SIZE);
    expect(patch.bytes.length).toBe(whole.bytes.length - PREPARE_HEADER_SIZE);
  });

  it('puts a stray copy of a flush behind the end, which costs nothing', () => {
    const plan = planDamage('flush', 'astray', { map: journal(5), read }, Prng.fromSeed(1));
    expect(plan).toMatchObject({ ops: [], patches: [{ path, position: 7 * block }] });
  });

  it('damages one copy of a file head, and none when the other is gone already', () => {
    const sound = { map: journal(1), read: () => Buffer.alloc(block, 7) };
    const plan = planDamage('fileHead', 'zeros', sound, Prng.fromSeed(1));
    expect(plan?.ops).toEqual([]);
    expect([0, block]).toContain(plan?.patches[0]?.position);
    expect(planDamage('fileHead', 'zeros', { map: journal(1), read }, Prng.fromSeed(1))).toBeNull();
  });
});

describe('flip', () => {
  it('changes the same bytes the same way, and never nothing', () => {
    const random = Prng.fromSeed(9);
    for (let index = 0; index < 300; index += 1) {
      const before = random.bytes(random.between(1, 200));
      expect(flip(before).equals(before)).toBe(false);
      expect(flip(before).equals(flip(Buffer.from(before)))).toBe(true);
    }
  });
});
