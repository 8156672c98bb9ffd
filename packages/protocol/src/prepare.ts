import { type Checksum, type Checksums, readChecksum, writeChecksum } from './checksums.ts';
import { type Decoded, decoded, refused } from './decoded.ts';
import { isZero, readU64, writeU64 } from './integers.ts';

/**
 * Prepare: one op of a group's log, a header of 128 bytes and a body. The same bytes are network frame, journal
 * entry, segment entry and what a fetch returns. Little-endian:
 * `checksum 16 | checksumBody 16 | parent 16 | group 8 | op 8 | baseOffset 8 | timestamp 8 | producerId 8 |
 * sequence 8 | epoch 4 | view 4 | count 4 | producerEpoch 4 | size 4 | kind 1 | version 1 | flags 1 | codec 1 |
 * reserved 8 (zero)`.
 * `checksum` covers bytes 16 to 128, `checksumBody` the body; `parent` is the previous op's `checksum`, so trust
 * in the head is trust in the whole log.
 */
export const PREPARE_HEADER_SIZE = 128;

/** Version of the prepare's layout and of the identity function. */
export const PREPARE_VERSION = 1;

/** What an op does. Numbers are never reused. */
export const PrepareKind = {
  /** A producer's record batch; the only kind with a count above zero. */
  batch: 1,
  /** Starts a view. */
  noop: 2,
  offsets: 3,
  config: 4,
  truncatePrefix: 5,
  digest: 6,
  reconfigure: 7,
  mode: 8,
  metadata: 9,
  /** The first op of a log that was cut to what was left of it: body `lossEpoch u32 | 0 u32 | forkOp u64`. */
  coldStart: 10,
} as const;

export type PrepareKindValue = (typeof PrepareKind)[keyof typeof PrepareKind];

const KIND_MAX = PrepareKind.coldStart;

/** `flags` of a prepare of kind `mode`: what the group's mode is from this op on. All other kinds: 0. */
export const ModeFlag = { disk: 0, memory: 1 } as const;

/** Encoding of a batch's records. */
export const Codec = { none: 0, lz4: 1 } as const;
export type CodecValue = (typeof Codec)[keyof typeof Codec];

const field = {
  checksum: 0,
  checksumBody: 16,
  parent: 32,
  group: 48,
  op: 56,
  baseOffset: 64,
  timestamp: 72,
  producerId: 80,
  sequence: 88,
  epoch: 96,
  view: 100,
  count: 104,
  producerEpoch: 108,
  size: 112,
  kind: 116,
  version: 117,
  flags: 118,
  codec: 119,
  reserved: 120,
} as const;

/** Start of what `checksum` covers. */
const CHECKED_FROM = 16;

/** What `sealPrepare` writes into a header; sizes and checksums it works out itself. */
export interface PrepareFields {
  readonly group: number;
  readonly op: number;
  /** View of the first preparation; never changes. */
  readonly view: number;
  readonly epoch: number;
  readonly parent: Checksum;
  readonly kind: PrepareKindValue;
  /** µs since 1970, assigned once by the primary. */
  readonly timestamp: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly sequence: number;
  readonly codec: number;
  /** Only for kind `mode` (`ModeFlag`); 0 when not given. */
  readonly flags?: number | undefined;
}

/**
 * A verified header. What the replication protocol reads for every message is parsed once; the context of the
 * state machine (offsets, producer) is read when asked for.
 */
export class PrepareHeader {
  /** Exactly the 128 bytes; not to be written. */
  readonly bytes: Buffer;
  readonly checksum: Checksum;
  readonly parent: Checksum;
  readonly group: number;
  readonly op: number;
  readonly view: number;
  readonly epoch: number;
  /** Header and body, bytes. */
  readonly size: number;
  readonly kind: PrepareKindValue;
  /** µs since 1970. */
  readonly timestamp: number;

  /** `bytes` must be 128 bytes that were verified or just sealed; use `decodePrepareHeader` for foreign ones. */
  constructor(bytes: Buffer, checksum: Checksum, parent: Checksum) {
    this.bytes = bytes;
    this.checksum = checksum;
    this.parent = parent;
    this.group = readU64(bytes, field.group);
    this.op = readU64(bytes, field.op);
    this.view = bytes.readUInt32LE(field.view);
    this.epoch = bytes.readUInt32LE(field.epoch);
    this.size = bytes.readUInt32LE(field.size);
    this.kind = bytes[field.kind] as PrepareKindValue;
    this.timestamp = readU64(bytes, field.timestamp);
  }

  get checksumBody(): Checksum {
    return readChecksum(this.bytes, field.checksumBody);
  }
  get baseOffset(): number {
    return readU64(this.bytes, field.baseOffset);
  }
  get count(): number {
    return this.bytes.readUInt32LE(field.count);
  }
  get producerId(): number {
    return readU64(this.bytes, field.producerId);
  }
  get producerEpoch(): number {
    return this.bytes.readUInt32LE(field.producerEpoch);
  }
  get sequence(): number {
    return readU64(this.bytes, field.sequence);
  }
  get flags(): number {
    return this.bytes[field.flags] as number;
  }
  get codec(): CodecValue {
    return this.bytes[field.codec] as CodecValue;
  }
}

/** One op: a verified header, and header and body in one piece that nobody writes again. */
export interface Prepare {
  readonly header: PrepareHeader;
  readonly bytes: Buffer;
}

/** The body of a prepare, not copied. */
export function prepareBody(prepare: Prepare): Buffer {
  return prepare.bytes.subarray(PREPARE_HEADER_SIZE);
}

/**
 * Makes a prepare of `bytes` (128 bytes of room and the body) by writing the header into the room; the body is
 * hashed once and stays where it is. From then on `bytes` must not be written.
 */
export function sealPrepare(bytes: Buffer, fields: PrepareFields, checksums: Checksums): Prepare {
  const header = bytes.subarray(0, PREPARE_HEADER_SIZE);
  writeChecksum(header, checksums.identity(bytes.subarray(PREPARE_HEADER_SIZE)), field.checksumBody);
  writeChecksum(header, fields.parent, field.parent);
  writeU64(header, fields.group, field.group);
  writeU64(header, fields.op, field.op);
  writeU64(header, fields.baseOffset, field.baseOffset);
  writeU64(header, fields.timestamp, field.timestamp);
  writeU64(header, fields.producerId, field.producerId);
  writeU64(header, fields.sequence, field.sequence);
  header.writeUInt32LE(fields.epoch, field.epoch);
  header.writeUInt32LE(fields.view, field.view);
  header.writeUInt32LE(fields.count, field.count);
  header.writeUInt32LE(fields.producerEpoch, field.producerEpoch);
  header.writeUInt32LE(bytes.length, field.size);
  header[field.kind] = fields.kind;
  header[field.version] = PREPARE_VERSION;
  header[field.flags] = fields.flags ?? 0;
  header[field.codec] = fields.codec;
  header.fill(0, field.reserved, PREPARE_HEADER_SIZE);
  const checksum = checksums.identity(header.subarray(CHECKED_FROM));
  writeChecksum(header, checksum, field.checksum);
  return { header: new PrepareHeader(header, checksum, fields.parent), bytes };
}

/**
 * Reads the 128 bytes at the start of `bytes` (more may follow) without hashing them: for clients, who need not
 * have the identity function, and for whoever looks before verifying.
 *
 * Errors: `corruptPrepare` (short, reserved bytes, size below 128, a field above 2^53−1, a count on an op that is
 * no batch), `unsupportedFormat` (version), `unknownKind`, `unknownCodec`.
 */
export function peekPrepareHeader(bytes: Buffer): Decoded<PrepareHeader> {
  if (bytes.length < PREPARE_HEADER_SIZE) {
    return refused('corruptPrepare', `${bytes.length} bytes are too few for a prepare header`);
  }
  const header = bytes.length === PREPARE_HEADER_SIZE ? bytes : bytes.subarray(0, PREPARE_HEADER_SIZE);
  const version = header[field.version]!;
  if (version !== PREPARE_VERSION) {
    return refused('unsupportedFormat', `prepare version ${version}, supported is ${PREPARE_VERSION}`);
  }
  const kind = header[field.kind]!;
  if (kind < 1 || kind > KIND_MAX) return refused('unknownKind', `prepare kind ${kind} is not known`);
  const codec = header[field.codec]!;
  if (codec > Codec.lz4) return refused('unknownCodec', `codec ${codec} is not known`);
  const flagsMax = kind === PrepareKind.mode ? ModeFlag.memory : 0;
  if (header[field.flags]! > flagsMax || !isZero(header, field.reserved, PREPARE_HEADER_SIZE)) {
    return refused('corruptPrepare', 'reserved bytes of the prepare header are not zero');
  }
  if (
    readU64(header, field.group) < 0 ||
    readU64(header, field.op) < 0 ||
    readU64(header, field.baseOffset) < 0 ||
    readU64(header, field.timestamp) < 0 ||
    readU64(header, field.producerId) < 0 ||
    readU64(header, field.sequence) < 0
  ) {
    return refused('corruptPrepare', 'a field of the prepare header is larger than 2^53-1');
  }
  const size = header.readUInt32LE(field.size);
  if (size < PREPARE_HEADER_SIZE) {
    return refused('corruptPrepare', `a prepare of ${size} bytes has no room for its header`);
  }
  if (kind !== PrepareKind.batch && header.readUInt32LE(field.count) !== 0) {
    return refused('corruptPrepare', `a prepare of kind ${kind} counts records`);
  }
  return decoded(
    new PrepareHeader(header, readChecksum(header, field.checksum), readChecksum(header, field.parent)),
  );
}

/**
 * Verifies and reads the 128 bytes at the start of `bytes`; more may follow.
 *
 * Errors: those of `peekPrepareHeader`; `corruptPrepare` when the checksum does not match.
 */
export function decodePrepareHeader(bytes: Buffer, checksums: Checksums): Decoded<PrepareHeader> {
  const peeked = peekPrepareHeader(bytes);
  // The checksum only now: another version may hash otherwise, and short bytes have none.
  if (!peeked.ok) return peeked;
  const header = peeked.value;
  if (checksums.identity(header.bytes.subarray(CHECKED_FROM)) !== header.checksum) {
    return refused('corruptPrepare', 'the checksum of the prepare header does not match');
  }
  return peeked;
}

/**
 * Verifies the prepare at the start of `bytes`; more may follow, so that prepares back to back are read by
 * advancing by `header.size`. `verifyBody` false leaves the body unhashed: for bytes that this process has
 * hashed before.
 *
 * Errors: those of `decodePrepareHeader`; `corruptPrepare` when the body is cut short or its checksum differs.
 */
export function decodePrepare(bytes: Buffer, checksums: Checksums, verifyBody: boolean): Decoded<Prepare> {
  const head = decodePrepareHeader(bytes, checksums);
  if (!head.ok) return head;
  const header = head.value;
  if (bytes.length < header.size) {
    return refused('corruptPrepare', `a prepare of ${header.size} bytes is cut short at ${bytes.length}`);
  }
  const whole = bytes.length === header.size ? bytes : bytes.subarray(0, header.size);
  if (verifyBody && checksums.identity(whole.subarray(PREPARE_HEADER_SIZE)) !== header.checksumBody) {
    return refused('corruptPrepare', 'the checksum of the body of the prepare does not match');
  }
  return decoded({ header, bytes: whole });
}
