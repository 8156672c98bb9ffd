import { isZero, readU64, VireoError, writeU64 } from '@vireo/protocol';
import { LANE_WINDOW, type Lane, type LaneEntry } from './lane.ts';
import { LaneTable } from './lane-table.ts';

/** Version of the snapshot's layout. */
const FORMAT = 2;
const HEADER_SIZE = 48;
const LANE_SIZE = 32;
const ENTRY_SIZE = 40;

/** What a partition's snapshot holds beside the lanes. */
export interface PartitionPosition {
  readonly appliedOp: number;
  readonly endOffset: number;
  /** The op from which on the mode is `memory`; 0: it is `disk`. */
  readonly memoryFrom: number;
  /** How often the log was cut by a cold start. */
  readonly lossEpoch: number;
}

/**
 * Little-endian: `format u32 | lanes u32 | appliedOp u64 | endOffset u64 | evictedMax u64 | memoryFrom u64 |
 * lossEpoch u32 | 0 u32`, then per lane, least recently used first: `producerId u64 | lastSequence u64 | lastOp u64 |
 * epoch u32 | entries u32` and per entry `sequence u64 | op u64 | offset u64 | timestamp u64 | count u32 | crc u32`. The
 * order is part of the state (it decides evictions), so the same state gives the same bytes. Fixed fields and not
 * MessagePack: a checkpoint writes up to 10,000 lanes of 32 entries a partition.
 */
export function encodeSnapshot(position: PartitionPosition, lanes: LaneTable): Buffer {
  let size = HEADER_SIZE;
  for (const lane of lanes.values()) size += LANE_SIZE + lane.window.length * ENTRY_SIZE;
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(FORMAT, 0);
  bytes.writeUInt32LE(lanes.size, 4);
  writeU64(bytes, position.appliedOp, 8);
  writeU64(bytes, position.endOffset, 16);
  writeU64(bytes, lanes.evictedMax, 24);
  writeU64(bytes, position.memoryFrom, 32);
  bytes.writeUInt32LE(position.lossEpoch, 40);
  let at = HEADER_SIZE;
  for (const lane of lanes.values()) {
    writeU64(bytes, lane.producerId, at);
    writeU64(bytes, lane.lastSequence, at + 8);
    writeU64(bytes, lane.lastOp, at + 16);
    bytes.writeUInt32LE(lane.epoch, at + 24);
    bytes.writeUInt32LE(lane.window.length, at + 28);
    at += LANE_SIZE;
    for (const entry of lane.window) {
      writeU64(bytes, entry.sequence, at);
      writeU64(bytes, entry.op, at + 8);
      writeU64(bytes, entry.offset, at + 16);
      writeU64(bytes, entry.timestamp, at + 24);
      bytes.writeUInt32LE(entry.count, at + 32);
      bytes.writeUInt32LE(entry.crc, at + 36);
      at += ENTRY_SIZE;
    }
  }
  return bytes;
}

/**
 * Reads what `encodeSnapshot` wrote. Its store checks the bytes, so anything wrong here is a fault of a program
 * or another version.
 *
 * @throws VireoError `unsupportedFormat`, or `corruptPayload` when the lengths do not add up or reserved bytes are set.
 */
export function decodeSnapshot(
  bytes: Buffer,
  lanesMax: number,
): { position: PartitionPosition; lanes: LaneTable } {
  if (bytes.length < HEADER_SIZE) throw corrupt('is cut short');
  const format = bytes.readUInt32LE(0);
  if (format !== FORMAT) {
    throw new VireoError(
      'unsupportedFormat',
      `partition snapshot of format ${format}, supported is ${FORMAT}`,
    );
  }
  if (!isZero(bytes, 44, HEADER_SIZE)) throw corrupt('has reserved bytes that are not zero');
  const count = bytes.readUInt32LE(4);
  const lanes = new LaneTable(lanesMax);
  lanes.evictedMax = readU64(bytes, 24);
  let at = HEADER_SIZE;
  for (let i = 0; i < count; i++) {
    if (bytes.length - at < LANE_SIZE) throw corrupt('ends within a lane');
    const entries = bytes.readUInt32LE(at + 28);
    const end = at + LANE_SIZE + entries * ENTRY_SIZE;
    if (entries > LANE_WINDOW || end > bytes.length) throw corrupt('ends within the window of a lane');
    lanes.load(decodeLane(bytes, at, end));
    at = end;
  }
  if (at !== bytes.length) throw corrupt('has bytes behind its last lane');
  const position = {
    appliedOp: readU64(bytes, 8),
    endOffset: readU64(bytes, 16),
    memoryFrom: readU64(bytes, 32),
    lossEpoch: bytes.readUInt32LE(40),
  };
  return { position, lanes };
}

function decodeLane(bytes: Buffer, start: number, end: number): Lane {
  const epoch = bytes.readUInt32LE(start + 24);
  const window: LaneEntry[] = [];
  for (let at = start + LANE_SIZE; at < end; at += ENTRY_SIZE) {
    window.push({
      epoch,
      sequence: readU64(bytes, at),
      op: readU64(bytes, at + 8),
      offset: readU64(bytes, at + 16),
      count: bytes.readUInt32LE(at + 32),
      timestamp: readU64(bytes, at + 24),
      crc: bytes.readUInt32LE(at + 36),
    });
  }
  return {
    producerId: readU64(bytes, start),
    epoch,
    lastSequence: readU64(bytes, start + 8),
    lastOp: readU64(bytes, start + 16),
    window,
  };
}

function corrupt(what: string): VireoError {
  return new VireoError('corruptPayload', `partition snapshot ${what}`);
}
