import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { encodeNodeFile } from '@vireo/broker';
import { makeDirectory } from './make-directory.ts';
import {
  checkNodeFile,
  type FounderAddress,
  NODE_FILE,
  NODE_FILE_FORMAT,
  type NodeFile,
} from './node-file.ts';
import { NodeStartError, systemCode } from './start-errors.ts';

/** What a new data directory is made of. */
export interface FormatOptions {
  /** Made, with its parents, when it does not exist; must be empty. */
  readonly directory: string;
  /** Name of the cluster: 1 to 255 bytes, without '/'. All its nodes name the same. */
  readonly cluster: string;
  /** Id of this node; one of the founders. */
  readonly node: number;
  /** All founders in one order that is the same for all; the first one makes the founding record. */
  readonly founders: readonly FounderAddress[];
}

/**
 * Makes a data directory: draws the node's incarnation and writes it durably. Never formats in place: what is
 * there was somebody's, and a node that forgets what it acknowledged breaks its cluster's promises.
 *
 * @throws NodeStartError directoryNotEmpty, invalidConfig, directoryDenied, diskFailed
 */
export function formatNode(options: FormatOptions): NodeFile {
  const { directory, cluster, node, founders } = options;
  const incarnation = randomBytes(16).toString('hex');
  const checked = checkNodeFile({ format: NODE_FILE_FORMAT, cluster, node, incarnation, founders });
  if ('problem' in checked)
    throw new NodeStartError('invalidConfig', `the node can not be made: ${checked.problem}`);
  try {
    makeDirectory(directory);
    const found = readdirSync(directory);
    if (found.length > 0) {
      throw new NodeStartError('directoryNotEmpty', `${directory} is not empty: it holds ${found[0]}`);
    }
    writeDurably(directory, encodeNodeFile(checked.file, checked.file.founders));
  } catch (error) {
    if (error instanceof NodeStartError || systemCode(error) === null) throw error;
    const denied = ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '');
    throw new NodeStartError(
      denied ? 'directoryDenied' : 'diskFailed',
      `${directory} can not be formatted: ${String(error)}`,
      error,
    );
  }
  return checked.file;
}

/** The file appears under its name whole, or not at all. */
function writeDurably(directory: string, bytes: Buffer): void {
  const draft = join(directory, `${NODE_FILE}.new`);
  const file = openSync(draft, 'wx');
  try {
    writeSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, join(directory, NODE_FILE));
  syncDirectory(directory);
  syncDirectory(dirname(resolve(directory)));
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
