import { describe, expect, it } from 'vitest';
import { Journal } from '../journal/journal.ts';
import { MemoryDisk, mapJournal, PrepareChain, plainChecksums, SeededRandom } from './index.ts';

const OPTIONS = { cluster: '11'.repeat(16), node: 1, fileCount: 4, fileBytes: 64 * 1024 };

function journalWith(flushes: number) {
  const disk = new MemoryDisk();
  const opening = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
  if (!opening.ok) throw new Error(opening.error.message);
  const { journal } = opening.value;
  journal.start(() => undefined);
  disk.pump();
  const chain = new PrepareChain(3);
  for (let number = 0; number < flushes; number++) {
    journal.append(
      3,
      { prepares: [chain.batch(9_000), chain.batch(70)], state: Buffer.from('s') },
      () => undefined,
    );
    journal.flush();
    disk.pump();
  }
  return { disk, journal, chain };
}

describe('mapJournal', () => {
  it('says where each prepare lies, over several files', () => {
    const { disk } = journalWith(12);
    const map = mapJournal(disk, plainChecksums);
    const prepares =
      map?.flushes.flatMap((flush) => flush.prepares.map((each) => ({ ...each, path: flush.path }))) ?? [];
    expect(prepares.map(({ op }) => op)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
    expect(map?.files.length).toBeGreaterThan(1);
    for (const { path, position, checksum } of prepares) {
      // A header begins with its checksum.
      expect(disk.readSync(path, position, 16).toString('hex')).toBe(checksum);
    }
  });

  it('shows a flush without a head as lost, and what cannot be followed as nothing', () => {
    const { disk } = journalWith(5);
    const flushes = mapJournal(disk, plainChecksums)?.flushes ?? [];
    const [third, fourth] = flushes.slice(2);
    disk.corrupt(third!.path, third!.position + 20);
    const lost = mapJournal(disk, plainChecksums)?.flushes[2];
    expect(lost).toMatchObject({
      position: third!.position,
      sequence: third!.sequence,
      size: 0,
      prepares: [],
    });
    disk.corrupt(fourth!.path, fourth!.position + 20);
    expect(mapJournal(disk, plainChecksums)).toBeNull();
  });

  it('leaves out files that were released, and finds nothing where nothing is', () => {
    const { disk, journal, chain } = journalWith(12);
    const boundary = journal.fileSequence;
    journal.release(boundary);
    journal.append(3, { prepares: [chain.batch(10)] }, () => undefined);
    journal.flush();
    disk.pump();
    const map = mapJournal(disk, plainChecksums);
    expect(map?.files).toHaveLength(1);
    expect(map?.flushes.at(-1)?.prepares.map(({ op }) => op)).toEqual([25]);
    expect(mapJournal(new MemoryDisk(), plainChecksums)).toBeNull();
  });
});
