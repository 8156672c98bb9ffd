import {
  type Checksums,
  type Decoded,
  decoded,
  PREPARE_HEADER_SIZE,
  readChecksum,
  readU64,
  refused,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';
import { hasBitsBeyond, readBits, readHeaders, writeBits, writeHeaders } from './header-list.ts';
import type { StateRecord, Verdict } from './state-record.ts';

/**
 * A state record on disk, little-endian: `version u32 (2) | epoch u32 | view u32 | logView u32 | commitMax u64 |
 * anchorOp u64 | anchorChecksum 16 | present u64 | nack u64 | faulty u64 | count u32 | flags u32 | lossEpoch u32 |
 * grantEpoch u32 | grantView u32 | grantTo u32`, then `count` headers. Flags: bit 0 copied, bit 1 mark, bit 2 a grant
 * is given, bits 4 and 5 the verdict (0 none, 1 amnesiac, 2 recoveringHead). The journal entry around it carries the
 * checksum.
 */
const VERSION = 2;
const FIXED_SIZE = 96;
const COPIED = 1;
const MARK = 2;
const GRANT = 4;
const VERDICT_SHIFT = 4;
const VERDICTS: readonly Verdict[] = ['none', 'amnesiac', 'recoveringHead'];
const FLAGS = COPIED | MARK | GRANT | (3 << VERDICT_SHIFT);

const at = {
  commitMax: 16,
  anchorOp: 24,
  anchorChecksum: 32,
  present: 48,
  nack: 56,
  faulty: 64,
  count: 72,
  flags: 76,
  lossEpoch: 80,
  grantEpoch: 84,
  grantView: 88,
  grantTo: 92,
} as const;

export function encodeStateRecord(record: StateRecord): Buffer {
  const bytes = Buffer.alloc(FIXED_SIZE + record.headers.length * PREPARE_HEADER_SIZE);
  bytes.writeUInt32LE(VERSION, 0);
  bytes.writeUInt32LE(record.epoch, 4);
  bytes.writeUInt32LE(record.view, 8);
  bytes.writeUInt32LE(record.logView, 12);
  writeU64(bytes, record.commitMax, at.commitMax);
  writeU64(bytes, record.anchorOp, at.anchorOp);
  writeChecksum(bytes, record.anchorChecksum, at.anchorChecksum);
  writeBits(bytes, at.present, record.present);
  writeBits(bytes, at.nack, record.nack);
  writeBits(bytes, at.faulty, record.faulty);
  bytes.writeUInt32LE(record.headers.length, at.count);
  const { grant } = record;
  const flags =
    (record.copied === true ? COPIED : 0) |
    (record.mark ? MARK : 0) |
    (grant === null ? 0 : GRANT) |
    (VERDICTS.indexOf(record.verdict) << VERDICT_SHIFT);
  bytes.writeUInt32LE(flags, at.flags);
  bytes.writeUInt32LE(record.lossEpoch, at.lossEpoch);
  if (grant !== null) {
    bytes.writeUInt32LE(grant.epoch, at.grantEpoch);
    bytes.writeUInt32LE(grant.view, at.grantView);
    bytes.writeUInt32LE(grant.to, at.grantTo);
  }
  writeHeaders(bytes, FIXED_SIZE, record.headers);
  return bytes;
}

/** Errors: `unsupportedFormat`, `corruptFrame`, and those of `decodePrepareHeader`. */
export function decodeStateRecord(bytes: Buffer, checksums: Checksums): Decoded<StateRecord> {
  if (bytes.length < FIXED_SIZE) return refused('corruptFrame', `a state record of ${bytes.length} bytes`);
  const version = bytes.readUInt32LE(0);
  if (version !== VERSION) {
    return refused('unsupportedFormat', `state record version ${version}, supported is ${VERSION}`);
  }
  const commitMax = readU64(bytes, at.commitMax);
  const anchorOp = readU64(bytes, at.anchorOp);
  if (commitMax < 0 || anchorOp < 0)
    return refused('corruptFrame', 'a field of the record is larger than 2^53-1');
  const anchorChecksum = readChecksum(bytes, at.anchorChecksum);
  const count = bytes.readUInt32LE(at.count);
  const flags = bytes.readUInt32LE(at.flags);
  const verdict = VERDICTS[(flags >>> VERDICT_SHIFT) & 3];
  if ((flags & ~FLAGS) !== 0 || verdict === undefined)
    return refused('corruptFrame', `flags ${flags} of a state record are reserved`);
  const headers = readHeaders(bytes, FIXED_SIZE, count, anchorOp + 1, anchorChecksum, checksums);
  if (!headers.ok) return headers;
  for (const bits of [at.present, at.nack, at.faulty]) {
    if (hasBitsBeyond(bytes, bits, count)) {
      return refused('corruptFrame', 'a state record has bits of headers that it does not hold');
    }
  }
  const grant =
    (flags & GRANT) === 0
      ? null
      : {
          epoch: bytes.readUInt32LE(at.grantEpoch),
          view: bytes.readUInt32LE(at.grantView),
          to: bytes.readUInt32LE(at.grantTo),
        };
  return decoded({
    epoch: bytes.readUInt32LE(4),
    view: bytes.readUInt32LE(8),
    logView: bytes.readUInt32LE(12),
    lossEpoch: bytes.readUInt32LE(at.lossEpoch),
    mark: (flags & MARK) !== 0,
    verdict,
    grant,
    commitMax,
    anchorOp,
    anchorChecksum,
    headers: headers.value,
    present: readBits(bytes, at.present, count),
    nack: readBits(bytes, at.nack, count),
    faulty: readBits(bytes, at.faulty, count),
    ...((flags & COPIED) !== 0 && { copied: true }),
  });
}
