import type { Crc32 } from './checksums.ts';
import { U32_MAX, writeU64 } from './integers.ts';

/**
 * Frame, the unit on a TCP connection. Little-endian:
 * `size u32 (whole frame) | kind u8 | version u8 | flags u16 | correlation u64 | group u64 | covered u32 | checksum u32`,
 * then the payload. `checksum` is the CRC-32 of the header (its last field taken as zero) followed by the first
 * `covered` bytes of the payload. The rest of the payload (batches, prepares) bears checksums of its own: a body
 * is hashed once per process, never again per frame.
 */
export const FRAME_HEADER_SIZE = 32;

/** Version of the frame layout. What is inside is negotiated by the handshake. */
export const FRAME_VERSION = 1;

/** Offsets of the header's fields. */
export const FrameField = {
  size: 0,
  kind: 4,
  version: 5,
  flags: 6,
  correlation: 8,
  group: 16,
  covered: 24,
  checksum: 28,
} as const;

/** What a frame carries. Numbers are never reused. */
export const FrameKind = {
  hello: 1,
  welcome: 2,
  proof: 3,
  error: 4,
  goingAway: 5,
  ping: 6,
  pong: 7,
  /** Control: MessagePack, covered in full. */
  request: 16,
  response: 17,
  produce: 32,
  produceAck: 33,
  subscribe: 34,
  subscribed: 35,
  batches: 36,
  credit: 37,
  unsubscribe: 38,
  subscriptionStatus: 39,
  subscriptionEnd: 40,
  /** One message of the replication protocol; its payload belongs to `@vireo/vsr`. */
  replica: 64,
  /** State transfer between two nodes: manifests and chunks of one group. */
  transfer: 65,
  found: 80,
  foundReply: 81,
} as const;

export type FrameKindValue = (typeof FrameKind)[keyof typeof FrameKind];

const KNOWN_KINDS: readonly boolean[] = Object.values(FrameKind).reduce<boolean[]>(
  (known, kind) => {
    known[kind] = true;
    return known;
  },
  Array.from({ length: 256 }, () => false),
);

/** Whether `kind` is a frame kind of this version. */
export function isFrameKind(kind: number): kind is FrameKindValue {
  return KNOWN_KINDS[kind] === true;
}

/** A frame that was received whole and whose checksum was right. */
export interface Frame {
  readonly kind: FrameKindValue;
  readonly version: number;
  readonly flags: number;
  /** Chosen by the asking side and repeated in the answer; the subscription's id in pushes. */
  readonly correlation: number;
  /** 0: the metadata group, or none. */
  readonly group: number;
  /** The whole frame, header included. */
  readonly bytes: Buffer;
  /** `bytes` after the header. */
  readonly payload: Buffer;
  /** How many bytes of `payload` the frame's checksum has covered. */
  readonly covered: number;
}

/**
 * Makes the head of a frame: header and covered bytes in one new Buffer. The caller sends the `bodySize` bytes of
 * the body right behind it; they are not touched here.
 *
 * @throws RangeError when the frame would be larger than a u32 can say.
 */
export function encodeFrameHead(
  kind: FrameKindValue,
  correlation: number,
  group: number,
  covered: Uint8Array,
  bodySize: number,
  checksums: Crc32,
): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEADER_SIZE + covered.length);
  head.set(covered, FRAME_HEADER_SIZE);
  writeFrameHeader(head, kind, correlation, group, covered.length, bodySize, checksums);
  return head;
}

/**
 * Writes the frame header into the first 32 bytes of `bytes`, whose next `covered` bytes are already in place:
 * for callers that left room in front of what they send, so that nothing is copied.
 */
export function writeFrameHeader(
  bytes: Buffer,
  kind: FrameKindValue,
  correlation: number,
  group: number,
  covered: number,
  bodySize: number,
  checksums: Crc32,
): void {
  const size = FRAME_HEADER_SIZE + covered + bodySize;
  if (size > U32_MAX) throw new RangeError(`a frame of ${size} bytes cannot be encoded`);
  bytes.writeUInt32LE(size, FrameField.size);
  bytes[FrameField.kind] = kind;
  bytes[FrameField.version] = FRAME_VERSION;
  bytes.writeUInt16LE(0, FrameField.flags);
  writeU64(bytes, correlation, FrameField.correlation);
  writeU64(bytes, group, FrameField.group);
  bytes.writeUInt32LE(covered, FrameField.covered);
  bytes.writeUInt32LE(0, FrameField.checksum);
  const end = FRAME_HEADER_SIZE + covered;
  const checksum = checksums.crc32(bytes.length === end ? bytes : bytes.subarray(0, end));
  bytes.writeUInt32LE(checksum, FrameField.checksum);
}
