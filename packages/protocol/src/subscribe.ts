import { type Decoded, decoded, refused } from './decoded.ts';
import { isZero, readU64, U32_MAX, writeU64 } from './integers.ts';

/** Where a subscription begins. `last`: that many records before the end. */
export type StartPosition =
  | { readonly offset: number }
  | { readonly start: true }
  | { readonly end: true }
  | { readonly last: number };

/** What an ack gave: reads with it see at least that op, and no log that has lost it. */
export interface ReadToken {
  readonly lossEpoch: number;
  readonly op: number;
}

/**
 * `committed`: what the replica has. `linearizable`: it has all that was committed anywhere when the request arrived, by
 * asking the primary, which asks a replication quorum.
 */
export type Consistency = 'committed' | 'linearizable';

/** Payload of `subscribe`; the partition is the frame's group. */
export interface Subscribe {
  /** Chosen by the client, unique among its connection's; the correlation of what is pushed. */
  readonly subscription: number;
  readonly from: StartPosition;
  readonly creditBytes: number;
  readonly creditRecords: number;
  readonly token?: ReadToken | undefined;
  /** A replica that knows the log only as of longer ago refuses, or ends it. ms, 1 to 2^32-1; default: no bound. */
  readonly maxStalenessMs?: number | undefined;
  /** Of the answer, with its start and end. */
  readonly consistency: Consistency;
}

export const SUBSCRIBE_SIZE = 64;

const at = {
  subscription: 0,
  position: 8,
  creditBytes: 16,
  creditRecords: 24,
  tokenOp: 32,
  tokenLossEpoch: 40,
  maxStalenessMs: 44,
  from: 48,
  flags: 49,
  consistency: 50,
  reserved: 51,
} as const;

const FROM = { offset: 1, start: 2, end: 3, last: 4 } as const;
const HAS_TOKEN = 1;
const CONSISTENCIES: readonly (Consistency | undefined)[] = [undefined, 'committed', 'linearizable'];

export function encodeSubscribe(subscribe: Subscribe): Buffer {
  const { from, token } = subscribe;
  const bytes = Buffer.alloc(SUBSCRIBE_SIZE);
  writeU64(bytes, subscribe.subscription, at.subscription);
  writeU64(bytes, subscribe.creditBytes, at.creditBytes);
  writeU64(bytes, subscribe.creditRecords, at.creditRecords);
  if ('offset' in from) {
    bytes[at.from] = FROM.offset;
    writeU64(bytes, from.offset, at.position);
  } else if ('last' in from) {
    bytes[at.from] = FROM.last;
    writeU64(bytes, from.last, at.position);
  } else bytes[at.from] = 'start' in from ? FROM.start : FROM.end;
  if (token !== undefined) {
    bytes[at.flags] = HAS_TOKEN;
    writeU64(bytes, token.op, at.tokenOp);
    bytes.writeUInt32LE(token.lossEpoch, at.tokenLossEpoch);
  }
  bytes[at.consistency] = CONSISTENCIES.indexOf(subscribe.consistency);
  bytes.writeUInt32LE(Math.min(subscribe.maxStalenessMs ?? 0, U32_MAX), at.maxStalenessMs);
  return bytes;
}

/** Errors: `corruptPayload` for bytes that say nothing, `invalidRequest` for a subscription without credit. */
export function decodeSubscribe(payload: Buffer): Decoded<Subscribe> {
  if (payload.length !== SUBSCRIBE_SIZE) {
    return refused('corruptPayload', `a subscribe of ${payload.length} bytes`);
  }
  const subscription = readU64(payload, at.subscription);
  const position = readU64(payload, at.position);
  const creditBytes = readU64(payload, at.creditBytes);
  const creditRecords = readU64(payload, at.creditRecords);
  const op = readU64(payload, at.tokenOp);
  if (Math.min(subscription, position, creditBytes, creditRecords, op) < 0) {
    return refused('corruptPayload', 'a field of a subscribe is larger than 2^53-1');
  }
  const from = startPosition(payload[at.from] as number, position);
  if (from === null) return refused('corruptPayload', 'the position of a subscribe is not known');
  const consistency = CONSISTENCIES[payload[at.consistency] as number];
  if (consistency === undefined)
    return refused('corruptPayload', 'the consistency of a subscribe is not known');
  const flags = payload[at.flags] as number;
  const hasToken = flags === HAS_TOKEN;
  if (flags > HAS_TOKEN || !isZero(payload, at.reserved, SUBSCRIBE_SIZE)) {
    return refused('corruptPayload', 'reserved bytes of a subscribe are not zero');
  }
  if (!hasToken && !isZero(payload, at.tokenOp, at.maxStalenessMs)) {
    return refused('corruptPayload', 'a subscribe has half a token');
  }
  if (creditBytes === 0 || creditRecords === 0) {
    return refused(
      'invalidRequest',
      'a subscription begins with credit for at least one byte and one record',
    );
  }
  const maxStalenessMs = payload.readUInt32LE(at.maxStalenessMs);
  return decoded({
    subscription,
    from,
    creditBytes,
    creditRecords,
    consistency,
    ...(hasToken && { token: { lossEpoch: payload.readUInt32LE(at.tokenLossEpoch), op } }),
    ...(maxStalenessMs > 0 && { maxStalenessMs }),
  });
}

/** Null: not known, or with a number where there is none. */
function startPosition(kind: number, position: number): StartPosition | null {
  if (kind === FROM.offset) return { offset: position };
  if (kind === FROM.last) return { last: position };
  if (position !== 0) return null;
  if (kind === FROM.start) return { start: true };
  return kind === FROM.end ? { end: true } : null;
}
