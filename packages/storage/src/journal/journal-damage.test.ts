import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, PrepareChain, plainChecksums, SeededRandom } from '../testing/index.ts';
import { Journal } from './journal.ts';
import type { JournalItem } from './journal-options.ts';

const OPTIONS = { cluster: '11'.repeat(16), node: 1, fileCount: 4, fileBytes: 64 * 1024 };
const PATH = 'journal/00000001.journal';

function journalOn(disk: MemoryDisk): Journal {
  const result = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
  if (!result.ok) throw new Error(result.error.message);
  return result.value.journal;
}

/** Two groups, eight flushes over two files, each followed by another: nothing in it is a torn end. */
function settledJournal(): { disk: MemoryDisk; used: Map<string, number>; chains: PrepareChain[] } {
  const disk = new MemoryDisk();
  const journal = journalOn(disk);
  journal.start(() => undefined);
  disk.pump();
  const chains = [new PrepareChain(1), new PrepareChain(2)];
  for (let i = 0; i < 8; i++) {
    for (const chain of chains) {
      const state = i % 3 === 0 ? Buffer.from(`state ${i}`) : null;
      journal.append(
        chain.group,
        { prepares: [chain.batch(4_000), chain.batch(50)], state },
        () => undefined,
      );
    }
    journal.flush();
    disk.pump();
  }
  journal.settleTail();
  disk.pump();
  const used = new Map<string, number>();
  for (const { kind, path, position, length } of disk.trace) {
    if (kind === 'write') used.set(path, Math.max(used.get(path) ?? 0, position + length));
  }
  expect(used.size).toBe(2);
  return { disk, used, chains };
}

/** Every op is there or named as faulty, and every promise is there. */
function expectAccounted(items: readonly JournalItem[], chains: readonly PrepareChain[]): void {
  for (const { group, op: last } of chains) {
    const known = new Set<number>();
    const states: string[] = [];
    for (const item of items) {
      if (item.group !== group) continue;
      if (item.type === 'prepare') known.add(item.prepare.header.op);
      if (item.type === 'state') states.push(item.record.toString());
      if (item.type === 'faulty') for (let op = item.firstOp; op <= item.lastOp; op++) known.add(op);
    }
    expect(known.size).toBe(last);
    expect(states).toEqual(['state 0', 'state 3', 'state 6']);
  }
}

describe('journal with damage', () => {
  it('accounts for every op and every promise, whichever single byte is damaged', () => {
    const { disk, used, chains } = settledJournal();
    let damaged = 0;
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (file, at, mask) => {
        const [path, length] = [...used][file % 2]!;
        disk.corrupt(path, at % length, mask);
        const result = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
        disk.corrupt(path, at % length, mask);
        if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
        damaged += result.value.report.damage.length;
        expect(result.value.report.torn).toBeNull();
        expectAccounted(result.value.items, chains);
      }),
      { numRuns: 400, seed: 20261124 },
    );
    expect(damaged).toBeGreaterThan(100);
  });

  it('answers with a code, and never throws or invents, whatever else is damaged', () => {
    const codes = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1), fc.nat(60_000), fc.uint8Array({ minLength: 1, maxLength: 5_000 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (damages) => {
          const { disk, used, chains } = settledJournal();
          for (const [file, position, bytes] of damages) {
            const path = [...used.keys()][file]!;
            disk.write(path, position, [Buffer.from(bytes)], true, () => undefined);
          }
          disk.pump();
          const result = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
          codes.add(result.ok ? 'ok' : result.error.code);
          if (!result.ok) return;
          for (const item of result.value.items) {
            if (item.type === 'state') expect(item.record.toString()).toMatch(/^state [036]$/);
            if (item.type === 'prepare') expect(item.prepare.header.op).toBeLessThanOrEqual(chains[0]!.op);
          }
        },
      ),
      { numRuns: 150, seed: 20261124 },
    );
    expect([...codes].filter((code) => !['ok', 'indexLost', 'unreadable'].includes(code))).toEqual([]);
    expect(codes.size).toBeGreaterThan(1);
  });

  it('takes nothing for a flush that lies inside a record or stems from an earlier use of the file', () => {
    const { disk, used } = settledJournal();
    // Copies of real flushes: behind the end of their own file, and in a file with another salt.
    const bytes = disk.content(PATH).subarray(8192 + 4096, 8192 + 3 * 4096);
    for (const [path, end] of used) disk.write(path, end, [bytes], true, () => undefined);
    disk.pump();
    const result = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
    expect(result).toMatchObject({ ok: true, value: { report: { damage: [], torn: null } } });
  });
});
