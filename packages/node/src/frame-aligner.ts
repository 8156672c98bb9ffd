const FRAME_BYTES_MIN = 32;
/** Of the size field that every frame begins with. */
const SIZE_BYTES = 4;

/** What sockets read into when no frame is under assembly. Emptied before the next read, so one serves all sockets. */
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Decides where a socket's next bytes are read to, so that a frame is put together where it will stay: its
 * beginning is copied once, the rest is read into place. Node would otherwise allocate 64 KiB for every read and
 * the frame besides; memory outside V8's heap makes it collect that heap, and under batches of
 * 100 KB those collections were more than a third of a node's time (benchmarks/NOTES.md).
 *
 * It looks at frames' sizes only. What is no frame is handed on as it comes: the core says what is wrong with it.
 */
export class FrameAligner {
  readonly #frameBytesMax: number;
  /** Gets chunks that belong to it. */
  emit: (chunk: Buffer) => void = () => {};
  /** The frame under assembly. */
  #frame: Buffer | null = null;
  #filled = 0;
  /** One to three bytes of a size field. */
  #head: Buffer | null = null;
  /** What is left of the connection's first frame, which is handed on in pieces: it tells strangers apart. */
  #first = true;
  #skip = 0;
  #raw = false;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Where the next read belongs. */
  target(): Buffer {
    return this.#frame === null ? SCRATCH : this.#frame.subarray(this.#filled);
  }

  /** So many bytes were read into what `target` gave. */
  filled(bytes: number): void {
    const frame = this.#frame;
    if (frame === null) {
      const head = this.#head;
      const read = SCRATCH.subarray(0, bytes);
      this.#head = null;
      this.#take(head === null ? read : Buffer.concat([head, read]));
      return;
    }
    this.#filled += bytes;
    if (this.#filled < frame.length) return;
    this.#frame = null;
    this.emit(frame);
  }

  /** Hands on the whole frames of `read`, and begins to assemble the one that is cut. */
  #take(read: Buffer): void {
    let at = Math.min(this.#skip, read.length);
    this.#skip -= at;
    while (!this.#raw && read.length - at >= SIZE_BYTES) {
      const size = read.readUInt32LE(at);
      const rest = read.length - at;
      if (size < FRAME_BYTES_MIN || size > this.#frameBytesMax) {
        this.#raw = true;
      } else if (size <= rest) {
        at += size;
        this.#first = false;
      } else if (this.#first) {
        this.#first = false;
        this.#skip = size - rest;
        at = read.length;
      } else {
        this.#handOn(read, at);
        this.#frame = Buffer.allocUnsafeSlow(size);
        read.copy(this.#frame, 0, at);
        this.#filled = rest;
        return;
      }
    }
    if (this.#raw) at = read.length;
    this.#handOn(read, at);
    if (at < read.length) this.#head = Buffer.from(read.subarray(at));
  }

  /** A copy: the bytes belong to the core, and the next read overwrites these. */
  #handOn(read: Buffer, end: number): void {
    if (end === 0) return;
    const chunk = Buffer.allocUnsafeSlow(end);
    read.copy(chunk, 0, 0, end);
    this.emit(chunk);
  }
}
