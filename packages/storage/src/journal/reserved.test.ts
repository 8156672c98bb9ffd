import { readChecksum, writeChecksum } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, PrepareChain, plainChecksums, SeededRandom } from '../testing/index.ts';
import {
  decodeJournalFileHeader,
  encodeJournalFileHeader,
  JOURNAL_BLOCK,
  JOURNAL_DATA_START,
} from './file-header.ts';
import { decodeFlushHead, FLUSH_ENTRY_SIZE, FLUSH_HEAD_FIXED, flushHeadSize } from './flush-codec.ts';
import { INDEX_RUN_SIZE } from './flush-index.ts';
import { Journal } from './journal.ts';

/** Each of these bits is set under a checksum made anew: a checksum does not excuse what no program wrote. */

const OPTIONS = { cluster: '11'.repeat(16), node: 1, fileCount: 4, fileBytes: 64 * 1024 };
const PATH = 'journal/00000001.journal';
const STATE_BYTES = 13;

const bit = fc.nat(7);

/** A byte of one of the ranges, from first to end. */
function byteOf(...ranges: readonly (readonly [number, number])[]) {
  return fc.constantFrom(
    ...ranges.flatMap(([from, end]) => Array.from({ length: end - from }, (_, i) => from + i)),
  );
}

function open(disk: MemoryDisk) {
  return Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
}

/** A journal whose last flush holds a prepare, a state record of an odd length, and a checkpoint. */
function written(): { disk: MemoryDisk; position: number; head: Buffer; salt: string } {
  const disk = new MemoryDisk();
  const opened = open(disk);
  if (!opened.ok) throw new Error(opened.error.message);
  const { journal } = opened.value;
  journal.start(() => undefined);
  disk.pump();
  const state = Buffer.alloc(STATE_BYTES, 's');
  journal.append(1, { prepares: [new PrepareChain(1).batch(50)], state, checkpoint: 0 }, () => undefined);
  journal.flush();
  disk.pump();
  const content = disk.content(PATH);
  let position = JOURNAL_DATA_START;
  while (
    flushHeadSize(content.subarray(position + content.readUInt32LE(position + 32)), OPTIONS.fileBytes) > 0
  )
    position += content.readUInt32LE(position + 32);
  const head = Buffer.from(
    content.subarray(position, position + flushHeadSize(content.subarray(position), OPTIONS.fileBytes)),
  );
  return { disk, position, head, salt: readChecksum(content, 96) };
}

function reseal(head: Buffer, salt: string): void {
  writeChecksum(head, salt, 0);
  writeChecksum(head, plainChecksums.identity(head), 0);
}

function flip(bytes: Buffer, at: number, which: number): void {
  bytes[at] = bytes[at]! ^ (1 << which);
}

describe('reserved bytes of the journal', () => {
  it('in the head of a file make that copy invalid', () => {
    const header = {
      cluster: OPTIONS.cluster,
      node: 1,
      fileSequence: 3,
      fileBytes: OPTIONS.fileBytes,
      firstSequence: 5,
      previousSequence: 4,
      previousChecksum: '22'.repeat(16),
      salt: '33'.repeat(16),
    };
    const sound = encodeJournalFileHeader(header, plainChecksums);
    expect(decodeJournalFileHeader(sound, plainChecksums)).toMatchObject({ outcome: 'valid' });
    fc.assert(
      fc.property(byteOf([22, 24], [44, 48], [112, 128]), bit, (at, which) => {
        const bytes = Buffer.from(sound);
        flip(bytes, at, which);
        writeChecksum(bytes, plainChecksums.identity(bytes.subarray(16, 128)), 0);
        bytes.copy(bytes, JOURNAL_BLOCK, 0, 128);
        expect(decodeJournalFileHeader(bytes, plainChecksums)).toEqual({ outcome: 'invalid' });
      }),
    );
  });

  it('in the head of a flush, and flags that are none, make it no flush', () => {
    const { head, position, salt } = written();
    const file = { fileSequence: 1, salt };
    expect(decodeFlushHead(head, file, position, plainChecksums)).not.toBeNull();
    const reserved = byteOf([21, 24], [52, 56], [120, 128]).map((at) => 8 * at);
    const place = fc.oneof(
      fc.tuple(reserved, bit).map(([at, which]) => at + which),
      fc.integer({ min: 8 * 20 + 2, max: 8 * 20 + 7 }),
    );
    fc.assert(
      fc.property(place, (at) => {
        const bytes = Buffer.from(head);
        flip(bytes, at >>> 3, at & 7);
        reseal(bytes, salt);
        expect(decodeFlushHead(bytes, file, position, plainChecksums)).toBeNull();
      }),
    );
  });

  it('in the index or the table of a flush are unreadable, never passed over', () => {
    const { disk, position, head, salt } = written();
    const index = FLUSH_HEAD_FIXED;
    const indexEnd = index + head.readUInt32LE(44);
    const table = indexEnd + head.readUInt32LE(48);
    const runs = [index, index + INDEX_RUN_SIZE, indexEnd - INDEX_RUN_SIZE];
    const padding = runs[1]! + INDEX_RUN_SIZE + STATE_BYTES;
    const entries = [0, 1, 2].map((entry) => table + entry * FLUSH_ENTRY_SIZE);
    expect(table + 3 * FLUSH_ENTRY_SIZE).toBe(head.length);
    const place = byteOf(
      ...runs.map((at) => [at + 1, at + 4] as const),
      [padding, runs[2]!],
      ...entries.map((at) => [at + 37, at + 40] as const),
      // Bits 2 to 7 of a kind: kinds are 1 to 3.
      ...entries.map((at) => [at + 36, at + 37] as const),
    );
    expect(open(disk)).toMatchObject({ ok: true, value: { items: { length: 3 } } });
    fc.assert(
      fc.property(place, fc.integer({ min: 2, max: 7 }), (at, which) => {
        const bytes = Buffer.from(head);
        flip(bytes, at, which);
        reseal(bytes, salt);
        disk.write(PATH, position, [bytes], true, () => undefined);
        disk.pump();
        expect(open(disk)).toMatchObject({ ok: false, error: { code: 'unreadable', path: PATH, position } });
      }),
    );
  });
});
