/**
 * Why a node does not start or a directory is not formatted. Each is something its operator can change; the
 * message says what, and names the setting. Codes that come from the core (`StartError` of the broker) keep
 * their names.
 */
export const StartErrorCodes = {
  directoryMissing: 'the data directory does not exist',
  directoryNotEmpty: 'the directory to be formatted holds something',
  directoryInUse: 'another process has the data directory open',
  directoryDenied: 'the data directory can not be read or written',
  notFormatted: 'the data directory is empty: it was never formatted, or it was wiped',
  unsupportedFormat: 'the data directory was written by a newer version',
  corruptState: 'a file that says who the node is does not read',
  lostState: 'something that must be in the data directory is not there',
  wrongNode: 'the data directory belongs to another node',
  clusterMismatch: 'the data directory belongs to another cluster',
  diskFailed: 'the disk refused',
  invalidConfig: 'a setting is not valid or can not be honoured',
  addressInUse: 'the address to listen on is taken',
  addressUnavailable: 'the address to listen on is not an address of this machine, or not permitted',
  incarnationReplaced: 'the cluster has another incarnation of this node',
  startFailed: 'the node could not finish its start',
  assertionFailed: 'a promise of the code to itself was broken; a dump was written',
  secretRequired: 'an address beyond loopback needs a cluster secret',
} as const;

/** Literal code of a start error. */
export type StartErrorCode = keyof typeof StartErrorCodes;

/** Why a node does not start. Nothing was changed on disk when `startNode` rejects with it. */
export class NodeStartError extends Error {
  readonly code: StartErrorCode;

  constructor(code: StartErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'NodeStartError';
    this.code = code;
  }
}

/** The system's code of an error of Node (`ENOENT`), null for other errors. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return error.code;
}
