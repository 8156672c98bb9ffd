import {
  type Checksums,
  type Decoded,
  decoded,
  decodePrepare,
  isZero,
  PREPARE_HEADER_SIZE,
  type Prepare,
  readChecksum,
  readU64,
  refused,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';
import { hasBitsBeyond, readBits, readHeaders, writeBits, writeHeaders } from './header-list.ts';
import type { AgeAnswer, Message, Suffix } from './message.ts';

/**
 * Messages between replicas on the wire: a fixed part of 64 bytes, then headers or whole prepares. Little-endian:
 * `type u8 | tag u8 | u16 0 | epoch u32 | view u32 | logView u32 | a u64 | b u64 | checksum 16 | c u64 |
 * count u32 | u32 0`, where a, b, c are what the table below says. Votes have two u64 of bits behind it.
 *
 * | message | a | b | c | checksum | follows |
 * | --- | --- | --- | --- | --- | --- |
 * | prepare | commitMax | – | – | – | the prepare (not covered: it carries its own checksums) |
 * | prepareOk | op | commitMin | – | of op | |
 * | commit | commitMax | – | – | of commitMax | |
 * | ping | commitMax | op | sentMs | the answer: sentMs u64, ageMs u32, run u32 | |
 * | startViewChange | – | – | – | – | |
 * | doViewChange | commitMax | anchorOp | – | of the anchor | present, nack, headers |
 * | startView | commitMax | anchorOp | nonce | of the anchor | headers |
 * | requestStartView | – | – | nonce | – | |
 * | recoveryState, coldStartGranted | commitMax | anchorOp | nonce | of the anchor | headers |
 * | coldStart | – | – | nonce | – | |
 * | digest | op | – | – | the digest | |
 * | pong | sentMs | of the question: sentMs | – | – | |
 * | readIndex | number | – | – | – | |
 * | readIndexOk | number | op | – | – | |
 * | getPrepare | first | last | – | – | |
 * | repair | first | committed | – | – | prepares (not covered) |
 *
 * `tag`: of a ping 1 when the sender is normal primary, plus 2 when there is an answer; of requestStartView 0 lagging, 1 recovering, 2 stuck; of
 * recoveryState and coldStartGranted whether the sender recovers. Their logView is the rank of the log; the u32 behind
 * the count is the lossEpoch of these two and of startView. The count of a pong is the run of its question.
 */
const TYPES = [
  'prepare',
  'prepareOk',
  'commit',
  'ping',
  'startViewChange',
  'doViewChange',
  'startView',
  'requestStartView',
  'getPrepare',
  'repair',
  'recoveryState',
  'coldStart',
  'coldStartGranted',
  'digest',
  'pong',
  'readIndex',
  'readIndexOk',
] as const satisfies readonly Message['type'][];

export const MESSAGE_FIXED_SIZE = 64;

const at = {
  type: 0,
  tag: 1,
  epoch: 4,
  view: 8,
  logView: 12,
  a: 16,
  b: 24,
  checksum: 32,
  ageMs: 40,
  run: 44,
  c: 48,
  count: 56,
  lossEpoch: 60,
  bits: 64,
} as const;

const BITS_SIZE = 16;

/** What a type leaves out of the fixed part, as pairs of first byte and end: zeros, and refused if they are not. */
const UNUSED: Readonly<Record<Message['type'], readonly number[]>> = {
  prepare: [1, 4, 12, 16, 24, 64],
  prepareOk: [1, 4, 12, 16, 48, 64],
  commit: [1, 4, 12, 16, 24, 32, 48, 64],
  ping: [2, 4, 12, 16, 56, 64],
  startViewChange: [1, 4, 12, 64],
  doViewChange: [1, 4, 48, 56, 60, 64],
  startView: [1, 4, 12, 16],
  requestStartView: [2, 4, 12, 48, 56, 64],
  getPrepare: [1, 16, 32, 64],
  repair: [1, 16, 32, 56, 60, 64],
  recoveryState: [2, 4],
  coldStart: [1, 4, 12, 48, 56, 64],
  coldStartGranted: [2, 4],
  digest: [1, 4, 12, 16, 24, 32, 48, 64],
  pong: [1, 4, 12, 16, 32, 56, 60, 64],
  readIndex: [1, 4, 12, 16, 24, 64],
  readIndexOk: [1, 4, 12, 16, 32, 64],
};

const TAG_MAX: Partial<Record<Message['type'], number>> = {
  ping: 3,
  requestStartView: 2,
  recoveryState: 1,
  coldStartGranted: 1,
};
/** Bits of a ping's tag. */
const PING_NORMAL = 1;
const PING_ANSWERS = 2;
const ASKERS = ['lagging', 'recovering', 'stuck'] as const;

function hasUnusedSet(payload: Buffer, type: Message['type']): boolean {
  const ranges = UNUSED[type];
  for (let i = 0; i < ranges.length; i += 2) {
    if (!isZero(payload, ranges[i] as number, ranges[i + 1] as number)) return true;
  }
  return (payload[at.tag] as number) > (TAG_MAX[type] ?? 255);
}

/** The part that the frame's checksum covers, and the bodies that follow it, not copied. */
export interface EncodedMessage {
  readonly covered: Buffer;
  readonly bodies: readonly Buffer[];
}

const NO_BODIES: readonly Buffer[] = [];

export function encodeMessage(message: Message): EncodedMessage {
  switch (message.type) {
    case 'prepare': {
      const bytes = fixed(message, 0);
      writeU64(bytes, message.commitMax, at.a);
      return { covered: bytes, bodies: [message.prepare.bytes] };
    }
    case 'prepareOk': {
      const bytes = fixed(message, 0);
      writeU64(bytes, message.op, at.a);
      writeU64(bytes, message.commitMin, at.b);
      writeChecksum(bytes, message.checksum, at.checksum);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'commit': {
      const bytes = fixed(message, 0);
      writeU64(bytes, message.commitMax, at.a);
      writeChecksum(bytes, message.checksum, at.checksum);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'ping': {
      const bytes = fixed(message, 0);
      bytes[at.tag] = (message.normal ? PING_NORMAL : 0) + (message.answer === null ? 0 : PING_ANSWERS);
      writeU64(bytes, message.commitMax, at.a);
      writeU64(bytes, message.op, at.b);
      writeU64(bytes, message.sentMs, at.c);
      if (message.answer !== null) {
        writeU64(bytes, message.answer.sentMs, at.checksum);
        bytes.writeUInt32LE(message.answer.ageMs, at.ageMs);
        bytes.writeUInt32LE(message.answer.run, at.run);
      }
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'pong': {
      const bytes = fixed(message, 0);
      writeU64(bytes, message.sentMs, at.a);
      writeU64(bytes, message.question.sentMs, at.b);
      bytes.writeUInt32LE(message.question.run, at.count);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'readIndex':
    case 'readIndexOk': {
      const bytes = fixed(message, 0);
      writeU64(bytes, message.number, at.a);
      if (message.type === 'readIndexOk') writeU64(bytes, message.op, at.b);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'startViewChange':
      return { covered: fixed(message, 0), bodies: NO_BODIES };
    case 'doViewChange': {
      const bytes = fixed(message, BITS_SIZE + message.headers.length * PREPARE_HEADER_SIZE);
      bytes.writeUInt32LE(message.logView, at.logView);
      writeSuffix(bytes, message, at.bits + BITS_SIZE);
      writeBits(bytes, at.bits, message.present);
      writeBits(bytes, at.bits + 8, message.nack);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'startView': {
      const bytes = fixed(message, message.headers.length * PREPARE_HEADER_SIZE);
      writeU64(bytes, message.nonce, at.c);
      bytes.writeUInt32LE(message.lossEpoch, at.lossEpoch);
      writeSuffix(bytes, message, MESSAGE_FIXED_SIZE);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'recoveryState':
    case 'coldStartGranted': {
      const bytes = fixed(message, message.headers.length * PREPARE_HEADER_SIZE);
      bytes[at.tag] = message.recovering ? 1 : 0;
      bytes.writeUInt32LE(message.rank, at.logView);
      writeU64(bytes, message.nonce, at.c);
      bytes.writeUInt32LE(message.lossEpoch, at.lossEpoch);
      writeSuffix(bytes, message, MESSAGE_FIXED_SIZE);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'digest': {
      const bytes = fixed(message, 0);
      writeU64(bytes, message.op, at.a);
      writeChecksum(bytes, message.value, at.checksum);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'coldStart':
    case 'requestStartView': {
      const bytes = fixed(message, 0);
      if (message.type === 'requestStartView') bytes[at.tag] = ASKERS.indexOf(message.asker);
      writeU64(bytes, message.nonce, at.c);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'getPrepare': {
      const bytes = fixed({ ...message, epoch: 0, view: 0 }, 0);
      writeU64(bytes, message.first, at.a);
      writeU64(bytes, message.last, at.b);
      return { covered: bytes, bodies: NO_BODIES };
    }
    case 'repair': {
      const bytes = fixed({ ...message, epoch: 0, view: 0 }, 0);
      writeU64(bytes, message.first, at.a);
      writeU64(bytes, message.committed, at.b);
      bytes.writeUInt32LE(message.prepares.length, at.count);
      return { covered: bytes, bodies: message.prepares.map((prepare) => prepare.bytes) };
    }
  }
}

function fixed(message: { type: Message['type']; epoch: number; view: number }, extra: number): Buffer {
  const bytes = Buffer.alloc(MESSAGE_FIXED_SIZE + extra);
  bytes[at.type] = TYPES.indexOf(message.type) + 1;
  bytes.writeUInt32LE(message.epoch, at.epoch);
  bytes.writeUInt32LE(message.view, at.view);
  return bytes;
}

function writeSuffix(bytes: Buffer, suffix: Suffix, position: number): void {
  writeU64(bytes, suffix.commitMax, at.a);
  writeU64(bytes, suffix.anchorOp, at.b);
  writeChecksum(bytes, suffix.anchorChecksum, at.checksum);
  bytes.writeUInt32LE(suffix.headers.length, at.count);
  writeHeaders(bytes, position, suffix.headers);
}

/**
 * Reads a message from a frame's payload, of which the first `covered` bytes have been checked with the frame.
 * Prepares are verified, header and body: what a backup journals was checked here.
 *
 * Errors: `corruptFrame`, `corruptPrepare` and the other errors of `decodePrepare`.
 */
export function decodeMessage(payload: Buffer, covered: number, checksums: Checksums): Decoded<Message> {
  if (covered < MESSAGE_FIXED_SIZE || covered > payload.length) {
    return refused('corruptFrame', `a replica message of ${covered} covered bytes`);
  }
  const type = TYPES[(payload[at.type] as number) - 1];
  if (type === undefined) return refused('corruptFrame', `message type ${payload[at.type]} is not known`);
  if (hasUnusedSet(payload, type)) return refused('corruptFrame', `unused bytes of a ${type} are not zero`);
  const epoch = payload.readUInt32LE(at.epoch);
  const view = payload.readUInt32LE(at.view);
  const a = readU64(payload, at.a);
  const b = readU64(payload, at.b);
  const c = readU64(payload, at.c);
  if (a < 0 || b < 0 || c < 0) return refused('corruptFrame', 'a field of the message is larger than 2^53-1');
  const checksum = () => readChecksum(payload, at.checksum);
  const count = payload.readUInt32LE(at.count);
  const bodies = payload.subarray(covered);
  switch (type) {
    case 'prepare': {
      const prepare = decodePrepare(bodies, checksums, true);
      return prepare.ok ? decoded({ type, epoch, view, commitMax: a, prepare: prepare.value }) : prepare;
    }
    case 'prepareOk':
      return decoded({ type, epoch, view, op: a, checksum: checksum(), commitMin: b });
    case 'commit':
      return decoded({ type, epoch, view, commitMax: a, checksum: checksum() });
    case 'ping': {
      const tag = payload[at.tag] as number;
      const normal = (tag & PING_NORMAL) !== 0;
      const answer = readAnswer(payload, (tag & PING_ANSWERS) !== 0);
      return answer.ok
        ? decoded({ type, epoch, view, commitMax: a, op: b, normal, sentMs: c, answer: answer.value })
        : answer;
    }
    case 'pong':
      return decoded({ type, epoch, view, sentMs: a, question: { run: count, sentMs: b } });
    case 'readIndex':
      return decoded({ type, epoch, view, number: a });
    case 'readIndexOk':
      return decoded({ type, epoch, view, number: a, op: b });
    case 'startViewChange':
      return decoded({ type, epoch, view });
    case 'doViewChange': {
      if (covered < at.bits + BITS_SIZE) return refused('corruptFrame', 'a vote without its bits');
      const position = at.bits + BITS_SIZE;
      const headers = readHeaders(
        payload.subarray(0, covered),
        position,
        count,
        b + 1,
        checksum(),
        checksums,
      );
      if (!headers.ok) return headers;
      if (hasBitsBeyond(payload, at.bits, count) || hasBitsBeyond(payload, at.bits + 8, count)) {
        return refused('corruptFrame', 'a vote has bits of headers that it does not hold');
      }
      return decoded({
        type,
        epoch,
        view,
        logView: payload.readUInt32LE(at.logView),
        commitMax: a,
        anchorOp: b,
        anchorChecksum: checksum(),
        headers: headers.value,
        present: readBits(payload, at.bits, count),
        nack: readBits(payload, at.bits + 8, count),
      });
    }
    case 'digest':
      return decoded({ type, epoch, view, op: a, value: checksum() });
    case 'coldStart':
      return decoded({ type, epoch, view, nonce: c });
    case 'startView':
    case 'recoveryState':
    case 'coldStartGranted': {
      const headers = readHeaders(
        payload.subarray(0, covered),
        MESSAGE_FIXED_SIZE,
        count,
        b + 1,
        checksum(),
        checksums,
      );
      if (!headers.ok) return headers;
      const lossEpoch = payload.readUInt32LE(at.lossEpoch);
      const suffix = { commitMax: a, anchorOp: b, anchorChecksum: checksum(), headers: headers.value };
      if (type === 'startView') return decoded({ type, epoch, view, lossEpoch, nonce: c, ...suffix });
      const rank = payload.readUInt32LE(at.logView);
      const recovering = payload[at.tag] === 1;
      return decoded({ type, epoch, view, nonce: c, recovering, lossEpoch, rank, ...suffix });
    }
    case 'requestStartView':
      return decoded({ type, epoch, view, nonce: c, asker: ASKERS[payload[at.tag] as 0 | 1 | 2] });
    case 'getPrepare':
      return a > b
        ? refused('corruptFrame', `a range from ${a} to ${b}`)
        : decoded({ type, first: a, last: b });
    case 'repair': {
      const prepares = decodePrepares(bodies, count, checksums);
      return prepares.ok ? decoded({ type, first: a, committed: b, prepares: prepares.value }) : prepares;
    }
  }
}

/** What a ping has in the place of a checksum: nothing when it answers nothing. */
function readAnswer(payload: Buffer, answers: boolean): Decoded<AgeAnswer | null> {
  if (!answers) {
    return isZero(payload, at.checksum, at.c)
      ? decoded(null)
      : refused('corruptFrame', 'unused bytes of a ping are not zero');
  }
  const sentMs = readU64(payload, at.checksum);
  if (sentMs < 0) return refused('corruptFrame', 'a field of the message is larger than 2^53-1');
  return decoded({
    run: payload.readUInt32LE(at.run),
    sentMs,
    ageMs: payload.readUInt32LE(at.ageMs),
  });
}

function decodePrepares(bytes: Buffer, count: number, checksums: Checksums): Decoded<Prepare[]> {
  if (count > bytes.length / PREPARE_HEADER_SIZE)
    return refused('corruptFrame', `${count} prepares do not fit`);
  const prepares: Prepare[] = [];
  let position = 0;
  for (let i = 0; i < count; i++) {
    const prepare = decodePrepare(bytes.subarray(position), checksums, true);
    if (!prepare.ok) return prepare;
    position += prepare.value.header.size;
    prepares.push(prepare.value);
  }
  return position === bytes.length
    ? decoded(prepares)
    : refused('corruptFrame', 'bytes behind the last prepare');
}
