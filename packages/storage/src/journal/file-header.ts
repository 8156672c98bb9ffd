import {
  type Checksum,
  type Checksums,
  isZero,
  readChecksum,
  readU64,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';

/**
 * Head of a journal file: two copies, each at the start of a 4 KiB block of its own, so that one bad block
 * does not take the file's salt with it. 128 bytes, little-endian, the rest of the block zero:
 * `checksum 16 | magic u32 | version u16 | 0 u16 | cluster 16 | node u32 | 0 u32 | fileSequence u64 |
 * fileBytes u64 | firstSequence u64 | previousSequence u64 | previousChecksum 16 | salt 16 | 0 16`.
 * `checksum` covers bytes 16 to 128. Each copy lies within one 512-byte sector: a crash leaves the old or the new.
 */
export const JOURNAL_BLOCK = 4096;
export const JOURNAL_DATA_START = 2 * JOURNAL_BLOCK;
const JOURNAL_VERSION = 1;
const MAGIC = 0x314a5256; // "VRJ1"
const HEADER_SIZE = 128;

export interface JournalFileHeader {
  /** 32 hex digits. */
  readonly cluster: string;
  readonly node: number;
  /** Counts uses of files, from 1: the order of the ring. A file that is used again gets the next number. */
  readonly fileSequence: number;
  readonly fileBytes: number;
  /** No flush in this file has a lower sequence. */
  readonly firstSequence: number;
  /** The last flush before this file (0 and zeros: there was none). */
  readonly previousSequence: number;
  readonly previousChecksum: Checksum;
  /** Drawn anew at each use; seeds the checksum of every flush in the file. */
  readonly salt: Checksum;
}

/** Both copies, ready to be written at position 0. */
export function encodeJournalFileHeader(header: JournalFileHeader, checksums: Checksums): Buffer {
  const bytes = Buffer.alloc(JOURNAL_DATA_START);
  bytes.writeUInt32LE(MAGIC, 16);
  bytes.writeUInt16LE(JOURNAL_VERSION, 20);
  writeChecksum(bytes, header.cluster, 24);
  bytes.writeUInt32LE(header.node, 40);
  writeU64(bytes, header.fileSequence, 48);
  writeU64(bytes, header.fileBytes, 56);
  writeU64(bytes, header.firstSequence, 64);
  writeU64(bytes, header.previousSequence, 72);
  writeChecksum(bytes, header.previousChecksum, 80);
  writeChecksum(bytes, header.salt, 96);
  writeChecksum(bytes, checksums.identity(bytes.subarray(16, HEADER_SIZE)), 0);
  bytes.copy(bytes, JOURNAL_BLOCK, 0, HEADER_SIZE);
  return bytes;
}

export type JournalFileHeaderRead =
  | { readonly outcome: 'blank' }
  | { readonly outcome: 'newer'; readonly version: number }
  | { readonly outcome: 'invalid' }
  | { readonly outcome: 'valid'; readonly header: JournalFileHeader };

/** Reads the first 8 KiB of a file. Of two valid copies the later counts: the write of the other was cut off. */
export function decodeJournalFileHeader(bytes: Buffer, checksums: Checksums): JournalFileHeaderRead {
  const first = decodeCopy(bytes.subarray(0, JOURNAL_BLOCK), checksums);
  const second = decodeCopy(bytes.subarray(JOURNAL_BLOCK, JOURNAL_DATA_START), checksums);
  if (first.outcome === 'valid' && second.outcome === 'valid') {
    return first.header.fileSequence >= second.header.fileSequence ? first : second;
  }
  if (first.outcome === 'valid') return first;
  if (second.outcome === 'valid') return second;
  if (first.outcome === 'newer') return first;
  if (second.outcome === 'newer') return second;
  return first.outcome === 'blank' && second.outcome === 'blank' ? first : { outcome: 'invalid' };
}

function decodeCopy(bytes: Buffer, checksums: Checksums): JournalFileHeaderRead {
  if (bytes.length < HEADER_SIZE) return { outcome: 'invalid' };
  if (isZero(bytes, 0, HEADER_SIZE)) return { outcome: 'blank' };
  const version = bytes.readUInt16LE(20);
  if (bytes.readUInt32LE(16) !== MAGIC) return { outcome: 'invalid' };
  // A later version may have another checksum: its number must be believed without one.
  if (version > JOURNAL_VERSION) return { outcome: 'newer', version };
  if (version !== JOURNAL_VERSION) return { outcome: 'invalid' };
  if (checksums.identity(bytes.subarray(16, HEADER_SIZE)) !== readChecksum(bytes, 0)) {
    return { outcome: 'invalid' };
  }
  if (!isZero(bytes, 22, 24) || !isZero(bytes, 44, 48) || !isZero(bytes, 112, HEADER_SIZE)) {
    return { outcome: 'invalid' };
  }
  const header: JournalFileHeader = {
    cluster: readChecksum(bytes, 24),
    node: bytes.readUInt32LE(40),
    fileSequence: readU64(bytes, 48),
    fileBytes: readU64(bytes, 56),
    firstSequence: readU64(bytes, 64),
    previousSequence: readU64(bytes, 72),
    previousChecksum: readChecksum(bytes, 80),
    salt: readChecksum(bytes, 96),
  };
  const sound =
    header.fileSequence > 0 &&
    header.fileBytes > JOURNAL_DATA_START &&
    header.firstSequence > 0 &&
    header.previousSequence >= 0;
  return sound ? { outcome: 'valid', header } : { outcome: 'invalid' };
}
