import type { Checksum, Checksums } from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { groupDirectory, segmentName } from '../log/segment-header.ts';

/** Files of a transfer stand beside those that they will replace, under names that nothing else has. */
const PREFIX = 'transfer-';

export function stagedSnapshotPath(group: number): string {
  return `${groupDirectory(group)}/${PREFIX}snapshot`;
}

export function stagedSegmentPath(group: number, baseOp: number): string {
  return `${groupDirectory(group)}/${PREFIX}${segmentName(baseOp)}`;
}

/** Whether a file of a group's directory belongs to a transfer. */
export function isStaged(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** `length` bytes of a file if they have this identity; null: they have not, are not there, or can not be read. */
export function matches(
  place: { readonly disk: Disk; readonly checksums: Checksums },
  file: {
    readonly path: string;
    readonly position: number;
    readonly length: number;
    readonly leaf: Checksum;
  },
  done: (bytes: Buffer | null) => void,
): void {
  const { path, position, length, leaf } = file;
  place.disk.read(path, position, length, (error, bytes) => {
    const isSame = error === null && bytes.length === length && place.checksums.identity(bytes) === leaf;
    done(isSame ? bytes : null);
  });
}
