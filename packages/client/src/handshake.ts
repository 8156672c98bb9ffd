import { randomBytes } from 'node:crypto';
import {
  decodeError,
  decodeWelcome,
  type ErrorCode,
  encodeHello,
  type Frame,
  FrameKind,
  NONCE_SIZE,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  type VireoError,
  type Welcome,
} from '@vireo/protocol';

interface Hello {
  readonly name: string;
  readonly channel: 'data' | 'control';
  readonly cluster: string | null;
}

/** The first frame's payload. */
export function encodeClientHello({ name, channel, cluster }: Hello): Buffer {
  return encodeHello({
    protocolMin: PROTOCOL_MIN,
    protocolMax: PROTOCOL_MAX,
    role: 'client',
    name,
    auth: 'none',
    nonce: randomBytes(NONCE_SIZE),
    channel,
    cluster: cluster ?? undefined,
  });
}

export type HelloAnswer =
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  /** Another version, another cluster, too many connections. */
  | { readonly type: 'refused'; readonly error: VireoError }
  | { readonly type: 'garbage'; readonly code: ErrorCode; readonly message: string };

/** Reads the node's answer to the hello. */
export function readWelcome(frame: Frame): HelloAnswer {
  if (frame.kind === FrameKind.error) {
    const failure = decodeError(frame.payload);
    return failure.ok ? { type: 'refused', error: failure.value } : { type: 'garbage', ...failure.error };
  }
  if (frame.kind !== FrameKind.welcome) {
    const message = `a frame of kind ${frame.kind} in place of the welcome`;
    return { type: 'garbage', code: 'corruptPayload', message };
  }
  const welcome = decodeWelcome(frame.payload);
  return welcome.ok ? { type: 'welcome', welcome: welcome.value } : { type: 'garbage', ...welcome.error };
}
