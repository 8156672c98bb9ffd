/**
 * Every error of Vireo: one table, for nodes, SDK and tools. Codes are never reused for another meaning.
 * `outcome` speaks of the *attempt* (`notApplied`: it is in no log and never will be; `unknown`: it may be).
 * Source of the first rows: the client routing table (retryable or not, what is known of the attempt).
 */
export type Outcome = 'notApplied' | 'unknown';

interface ErrorEntry {
  /** Whether sending the same request again can succeed without anybody changing something. */
  readonly retryable: boolean;
  readonly outcome: Outcome;
  /** Default text; the place that raises the error usually has a more exact one. */
  readonly message: string;
}

function retry(message: string): ErrorEntry {
  return { retryable: true, outcome: 'notApplied', message };
}
function unknown(message: string): ErrorEntry {
  return { retryable: true, outcome: 'unknown', message };
}
function final(message: string): ErrorEntry {
  return { retryable: false, outcome: 'notApplied', message };
}

const table = {
  // The request came to the wrong place or at the wrong moment: try again, elsewhere or later.
  notPrimary: retry('this node is not the primary of the group'),
  notReady: retry('the group has no primary that can serve yet'),
  metadataBehind: retry('this node has not yet applied the metadata that the request names'),
  overloaded: retry('too many bytes are in flight'),
  retryLater: retry('too many requests of this kind; wait and try again'),
  sequenceGap: retry('a batch before this one has not arrived'),
  routingChanged: retry('the routing of keys has changed; read the metadata again'),
  goingAway: retry('the node is stopping'),
  unknownGroup: retry('this node hosts no replica of the group'),

  // No definite answer: the attempt may be in the log.
  timeout: unknown('no answer in time'),
  connectionLost: unknown('the connection closed before the answer'),
  viewChanged: unknown('the view changed before the op was known to be committed'),

  // Needs somebody to make room or repair something.
  diskFull: retry('the disk is full'),
  durabilityUnavailable: retry('the durability asked for cannot be met now'),
  quotaExceeded: retry('a quota is used up'),

  // The caller's state is superseded.
  fenced: final('a newer holder of this identity has written here'),
  positionMoved: final('the position was moved by a seek'),
  lossEpochChanged: final('the log has lost its end since the position was taken'),
  sessionExpired: final('the session has expired'),
  instanceReplaced: final('another process has taken this instance id'),
  sequenceConflict: final('the sequence number is taken by other content: two processes share a session'),
  requestTooOld: final('the result of this request is no longer kept'),

  // What is named does not exist, or exists already.
  unknownStream: final('no stream of this name'),
  unknownTopic: final('no topic of this name in the stream'),
  unknownPartition: final('the topic has no such partition'),
  topicDeleted: final('the topic was deleted'),
  groupDeleted: final('the group was deleted'),
  alreadyExists: final('the name is taken'),
  streamNotEmpty: final('the stream still holds topics'),
  offsetOutOfRange: final('the offset is outside the log'),
  logTruncated: final('the log was truncated below the position'),
  behind: retry('this replica is behind the position asked for'),
  stale: retry('what this replica knows of the log is older than was asked for'),

  // The request itself is wrong.
  invalid: final('the request is not valid'),
  invalidName: final('the name is not valid'),
  invalidRequest: final('the request is malformed'),
  invalidRecord: final('the record is not valid'),
  tooLarge: final('the request is larger than the limit'),
  recordTooLarge: final('the record is larger than the limit'),
  batchTooLarge: final('the batch is larger than the limit'),
  batchTooManyRecords: final('the batch has more records than the limit'),
  tooManyReplicas: final('more replicas are asked for than there are nodes'),
  limit: final('a limit is reached'),
  limitOutOfRange: final('a setting is outside its range'),
  denied: final('not permitted'),
  versionDiffers: final('the version named is not the present one'),

  // The bytes are not what they should be.
  notVireo: final('the other side does not speak the Vireo protocol'),
  unsupportedVersion: final('no protocol version in common'),
  unsupportedFormat: final('the format version is not known to this program'),
  unknownKind: final('the kind is not known to this program'),
  corruptFrame: final('the frame is damaged'),
  frameTooLarge: final('the frame is larger than the limit'),
  corruptPrepare: final('the prepare is damaged'),
  corruptBatch: final('the batch is damaged'),
  corruptRecord: final('a record of the batch does not decode'),
  corruptCompression: final('the compressed records do not unpack'),
  unknownCodec: final('the codec is not known to this program'),
  corruptPayload: final('the payload does not decode'),

  // Handshake.
  clusterMismatch: final('the node belongs to another cluster'),
  peerRefused: final('the peer did not prove the cluster secret'),

  // Raised at the client.
  connectFailed: retry('no server could be reached'),
  outcomeUnknown: {
    retryable: false,
    outcome: 'unknown',
    message: 'whether the request took effect is not known',
  },
  aborted: { retryable: false, outcome: 'unknown', message: 'the caller stopped waiting' },
  closed: final('already closed'),
  internal: { retryable: false, outcome: 'unknown', message: 'an error inside the program' },
} as const satisfies Record<string, ErrorEntry>;

/** Name of an error, as on the wire and in `VireoError.code`. */
export type ErrorCode = keyof typeof table;

/** The error table: code → retryable, outcome of the attempt, default message. */
export const ErrorCodes: Readonly<Record<ErrorCode, ErrorEntry>> = table;

/** Whether `value` is a code of the table. A newer node may send one that is not. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(table, value);
}

/** What travels with an error besides its text: plain data, fit for MessagePack and JSON. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Recognises errors of another installed copy of this package, where `instanceof` does not. */
const brand = Symbol.for('vireo.error');

/** The one error class. Match on `code`, never on `message`. */
export class VireoError extends Error {
  readonly code: ErrorCode;
  /** Whether the same request may simply be sent again. Default: the table's. */
  readonly retryable: boolean;
  /** What is known of the attempt. Default: the table's. */
  readonly outcome: Outcome;
  readonly details: ErrorDetails | undefined;
  /** @internal */
  readonly [brand] = true;

  constructor(
    code: ErrorCode,
    message: string = ErrorCodes[code].message,
    options: {
      retryable?: boolean;
      outcome?: Outcome;
      details?: ErrorDetails | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'VireoError';
    this.code = code;
    this.retryable = options.retryable ?? ErrorCodes[code].retryable;
    this.outcome = options.outcome ?? ErrorCodes[code].outcome;
    this.details = options.details;
  }

  /** Whether `value` is a VireoError, of this or another installed copy. */
  static is(value: unknown): value is VireoError {
    return typeof value === 'object' && value !== null && (value as { [brand]?: unknown })[brand] === true;
  }
}
