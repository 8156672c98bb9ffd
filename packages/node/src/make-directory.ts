import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from './start-errors.ts';

/**
 * Makes a directory with those above it. Not by `recursive`, which on Node 20 never returns where the system says
 * ENOENT although the parent exists (below /proc). One that is there already is left alone.
 *
 * @throws the error of the system: ENOENT when the parent takes no directories.
 */
export function makeDirectory(path: string): void {
  try {
    makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if (systemCode(error) !== 'ENOENT' || parent === path) throw error;
    makeDirectory(parent);
    makeOne(path);
  }
}

function makeOne(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    // A file of this name is found out by whoever lists it.
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}
