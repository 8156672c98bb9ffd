import { type Decoded, decoded, isZero, refused } from '@vireo/protocol';

/** What a group's snapshot holds: the machine's state, and what replication has to know as of the same op. */
export interface GroupSnapshot {
  readonly mode: 'disk' | 'memory';
  /** How often the group's log was cut by a cold start. */
  readonly lossEpoch: number;
  /** As the machine gave it. */
  readonly machine: Buffer;
}

/** Head in front of the machine's bytes, little-endian: `magic u32 | version u16 | mode u8 | 0 u8 | lossEpoch u32 | 0 u32`. */
export const GROUP_SNAPSHOT_HEAD = 16;
const MAGIC = 0x53475256; // "VRGS"
const VERSION = 1;
const ModeCode = { disk: 0, memory: 1 } as const;

/** The bytes for the snapshot store. */
export function encodeGroupSnapshot({ mode, lossEpoch, machine }: GroupSnapshot): Buffer {
  const bytes = Buffer.allocUnsafe(GROUP_SNAPSHOT_HEAD + machine.length);
  bytes.fill(0, 0, GROUP_SNAPSHOT_HEAD);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt16LE(VERSION, 4);
  bytes[6] = ModeCode[mode];
  bytes.writeUInt32LE(lossEpoch, 8);
  machine.copy(bytes, GROUP_SNAPSHOT_HEAD);
  return bytes;
}

/** Reads what `encodeGroupSnapshot` wrote. Errors: `unsupportedFormat`, `corruptPayload`. */
export function decodeGroupSnapshot(bytes: Buffer): Decoded<GroupSnapshot> {
  if (bytes.length < GROUP_SNAPSHOT_HEAD || bytes.readUInt32LE(0) !== MAGIC)
    return refused('corruptPayload', 'the snapshot of the group has no head');
  const version = bytes.readUInt16LE(4);
  if (version !== VERSION) {
    return refused('unsupportedFormat', `snapshot of a group in format ${version}, supported is ${VERSION}`);
  }
  const mode = bytes[6];
  if ((mode !== ModeCode.disk && mode !== ModeCode.memory) || bytes[7] !== 0 || !isZero(bytes, 12, 16))
    return refused('corruptPayload', 'the head of the snapshot of the group is damaged');
  return decoded({
    mode: mode === ModeCode.memory ? 'memory' : 'disk',
    lossEpoch: bytes.readUInt32LE(8),
    machine: bytes.subarray(GROUP_SNAPSHOT_HEAD),
  });
}
