import { MemoryDisk, plainChecksums } from '@vireo/storage/testing';
import { describe, expect, it } from 'vitest';
import { makeFoundingRecord } from './founding-record.ts';
import { encodeNodeFile, NODE_FILE, readIdentity, readState, StateFile } from './node-state.ts';

const identity = { cluster: 'c', node: 1, incarnation: 'ab'.repeat(16) };
const founding = makeFoundingRecord(
  'c',
  [{ id: 1, incarnation: 'ab'.repeat(16), address: 'a:1', host: 'h' }],
  plainChecksums,
);

function put(disk: MemoryDisk, path: string, text: string | Buffer): void {
  const bytes = Buffer.from(text);
  disk.create(path, bytes.length, () => {});
  disk.write(path, 0, [bytes], true, () => {});
  disk.pump();
}

describe('node.json', () => {
  it('comes back as it was formatted', () => {
    const disk = new MemoryDisk();
    put(disk, NODE_FILE, encodeNodeFile(identity, []));
    expect(readIdentity(disk)).toEqual(identity);
  });

  it.each([
    ['absent', null, 'notFormatted'],
    ['not JSON', 'hello', 'corruptState'],
    ['of a newer format', '{"format":2}', 'unsupportedFormat'],
    ['without an incarnation', '{"format":1,"cluster":"c","node":1}', 'corruptState'],
  ])('is refused when %s', (_, text, code) => {
    const disk = new MemoryDisk();
    if (text !== null) put(disk, NODE_FILE, text);
    expect(() => readIdentity(disk)).toThrow(expect.objectContaining({ code }));
  });

  it('that can not be read is not taken for absent', () => {
    const disk = new MemoryDisk({ fault: ({ kind }) => (kind === 'size' ? 'io' : null) });
    expect(() => readIdentity(disk)).toThrow(expect.objectContaining({ code: 'diskFailed' }));
  });
});

describe('state.json', () => {
  const fresh = { startCounter: 0, founding: null, opened: false };

  it('starts at counter 0, unfounded', () => {
    expect(readState(new MemoryDisk(), plainChecksums)).toEqual(fresh);
  });

  it('keeps changes made while a write is under way', () => {
    const disk = new MemoryDisk();
    const file = new StateFile(disk, plainChecksums, { ...fresh, startCounter: 1 });
    const done: string[] = [];
    file.write({}, () => done.push('start'));
    file.write({ founding }, () => done.push('founded'));
    file.write({ opened: true }, () => done.push('opened'));
    disk.pump();
    expect(done).toEqual(['start', 'founded', 'opened']);
    expect(readState(disk, plainChecksums)).toEqual({ startCounter: 1, founding, opened: true });
  });

  it('is the old one or the new one, wherever a crash cuts in', () => {
    for (let completed = 0; completed <= 4; completed++) {
      const disk = new MemoryDisk();
      const file = new StateFile(disk, plainChecksums, { ...fresh, startCounter: 1 });
      file.write({}, () => {});
      disk.pump();
      let answered = false;
      file.write({ startCounter: 2 }, () => {
        answered = true;
      });
      disk.pump(completed);
      disk.crash();
      const { startCounter } = readState(disk, plainChecksums);
      expect([1, 2]).toContain(startCounter);
      if (answered) expect(startCounter).toBe(2);
    }
  });

  it('is refused when any byte of it is damaged', () => {
    const disk = new MemoryDisk();
    new StateFile(disk, plainChecksums, { startCounter: 3, founding, opened: true }).write({}, () => {});
    disk.pump();
    const size = disk.size('state.json') ?? 0;
    for (let position = 0; position < size - 1; position += 7) {
      disk.corrupt('state.json', position, 0x01);
      expect(() => readState(disk, plainChecksums)).toThrow(expect.objectContaining({ name: 'StartError' }));
      disk.corrupt('state.json', position, 0x01);
    }
    expect(readState(disk, plainChecksums).startCounter).toBe(3);
  });
});
