import { type Checksum, type Checksums, isChecksum } from '@vireo/protocol';
import type { Disk, DiskCallback, DiskError } from '@vireo/storage';
import type { NodeId } from '@vireo/vsr';
import {
  type FoundingRecord,
  isNodeId,
  isObject,
  parseFoundingRecord,
  parseJson,
} from './founding-record.ts';
import { StartError } from './world.ts';

/** Written once by `vireo node format`. */
export const NODE_FILE = 'node.json';
/** What the node itself keeps: start counter, founding record. Replaced by write and rename. */
const STATE_FILE = 'state.json';
const STATE_FILE_NEW = 'state.json.new';
const FORMAT = 1;
/** Both files are a few kilobytes; anything larger is not ours. Bytes. */
const FILE_BYTES_MAX = 1024 * 1024;

/** `node.json`: who this data directory belongs to. */
export interface NodeIdentity {
  readonly cluster: string;
  readonly node: NodeId;
  /** Drawn when the directory was formatted; a wiped and formatted directory is another member. */
  readonly incarnation: Checksum;
}

/** `state.json`. */
export interface NodeState {
  /** Counts starts of this data directory, from 1; durable before the first frame of a run. */
  readonly startCounter: number;
  readonly founding: FoundingRecord | null;
  /** Whether the journal and the metadata replica were ever durable here: from then on their absence is a loss. */
  readonly opened: boolean;
}

/** Reads `node.json`. @throws StartError notFormatted, unsupportedFormat, corruptState, diskFailed. */
export function readIdentity(disk: Disk): NodeIdentity {
  const text = readText(disk, NODE_FILE);
  if (text === null) {
    throw new StartError(
      'notFormatted',
      `there is no ${NODE_FILE}: run \`vireo node format\` on the data directory`,
    );
  }
  const value = parseJson(text);
  if (!isObject(value)) throw new StartError('corruptState', `${NODE_FILE} is not a JSON object`);
  if (value.format !== FORMAT) {
    throw new StartError(
      'unsupportedFormat',
      `${NODE_FILE} has format ${String(value.format)}, known is ${FORMAT}`,
    );
  }
  const { cluster, node, incarnation } = value;
  if (typeof cluster !== 'string' || !isNodeId(node) || !isChecksum(incarnation)) {
    throw new StartError('corruptState', `${NODE_FILE} lacks cluster, node or incarnation`);
  }
  return { cluster, node, incarnation };
}

/** The text of `node.json`, for the command that formats a data directory. */
export function encodeNodeFile(
  identity: NodeIdentity,
  founders: readonly { readonly id: NodeId; readonly address: string; readonly host: string }[],
): Buffer {
  const { cluster, node, incarnation } = identity;
  return Buffer.from(
    `${JSON.stringify({ format: FORMAT, cluster, node, incarnation, founders }, null, 2)}\n`,
    'utf8',
  );
}

/** Reads `state.json`; a directory that was only formatted has none. @throws StartError */
export function readState(disk: Disk, checksums: Checksums): NodeState {
  const text = readText(disk, STATE_FILE);
  if (text === null) return { startCounter: 0, founding: null, opened: false };
  const end = text.indexOf('\n');
  const body = end < 0 ? text : text.slice(0, end);
  const value = parseJson(body);
  // A newer format may have moved the checksum: say so before complaining of damage.
  if (isObject(value) && typeof value.format === 'number' && value.format > FORMAT) {
    throw new StartError('unsupportedFormat', `${STATE_FILE} has format ${value.format}, known is ${FORMAT}`);
  }
  const damaged = () =>
    new StartError('corruptState', `${STATE_FILE} is damaged: restore it or replace the node`);
  if (end < 0 || text.slice(end + 1).trim() !== checksumOf(body, checksums)) throw damaged();
  if (!isObject(value) || value.format !== FORMAT) throw damaged();
  const { startCounter, founding: record, opened } = value;
  if (typeof startCounter !== 'number' || !Number.isSafeInteger(startCounter) || startCounter < 1)
    throw damaged();
  if (typeof opened !== 'boolean') throw damaged();
  const founding = record === null ? null : parseFoundingRecord(record, checksums);
  if (record !== null && founding === null) throw damaged();
  return { startCounter, founding, opened };
}

/**
 * Replaces `state.json`; `done(null)` once the new one is durable under its name. A crash at any point leaves
 * the old one or the new one.
 */
function writeState(disk: Disk, state: NodeState, checksums: Checksums, done: DiskCallback): void {
  const { startCounter, founding, opened } = state;
  const body = JSON.stringify({ format: FORMAT, startCounter, founding: founding?.text ?? null, opened });
  const bytes = Buffer.from(`${body}\n${checksumOf(body, checksums)}\n`, 'utf8');
  const rename = (error: DiskError | null) => {
    if (error) done(error);
    else disk.rename(STATE_FILE_NEW, STATE_FILE, done);
  };
  const fill = (error: DiskError | null) => {
    if (error) done(error);
    else disk.write(STATE_FILE_NEW, 0, [bytes], true, rename);
  };
  // `create` replaces what a crash may have left.
  disk.create(STATE_FILE_NEW, bytes.length, fill);
}

/** `state.json` of a running node: changes are made one after another, each on top of those before it. */
export class StateFile {
  readonly #disk: Disk;
  readonly #checksums: Checksums;
  #state: NodeState;
  /** Who waits for a write; a write under way answers those that were there when it began. */
  readonly #waiting: DiskCallback[] = [];

  constructor(disk: Disk, checksums: Checksums, state: NodeState) {
    this.#disk = disk;
    this.#checksums = checksums;
    this.#state = state;
  }

  /** With all changes so far, durable or not yet. */
  get state(): NodeState {
    return this.#state;
  }

  write(change: Partial<NodeState>, done: DiskCallback): void {
    this.#state = { ...this.#state, ...change };
    this.#waiting.push(done);
    if (this.#waiting.length === 1) this.#next();
  }

  #next(): void {
    const covered = this.#waiting.length;
    writeState(this.#disk, this.#state, this.#checksums, (error) => {
      const finished = this.#waiting.splice(0, covered);
      if (this.#waiting.length > 0) this.#next();
      for (const done of finished) done(error);
    });
  }
}

function checksumOf(body: string, checksums: Checksums): string {
  return checksums.crc32(Buffer.from(body, 'utf8')).toString(16).padStart(8, '0');
}

/** The file's text, null when it does not exist; EIO or EACCES is never "absent". */
function readText(disk: Disk, path: string): string | null {
  try {
    const size = disk.size(path);
    if (size === null) return null;
    if (size > FILE_BYTES_MAX) throw new StartError('corruptState', `${path} has ${size} bytes`);
    return disk.readSync(path, 0, size).toString('utf8');
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError('diskFailed', `${path} can not be read: ${String(error)}`, error);
  }
}
