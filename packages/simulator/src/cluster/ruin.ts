import type { JournalMap } from '@vireo/storage/testing';
import type { Prng } from '../world/prng.ts';
import type { SimDisk } from '../world/sim-disk.ts';
import { flip } from './damage.ts';
import type { RuinKind } from './faults.ts';

/** What is done, and the group that cannot be opened after it; null: the node cannot. */
interface Ruin {
  readonly group: number | null;
  act(): void;
}

/**
 * What would make a node's state unreadable for certain, to be done once its process is gone; null when the node has
 * nothing yet that could be ruined so. A sector is the least that is hit: a lost sector reads as changed bytes.
 */
export function planRuin(
  what: RuinKind,
  disk: SimDisk,
  map: JournalMap | null,
  snapshots: ReadonlyMap<number, number>,
  random: Prng,
): Ruin | null {
  const reader = disk.reader();
  const hit = (path: string, position: number, length: number): void =>
    disk.damage(path, position, flip(reader.readSync(path, position, length)));
  const groups = [...snapshots].filter(([, op]) => op > 0).map(([group]) => group);
  switch (what) {
    case 'segmentHead': {
      if (groups.length === 0) return null;
      const group = random.pick(groups);
      const directory = `groups/${group}`;
      const name = disk.list(directory).find((each) => each.endsWith('.segment'));
      return name === undefined ? null : { group, act: () => hit(`${directory}/${name}`, 0, 128) };
    }
    case 'snapshots': {
      if (groups.length === 0) return null;
      const group = random.pick(groups);
      const directory = `groups/${group}`;
      const names = (): string[] => disk.list(directory).filter((each) => /^snapshot-[ab]$/.test(each));
      const act = (): void => {
        for (const name of names()) hit(`${directory}/${name}`, 0, reader.size(`${directory}/${name}`) ?? 0);
      };
      return { group, act };
    }
    case 'journalIndexes': {
      // Two neighbours lose their heads, and with them both copies of the first one's index; a third shows that.
      const flushes = map?.flushes ?? [];
      const firsts = flushes.flatMap((flush, index) => {
        const [second, third] = [flushes[index + 1], flushes[index + 2]];
        const isWhole = flush.size > 0 && second !== undefined && second.size > 0;
        return isWhole && third !== undefined && third.size > 0 && flushes[index + 3] !== undefined
          ? [[flush, second]]
          : [];
      });
      if (firsts.length === 0) return null;
      const pair = random.pick(firsts);
      return whole(() => {
        for (const { path, position, headSize } of pair) hit(path, position, headSize);
      });
    }
    case 'journalFileHead': {
      const file = map?.files[0];
      if (file === undefined) return null;
      const half = file.dataStart / 2;
      return whole(() => {
        hit(file.path, 0, 128);
        hit(file.path, half, 128);
      });
    }
    case 'journalGone':
      return map === null ? null : whole(() => disk.removeBelow('journal'));
    case 'stateFile': {
      const size = reader.size('state.json');
      return size === null ? null : whole(() => hit('state.json', 0, size - 1));
    }
    case 'wiped':
      return whole(() => disk.wipe());
    case 'formatted': {
      const text = reader.readSync('node.json', 0, reader.size('node.json') ?? 0).toString();
      const identity = {
        ...(JSON.parse(text) as Record<string, unknown>),
        incarnation: random.bytes(16).toString('hex'),
      };
      return whole(() => {
        disk.wipe();
        disk.place('node.json', Buffer.from(JSON.stringify(identity)));
      });
    }
  }
}

function whole(act: () => void): Ruin {
  return { group: null, act };
}
