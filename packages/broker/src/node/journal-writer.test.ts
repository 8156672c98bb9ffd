import type { Prepare } from '@vireo/protocol';
import { Journal } from '@vireo/storage';
import { MemoryDisk, PrepareChain, plainChecksums, SeededRandom } from '@vireo/storage/testing';
import { describe, expect, it } from 'vitest';
import { JournalWriter } from './journal-writer.ts';

const GROUP = { id: 1, checkpointOp: 0 };
const OPTIONS = { cluster: 'cd'.repeat(16), node: 0, fileCount: 3, fileBytes: 128 * 1024 };

function open(disk: MemoryDisk) {
  const opening = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
  if (!opening.ok) throw new Error(opening.error.message);
  return opening.value;
}

function started(disk: MemoryDisk): { journal: Journal; writer: JournalWriter } {
  const { journal } = open(disk);
  journal.start(() => {});
  disk.pump();
  return { journal, writer: new JournalWriter(journal, 32 * 1024) };
}

function prepares(chain: PrepareChain, count: number, bytes: number): Prepare[] {
  return Array.from({ length: count }, () => chain.batch(bytes));
}

describe('JournalWriter', () => {
  it('cuts a write that no flush could take, and answers once, when all of it is durable', () => {
    const disk = new MemoryDisk();
    const { journal, writer } = started(disk);
    const answers: boolean[] = [];
    writer.append(GROUP, { prepares: prepares(new PrepareChain(1, plainChecksums), 20, 8_000) }, (ok) =>
      answers.push(ok),
    );
    for (let turn = 0; turn < 20; turn++) {
      writer.retry();
      journal.flush();
      expect(answers).toHaveLength(journal.queuedBytes === 0 && writer.waiting === 0 ? 1 : 0);
      disk.pump();
    }
    expect(answers).toEqual([true]);
    expect(open(disk).items.filter(({ type }) => type === 'prepare')).toHaveLength(20);
  });

  it('keeps in order what a full journal refuses, and writes it once there is room', () => {
    const disk = new MemoryDisk();
    const { journal, writer } = started(disk);
    const answers: number[] = [];
    const chain = new PrepareChain(1, plainChecksums);
    for (let i = 0; i < 60; i++) {
      writer.append(GROUP, { prepares: prepares(chain, 1, 8_000) }, (ok) => ok && answers.push(i));
      writer.retry();
      journal.flush();
      disk.pump();
    }
    expect(writer.waiting).toBeGreaterThan(0);
    const before = answers.length;
    journal.release(journal.fileSequence);
    for (let turn = 0; turn < 10; turn++) {
      writer.retry();
      journal.flush();
      disk.pump();
    }
    expect(answers.length).toBeGreaterThan(before);
    expect(answers).toEqual(answers.map((_, i) => i));
  });

  it('lets a promise pass into the reserve together with what was handed over before it', () => {
    const disk = new MemoryDisk();
    const { journal, writer } = started(disk);
    const chain = new PrepareChain(1, plainChecksums);
    while (!writer.full) {
      writer.append(GROUP, { prepares: prepares(chain, 1, 8_000) }, () => {});
      journal.flush();
      disk.pump();
    }
    let answered = false;
    writer.append(GROUP, { prepares: prepares(chain, 1, 8_000) }, () => {});
    writer.append(GROUP, { prepares: [], state: Buffer.from('promise') }, (ok) => {
      answered = ok;
    });
    expect(writer.waiting).toBe(0);
    journal.flush();
    disk.pump();
    expect(answered).toBe(true);
    const last = open(disk).items.slice(-3);
    expect(last.map(({ type }) => type)).toEqual(['prepare', 'checkpoint', 'state']);
  });
});
