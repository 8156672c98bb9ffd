import type { Crc32 } from './checksums.ts';
import type { DecodeError } from './decoded.ts';
import {
  FRAME_HEADER_SIZE,
  FRAME_VERSION,
  type Frame,
  FrameField,
  type FrameKindValue,
  isFrameKind,
} from './frame.ts';
import { readU64 } from './integers.ts';

/** First four bytes of what is often sent to the wrong port: HTTP/1 methods, the HTTP/2 preface. */
const HTTP_STARTS: ReadonlySet<string> = new Set([
  'GET ',
  'HEAD',
  'POST',
  'PUT ',
  'DELE',
  'OPTI',
  'PATC',
  'CONN',
  'TRAC',
  'PRI ',
]);

/**
 * A TLS record of type handshake, version 3.1 to 3.4, as a ClientHello begins (RFC 8446 §5.1). Not 3.0 (SSL 3, dead):
 * these three bytes are also the size of a frame of 790 bytes, which a welcome may well have. The other four are
 * frames of over 64 KiB, which no handshake is.
 */
function isTls(bytes: Buffer): boolean {
  return bytes[0] === 0x16 && bytes[1] === 0x03 && bytes[2]! >= 0x01 && bytes[2]! <= 0x04;
}

/**
 * Cuts a byte stream into frames. A frame that lies whole in one chunk is used where it lies; one that is split
 * is assembled in a single allocation of exactly its announced size, which was checked against the limit first.
 * Chunks handed to `push` must not be written afterwards.
 */
export class FrameReader {
  readonly #frameBytesMax: number;
  readonly #checksums: Crc32;
  /** The beginning of a header that came split. */
  readonly #head = Buffer.alloc(FRAME_HEADER_SIZE);
  #headFilled = 0;
  /** The frame under assembly, and how much of it is there. */
  #frame: Buffer | null = null;
  #frameFilled = 0;
  /** Nothing but the start of the connection can tell that the other side speaks another protocol. */
  #atStart = true;
  #error: DecodeError | null = null;

  constructor(limits: { readonly frameBytesMax: number }, checksums: Crc32) {
    this.#frameBytesMax = limits.frameBytesMax;
    this.#checksums = checksums;
  }

  /** Bytes allocated for a frame that has not arrived completely. */
  get pendingBytes(): number {
    return this.#frame === null ? 0 : this.#frame.length;
  }

  /**
   * Takes the next bytes, calls `onFrame` for each frame completed by them.
   *
   * @returns null, or why the stream cannot be read on: `notVireo`, `frameTooLarge`, `unsupportedVersion`,
   * `unknownKind` or `corruptFrame`. Later calls return the same error: without a frame's end, no next one.
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): DecodeError | null {
    if (this.#error !== null) return this.#error;
    let position = 0;
    while (position < chunk.length) {
      if (this.#frame !== null) {
        position += this.#fill(this.#frame, chunk, position);
        if (this.#frameFilled < this.#frame.length) return null;
        const whole = this.#frame;
        this.#frame = null;
        if (!this.#emit(whole, onFrame)) return this.#error;
        continue;
      }
      const rest = chunk.length - position;
      if (this.#headFilled === 0 && rest >= FRAME_HEADER_SIZE) {
        const size = this.#checkHeader(chunk, position);
        if (size < 0) return this.#error;
        if (rest >= size) {
          if (!this.#emit(chunk.subarray(position, position + size), onFrame)) return this.#error;
          position += size;
        } else {
          this.#assemble(size, chunk, position, rest);
          return null;
        }
        continue;
      }
      const taken = Math.min(rest, FRAME_HEADER_SIZE - this.#headFilled);
      chunk.copy(this.#head, this.#headFilled, position, position + taken);
      this.#headFilled += taken;
      position += taken;
      if (this.#headFilled < FRAME_HEADER_SIZE) {
        if (this.#atStart && this.#headFilled >= 4) this.#checkProtocol(this.#head);
        return this.#error;
      }
      const size = this.#checkHeader(this.#head, 0);
      if (size < 0) return this.#error;
      this.#headFilled = 0;
      this.#assemble(size, this.#head, 0, FRAME_HEADER_SIZE);
      if (size === FRAME_HEADER_SIZE) {
        const whole = this.#frame as Buffer | null;
        this.#frame = null;
        if (whole !== null && !this.#emit(whole, onFrame)) return this.#error;
      }
    }
    return null;
  }

  #assemble(size: number, source: Buffer, from: number, length: number): void {
    // Not from the shared pool: the frame may live long (journal, tail cache), a pooled slice would pin 8 KiB.
    this.#frame = Buffer.allocUnsafeSlow(size);
    source.copy(this.#frame, 0, from, from + length);
    this.#frameFilled = length;
  }

  #fill(frame: Buffer, chunk: Buffer, position: number): number {
    const taken = Math.min(chunk.length - position, frame.length - this.#frameFilled);
    chunk.copy(frame, this.#frameFilled, position, position + taken);
    this.#frameFilled += taken;
    return taken;
  }

  #checkProtocol(bytes: Buffer): boolean {
    if (!HTTP_STARTS.has(bytes.toString('latin1', 0, 4)) && !isTls(bytes)) return true;
    this.#fail('notVireo', 'this port speaks the Vireo protocol over TCP, not HTTP or TLS');
    return false;
  }

  /** Checks what the header alone can tell; returns the frame's size, or −1 with the error set. */
  #checkHeader(bytes: Buffer, position: number): number {
    if (this.#atStart) {
      if (!this.#checkProtocol(position === 0 ? bytes : bytes.subarray(position))) return -1;
      this.#atStart = false;
    }
    const version = bytes[position + FrameField.version]!;
    // First, for another version may have another header.
    if (version !== FRAME_VERSION) {
      return this.#fail('unsupportedVersion', `frame version ${version}, supported is ${FRAME_VERSION}`);
    }
    const size = bytes.readUInt32LE(position + FrameField.size);
    if (size < FRAME_HEADER_SIZE)
      return this.#fail('corruptFrame', `a frame of ${size} bytes has no room for its header`);
    if (size > this.#frameBytesMax) {
      return this.#fail('frameTooLarge', `a frame of ${size} bytes, the limit is ${this.#frameBytesMax}`);
    }
    const kind = bytes[position + FrameField.kind]!;
    if (!isFrameKind(kind)) return this.#fail('unknownKind', `frame kind ${kind} is not known`);
    const flags = bytes.readUInt16LE(position + FrameField.flags);
    if (flags !== 0) return this.#fail('corruptFrame', `frame flags ${flags} are reserved`);
    const covered = bytes.readUInt32LE(position + FrameField.covered);
    if (covered > size - FRAME_HEADER_SIZE) {
      return this.#fail(
        'corruptFrame',
        `${covered} bytes covered by the checksum, the payload has ${size - FRAME_HEADER_SIZE}`,
      );
    }
    return size;
  }

  #emit(bytes: Buffer, onFrame: (frame: Frame) => void): boolean {
    const covered = bytes.readUInt32LE(FrameField.covered);
    const checksum = bytes.readUInt32LE(FrameField.checksum);
    // Zeroed for the moment of the hash and put back: one native call over one range instead of three.
    bytes.writeUInt32LE(0, FrameField.checksum);
    const end = FRAME_HEADER_SIZE + covered;
    const actual = this.#checksums.crc32(bytes.length === end ? bytes : bytes.subarray(0, end));
    bytes.writeUInt32LE(checksum, FrameField.checksum);
    if (actual !== checksum) {
      this.#fail('corruptFrame', 'the checksum of the frame does not match');
      return false;
    }
    const correlation = readU64(bytes, FrameField.correlation);
    const group = readU64(bytes, FrameField.group);
    if (correlation < 0 || group < 0) {
      this.#fail('corruptFrame', 'correlation or group is larger than 2^53-1');
      return false;
    }
    onFrame({
      kind: bytes[FrameField.kind] as FrameKindValue,
      version: FRAME_VERSION,
      flags: 0,
      correlation,
      group,
      bytes,
      payload: bytes.subarray(FRAME_HEADER_SIZE),
      covered,
    });
    return true;
  }

  #fail(code: DecodeError['code'], message: string): -1 {
    this.#error = { code, message };
    this.#frame = null;
    return -1;
  }
}
