import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '../errors.ts';

/**
 * Makes a directory with those above it. Not by `recursive`, which on Node 20 never returns where the system says
 * ENOENT although the parent exists (below /proc).
 *
 * @throws CommandError `directoryDenied`
 */
export function makeDirectory(path: string): void {
  if (tryMake(path) !== 'ENOENT') return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  if (tryMake(path) === 'ENOENT') throw denied(path, 'its parent takes no directories');
}

/** null: it was made, or was there; `ENOENT`: what it would lie in was not. */
function tryMake(path: string): 'ENOENT' | null {
  try {
    mkdirSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return 'ENOENT';
    // A file of this name is found out by whoever lists it.
    if (code !== 'EEXIST') throw denied(path, String(error));
  }
  return null;
}

function denied(path: string, why: string): CommandError {
  return new CommandError('directoryDenied', `${path} cannot be made: ${why}`);
}
