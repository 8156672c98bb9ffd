import { defaultLimits, VireoError } from '@vireo/protocol';

/** The first record there is, the first one to come, or the one at an offset. */
export type StartAt = 'start' | 'end' | number;

/** Which replica serves: any, the primary, the one that answers fastest, or a certain node. */
export type ReadFrom = 'any' | 'primary' | 'nearest' | { readonly node: number };

/** What a consumer tells besides records. Nothing is skipped and nothing waits without one of these. */
export type ConsumerEvent =
  /** A replica serves the partition now. */
  | {
      readonly type: 'subscribed';
      readonly partition: number;
      readonly node: number;
      readonly role: 'primary' | 'backup';
      readonly offset: number;
    }
  /** It does so no longer; another one (or the same, later) is asked, from the next undelivered offset. */
  | { readonly type: 'left'; readonly partition: number; readonly node: number; readonly reason: VireoError }
  /** Records of this range are gone from the log; reading goes on behind them. */
  | { readonly type: 'gap'; readonly partition: number; readonly from: number; readonly to: number }
  /**
   * The replica may lack what was committed `ageMs` ago (Infinity: it cannot tell), which is more than 5 s or the bound.
   * Within the bound it is read on if no other was allowed.
   */
  | { readonly type: 'stale'; readonly partition: number; readonly node: number; readonly ageMs: number }
  /** No replica serves the partition since `sinceMs`; looking goes on. */
  | {
      readonly type: 'stalled';
      readonly partition: number;
      readonly sinceMs: number;
      readonly reason: VireoError;
    };

/** What a consumer begins with: what its replica has, or all that was committed anywhere when it asked. */
export type ReadConsistency = 'committed' | 'linearizable';

export interface ConsumerOptions {
  /** Default: all. */
  readonly partitions?: readonly number[];
  /** For all partitions, or for each by number (those left out: `start`). Default `start`. */
  readonly from?: StartAt | Readonly<Record<number, StartAt>>;
  /** `end`: stop before the offset that was each primary's commit when the consumer started. Default: never stop. */
  readonly until?: 'end';
  /** Default `any`. */
  readonly readFrom?: ReadFrom;
  /**
   * The oldest knowledge of the log that will do: a replica that may lack what was committed this long ago is left for
   * one that does not, first of all the primary. ms, from 100. A replica in touch with the others is up to about 150 ms
   * behind by this count with heartbeats each 50 ms. Default: any, and above 5 s another one is looked for.
   */
  readonly maxStalenessMs?: number;
  /**
   * Whose writes and reads are seen. Default: those of this client. Text: those of another one too, see
   * `client.sessionToken`. Null: of nobody, the consumer starts from whatever a replica has.
   */
  readonly sessionToken?: string | null;
  /**
   * `linearizable`: wherever it is served, by a backup too, it begins when the replica has all that was committed anywhere at
   * that time; a replica that is cut off can not serve it. It costs a round trip between replicas at the beginning.
   * Records then come as they are committed. Default `committed`: what the replica has.
   */
  readonly consistency?: ReadConsistency;
  /** Bytes that may be under way to the consumer or unhandled in it, per partition. Default 8 MiB, less with many partitions. */
  readonly creditBytes?: number;
  /** The same in records. Default 100,000. */
  readonly creditRecords?: number;
  /** A partition that nobody has served for so long ends the consumer with an error. ms; default: never. */
  readonly stalledMsMax?: number;
  readonly onEvent?: (event: ConsumerEvent) => void;
}

export interface ConsumerSettings {
  readonly until: 'end' | null;
  readonly readFrom: ReadFrom;
  readonly maxStalenessMs: number | undefined;
  readonly consistency: ReadConsistency;
  readonly creditBytes: number;
  readonly creditRecords: number;
  readonly stalledMsMax: number;
  readonly onEvent: (event: ConsumerEvent) => void;
}

const KiB = 1024;
/** What the partitions of one consumer share: half of what a connection may hold, for it may serve others too. */
const SHARED_CREDIT_BYTES = defaultLimits.connectionCreditBytesMax / 2;
const CREDIT_BYTES_MIN = 64 * KiB;
/** Less than two heartbeats nobody could keep to. */
const STALENESS_MS_MIN = 100;
const STALENESS_MS_MAX = 24 * 3_600_000;

/** The options with defaults, for a consumer of `partitions` partitions. @throws VireoError `limitOutOfRange`, `invalid` */
export function consumerSettings(options: ConsumerOptions, partitions: number): ConsumerSettings {
  const { subscriptionCreditBytesMax, subscriptionCreditRecordsMax } = defaultLimits;
  const share = Math.floor(SHARED_CREDIT_BYTES / Math.max(1, partitions));
  const creditBytes =
    options.creditBytes ?? Math.min(subscriptionCreditBytesMax, Math.max(CREDIT_BYTES_MIN, share));
  const creditRecords = options.creditRecords ?? subscriptionCreditRecordsMax;
  check('creditBytes', creditBytes, subscriptionCreditBytesMax);
  check('creditRecords', creditRecords, subscriptionCreditRecordsMax);
  const { maxStalenessMs, consistency = 'committed' } = options;
  if (consistency !== 'committed' && consistency !== 'linearizable')
    throw new VireoError(
      'invalid',
      `consistency is 'committed' or 'linearizable', not ${String(consistency)}`,
    );
  if (maxStalenessMs !== undefined)
    check('maxStalenessMs', maxStalenessMs, STALENESS_MS_MAX, STALENESS_MS_MIN);
  return {
    until: options.until ?? null,
    readFrom: options.readFrom ?? 'any',
    maxStalenessMs,
    consistency,
    creditBytes,
    creditRecords,
    stalledMsMax: options.stalledMsMax ?? Number.POSITIVE_INFINITY,
    onEvent: options.onEvent ?? (() => {}),
  };
}

/** Where to begin in `partition`. @throws VireoError `invalid` */
export function startOf(options: ConsumerOptions, partition: number): StartAt {
  const { from = 'start' } = options;
  const start = typeof from === 'object' ? (from[partition] ?? 'start') : from;
  if (start === 'start' || start === 'end' || (Number.isSafeInteger(start) && start >= 0)) return start;
  throw new VireoError('invalid', `a consumer starts at 'start', 'end' or an offset, not at ${start}`);
}

function check(name: string, value: number, max: number, min = 1): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new VireoError('limitOutOfRange', `${name} is ${value}, allowed are ${min} to ${max}`);
}
