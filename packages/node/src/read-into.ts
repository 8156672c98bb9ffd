import { Socket, type SocketConstructorOpts } from 'node:net';
import type { FrameAligner } from './frame-aligner.ts';

/** Reads as an aligner wants them. */
export function readsOf(aligner: FrameAligner): ReadInto {
  return {
    buffer: () => aligner.target(),
    callback: (bytes) => {
      aligner.filled(bytes);
      return true;
    },
  };
}

/** Where a socket reads to, and what hears of it. The option `onread` of `node:net`, for sockets of both ends. */
interface ReadInto {
  /** Asked before each read. */
  readonly buffer: () => Buffer;
  /** So many bytes are in the last buffer asked for. Returns true: reading goes on. */
  readonly callback: (bytes: number) => boolean;
}

interface Internals {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly next: symbol;
}

/**
 * `node:net` takes `onread` for sockets that dial only (Node 20 to 24), though accepted ones are of the same class.
 * These are the names under which it keeps the option; null in a version that keeps it otherwise.
 */
const internals: Internals | null = (() => {
  // The type of the constructor's options does not know the option either.
  const onread: ReadInto = { buffer: () => Buffer.alloc(1), callback: () => true };
  const probe = new Socket({ onread } as SocketConstructorOpts);
  const symbols = Object.getOwnPropertySymbols(probe);
  const find = (name: string) => symbols.find(({ description }) => description === name);
  const [buffer, callback, next] = [find('kBuffer'), find('kBufferCb'), find('kBufferGen')];
  probe.destroy();
  return buffer === undefined || callback === undefined || next === undefined
    ? null
    : { buffer, callback, next };
})();

/**
 * Makes an accepted socket, which has not read yet (`pauseOnConnect`), read as `into` says. Returns false where
 * this Node does not let us: the socket is as it was, and its 'data' events have to do.
 */
export function readInto(socket: Socket, into: ReadInto): boolean {
  const handle = (socket as { _handle?: { useUserBuffer?: (buffer: Buffer) => void } | null })._handle;
  if (internals === null || typeof handle?.useUserBuffer !== 'function') return false;
  const first = into.buffer();
  Object.assign(socket, {
    [internals.buffer]: first,
    [internals.callback]: into.callback,
    [internals.next]: into.buffer,
  });
  handle.useUserBuffer(first);
  return true;
}
