import { readFileSync } from 'node:fs';

/** Open files of the data directory, if the system permits: a segment and its index for each of 4,096 partitions, twice. */
const WANTED = 16_384;
/** Where the limit is not told (macOS): below the smallest that is common there. */
const UNKNOWN_LIMIT = 4_096;

/**
 * Files that the disk keeps open: half of what the process may have, the rest is for connections. Closing a
 * file with unsynced writes costs a sync, so a bound below the number of partitions that are written would
 * make one of every write.
 */
export function openFilesMax(
  limits: () => string = () => readFileSync('/proc/self/limits', 'latin1'),
): number {
  let text = '';
  try {
    text = limits();
  } catch {
    // No procfs.
  }
  // Node has raised the soft limit to the hard one when it started.
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  const limit = soft === 'unlimited' ? WANTED * 2 : Number(soft ?? UNKNOWN_LIMIT);
  return Math.max(64, Math.min(WANTED, Math.floor(limit / 2)));
}
