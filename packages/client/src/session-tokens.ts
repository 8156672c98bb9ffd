import { type Crc32, type ReadToken, readU64, VireoError, writeU64 } from '@vireo/protocol';

/** Groups of one token: the text of so many is 128 KiB. */
const GROUPS_MAX = 4_096;
const VERSION = 1;
/** `version u8 | 0 u8 | 0 u16 | count u32 | cluster 16`, then the groups, then a CRC of all of it. */
const HEAD_SIZE = 24;
/** `group u64 | op u64 | lossEpoch u32 | 0 u32` */
const GROUP_SIZE = 24;
const CRC_SIZE = 4;

/**
 * What a session has written and read: by group the last op of it. Reads with it lack nothing of that, at whatever
 * replica. A log that has lost its end in a cold start has another lossEpoch: a token of before stays as it is, so that
 * whoever reads with it is told.
 */
export class SessionTokens {
  readonly #tokens = new Map<number, ReadToken>();

  get(group: number): ReadToken | undefined {
    return this.#tokens.get(group);
  }

  /** An op of the log with this lossEpoch was acked to, or read by, the session. */
  advance(group: number, token: ReadToken): void {
    const known = this.#tokens.get(group);
    if (known === undefined || (known.lossEpoch === token.lossEpoch && known.op < token.op))
      this.#tokens.set(group, token);
  }

  /** What another session knows comes on top. */
  merge(other: SessionTokens): void {
    for (const [group, token] of other.#tokens) {
      this.#tokens.set(group, laterToken(this.#tokens.get(group), token) ?? token);
    }
  }

  clear(): void {
    this.#tokens.clear();
  }

  /** As text, for another process. `cluster`: 32 hexadecimal digits. @throws VireoError `limit` */
  encode(cluster: string, { crc32 }: Crc32): string {
    if (this.#tokens.size > GROUPS_MAX) {
      throw new VireoError(
        'limit',
        `a session token holds ${GROUPS_MAX} partitions, not ${this.#tokens.size}`,
      );
    }
    const bytes = Buffer.alloc(HEAD_SIZE + this.#tokens.size * GROUP_SIZE + CRC_SIZE);
    bytes[0] = VERSION;
    bytes.writeUInt32LE(this.#tokens.size, 4);
    bytes.write(cluster, 8, 16, 'hex');
    let at = HEAD_SIZE;
    for (const [group, { lossEpoch, op }] of this.#tokens) {
      writeU64(bytes, group, at);
      writeU64(bytes, op, at + 8);
      bytes.writeUInt32LE(lossEpoch, at + 16);
      at += GROUP_SIZE;
    }
    bytes.writeUInt32LE(crc32(bytes.subarray(0, at)), at);
    return bytes.toString('base64url');
  }

  /** @throws VireoError `invalid`: it is none, is damaged, or is of another cluster. */
  static decode(text: string, cluster: string, { crc32 }: Crc32): SessionTokens {
    const lengthMax = HEAD_SIZE + GROUPS_MAX * GROUP_SIZE + CRC_SIZE;
    // Four characters are three bytes.
    const bytes = text.length > 2 * lengthMax ? Buffer.alloc(0) : Buffer.from(text, 'base64url');
    const count = bytes.length < HEAD_SIZE ? -1 : bytes.readUInt32LE(4);
    const end = HEAD_SIZE + count * GROUP_SIZE;
    if (count < 0 || bytes.length !== end + CRC_SIZE) throw invalid('it is none, or is cut short');
    if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end))) throw invalid('it is damaged');
    if (bytes[0] !== VERSION) throw invalid(`its version ${bytes[0]} is not known`);
    if (bytes.toString('hex', 8, HEAD_SIZE) !== cluster) throw invalid('it is of another cluster');
    const tokens = new SessionTokens();
    for (let at = HEAD_SIZE; at < end; at += GROUP_SIZE) {
      const group = readU64(bytes, at);
      const op = readU64(bytes, at + 8);
      if (group < 0 || op < 0) throw invalid('it is damaged');
      tokens.#tokens.set(group, { lossEpoch: bytes.readUInt32LE(at + 16), op });
    }
    return tokens;
  }
}

/** The one that asks for more; of two logs the older one, for a replica then says that it is gone. */
export function laterToken(left: ReadToken | undefined, right: ReadToken | undefined): ReadToken | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  if (left.lossEpoch !== right.lossEpoch) return left.lossEpoch < right.lossEpoch ? left : right;
  return left.op >= right.op ? left : right;
}

function invalid(why: string): VireoError {
  return new VireoError('invalid', `a session token can not be used: ${why}`);
}
