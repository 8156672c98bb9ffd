import type { StartErrorCode } from '@vireo/node';
import type { ErrorCode } from '@vireo/protocol';

/** What somebody who meets the error can do. Exhaustive: a new code without a line here does not compile. */
export const errorAdvice: Readonly<Record<ErrorCode, string>> = {
  notPrimary: 'Nothing: the SDK follows the redirect in the details (view, epoch, primary, address).',
  notReady:
    'Wait: a view change or the founding is under way. `vireo cluster describe` shows groups without primary.',
  metadataBehind: 'Nothing: the SDK asks again. If it lasts, the node is cut off from the metadata group.',
  overloaded: 'Send less at once, or let `send` wait for room (`whenFull: "wait"`, the default).',
  retryLater: 'Wait, then ask again.',
  sequenceGap: 'Nothing: the SDK sends the batches again in order.',
  routingChanged: 'Nothing: the SDK reads the metadata again.',
  goingAway: 'Nothing: the SDK goes to the node that takes over.',
  unknownGroup:
    'Nothing: the SDK reads the metadata again. A node asked directly does not host the partition.',

  timeout:
    'Look before sending again, unless the request is idempotent. The producer does it by itself, safely.',
  connectionLost: 'As `timeout`.',
  viewChanged: 'As `timeout`: the op was in flight when the primary changed.',

  diskFull: 'Make room on the disk of the node.',
  durabilityUnavailable: 'Ask for no more than the topic gives, or use a topic with durability `disk`.',
  quotaExceeded: 'Wait, or have the quota raised.',

  fenced: 'Stop this producer: another one has taken over its lane.',
  positionMoved: 'Read the position again.',
  lossEpochChanged:
    'What was written or read at the end of the log may be lost. Start anew from a position of the present log, after `client.resetSession()`, or with `sessionToken: null`.',
  sessionExpired:
    'Nothing: the SDK takes a new session. What was unanswered is reported as `outcomeUnknown`.',
  instanceReplaced: 'Stop: another process has this instance id.',
  sequenceConflict: 'Find the second process that uses the same session (a copied state?).',
  requestTooOld: 'Look whether the request took effect; its result is not kept any more.',

  unknownStream: 'Make it: `vireo stream create NAME`.',
  unknownTopic: 'Make it: `vireo topic create STREAM/TOPIC`; `vireo topic ls` lists what there is.',
  unknownPartition: 'Partitions are numbered from 0; `vireo topic describe STREAM/TOPIC` shows them.',
  topicDeleted:
    'Nothing goes over to a new topic of the same name by itself: open a new producer or consumer.',
  groupDeleted: 'Make the consumer group anew.',
  alreadyExists:
    'Use it as it is, or take another name. With `--if-not-exists` the command line does not mind.',
  streamNotEmpty: 'Delete its topics first, or delete with `--cascade`.',
  offsetOutOfRange: 'Start within the log: the details have `start` and `end`.',
  logTruncated: 'Start within the log.',
  behind: 'Nothing: the SDK asks another replica.',
  stale:
    'Nothing: the SDK goes to the primary (view, epoch, primary, address in the details). If it lasts, the bound is below what heartbeats can show, or the group is cut off.',

  invalid: 'Change the request as the message says.',
  invalidName: "Names have 1 to 255 bytes of UTF-8 in normal form C, no '/' and no control characters.",
  invalidRequest: 'Change the request as the message says; a client library may be at fault.',
  invalidRecord: 'Change the record as the message says.',
  tooLarge: 'Ask for less in one request.',
  recordTooLarge:
    'Make the record smaller (limits `recordBytesMax`, `recordHeadersMax`, `recordHeaderBytesMax`).',
  batchTooLarge: 'Split the batch (limits `batchBytesMax`, `unpackedBytesMax`).',
  batchTooManyRecords: 'Split the batch (limit `batchRecordsMax`).',
  tooManyReplicas: 'Ask for at most as many replicas as there are nodes on different hosts.',
  limit: 'Delete something, or raise the limit that the message names (`configuration.md`).',
  limitOutOfRange: 'Set a value within the range that the message names.',
  denied: 'Use an identity that may do it.',
  versionDiffers: 'Read the present version and decide again.',

  notVireo: 'Use the port for clients: something else answers at this address, or HTTP was sent to it.',
  unsupportedVersion:
    'Use a client and a node with a protocol version in common; the details have the range.',
  unsupportedFormat: 'Start the version that wrote it, or a newer one.',
  unknownKind: 'Use versions of client and node that know each other.',
  corruptFrame: 'The connection is closed and made anew. If it repeats: memory, network card, a proxy.',
  frameTooLarge: 'Send smaller batches (limit `frameBytesMax`).',
  corruptPrepare:
    'From a subscription: the replica cannot read its file; the SDK asks another one. Look at its log.',
  corruptBatch: 'Damaged on its way, or a client library at fault; send it again.',
  corruptRecord:
    'The record was made by something that does not encode as `formats.md` says; `bytes` has it.',
  corruptCompression: 'As `corruptRecord`, for the compressed block.',
  unknownCodec:
    'Install `lz4-napi` for sending with `compression: "lz4"`; or use a version that knows the codec.',
  corruptPayload: 'Use versions of client and node that know each other.',

  clusterMismatch: 'Check the addresses: they lead to a node of another cluster.',
  peerRefused: 'Give all nodes the same secret (`secretFile`), and every node its own data directory.',

  connectFailed: 'Check that the nodes run and the addresses are theirs.',
  outcomeUnknown:
    'Read the log before sending again: the record may be there. Sent anew it may be there twice.',
  aborted: 'The signal was yours. What was sent already takes its course.',
  closed: 'Make a new client, producer or consumer.',
  internal: 'Report it, with the log of the node that sent it.',
};

/**
 * Codes that have their meaning and are raised by nothing yet. A test looks that this is so: whoever raises one
 * takes it off.
 */
export const reservedCodes: ReadonlySet<ErrorCode> = new Set([
  'routingChanged',
  'diskFull',
  'quotaExceeded',
  'positionMoved',
  'instanceReplaced',
  'requestTooOld',
  'groupDeleted',
  'logTruncated',
  'versionDiffers',
] satisfies ErrorCode[]);

/** What the operator of a node that does not start can do, by the code it ends with. */
export const startAdvice: Readonly<Record<StartErrorCode, string>> = {
  directoryMissing: 'Make it with `vireo node format`.',
  directoryNotEmpty: 'Format an empty directory. Nothing is ever formatted over.',
  directoryInUse: 'Stop the process that the message names.',
  directoryDenied: 'Let the user of the process read and write the directory.',
  notFormatted:
    'Make a new directory with `vireo node format`. A wiped founder cannot come back under its old identity.',
  unsupportedFormat: 'Start the version that wrote the directory, or a newer one.',
  corruptState: 'Restore the file that the message names, or replace the node.',
  lostState: 'Restore what is missing, or replace the node: what it promised is not known any more.',
  wrongNode: 'Start with the directory of this node.',
  clusterMismatch: 'Start with the directory of this cluster.',
  diskFailed: 'Look at the disk; the message has its error.',
  invalidConfig: 'Change the setting that the message names.',
  addressInUse: 'Stop what listens there, or set another `listen`.',
  addressUnavailable: 'Set a `listen` that is an address of this machine.',
  incarnationReplaced:
    'This directory is not the one that the cluster was founded with: restore that one, or replace the node.',
  startFailed: 'Look at the events before it in the log.',
  assertionFailed: 'Report it, with the dump in the data directory.',
  secretRequired: 'Set `secretFile`, or listen on 127.0.0.1.',
};
