import { type Frame, type Limits, type VireoError, ZERO_CHECKSUM } from '@vireo/protocol';

/** What hears the frames of one correlation id. */
export interface FrameListener {
  /** A frame with this id; an `error` frame comes as `failed`. Answers are released before this is called. */
  received(frame: Frame): void;
  /** An error frame for this id (the connection lives on), or the end of the connection. */
  failed(error: VireoError, closed: boolean): void;
}

export interface ConnectionOptions {
  readonly channel: 'data' | 'control';
  /** The client's name, for the node's logs. */
  readonly name: string;
  readonly limits: Limits;
  /** From dialing to `welcome`, ms. */
  readonly connectTimeoutMs: number;
  /** The cluster it has to be, once known: an address may come to belong to another one. */
  readonly cluster: string | null;
  /** Aborted when the client closes: a dial must not outlive it. */
  readonly closing: AbortSignal;
}

/** What a node says in place of its cluster's id before it has one. */
export const NOT_FOUNDED = ZERO_CHECKSUM;
