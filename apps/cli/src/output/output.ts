import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Lines of data are handed to the stream in pieces of about this size. */
const CHUNK_CHARACTERS = 64 * 1024;
/** Width when standard output is no terminal. */
const WIDTH_DEFAULT = 80;

/** A stream that may be a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/**
 * The two ways out of a command: data to standard output, talk to standard error. Data is written no faster than
 * its reader takes it; a reader that has gone (`| head`) is no error: `signal` tells the command to stop.
 */
export class Output {
  readonly json: boolean;
  /** Columns that a line may have. */
  readonly width: number;
  /** Standard output is a terminal: long lines are cut for it, never for a file or a pipe. */
  readonly terminal: boolean;
  readonly #data: OutputStream;
  readonly #talk: OutputStream;
  readonly #closed = new AbortController();
  #failure: Error | undefined;
  #pending: string[] = [];
  #pendingCharacters = 0;
  #flushScheduled = false;
  #progress = false;

  constructor(data: OutputStream, talk: OutputStream, json: boolean) {
    this.json = json;
    this.#data = data;
    this.#talk = talk;
    this.terminal = data.isTTY === true;
    this.width = this.terminal && data.columns ? data.columns : WIDTH_DEFAULT;
    data.on('error', (error: NodeJS.ErrnoException) => {
      this.#pending = [];
      this.#pendingCharacters = 0;
      if (error.code !== 'EPIPE') this.#failure = error;
      this.#closed.abort();
    });
    // Talk to nobody is no reason to stop.
    talk.on('error', () => {});
  }

  /** Aborted when standard output takes no more. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Why it takes no more, if not because its reader left: a full disk must not pass for success. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** One JSON value on a line of its own. */
  jsonLine(value: unknown): Promise<void> | undefined {
    return this.line(JSON.stringify(value));
  }

  /** One line of data. A promise is returned when the reader is behind: await it before the next line. */
  line(text: string): Promise<void> | undefined {
    if (this.#closed.signal.aborted) return undefined;
    this.#pending.push(text, '\n');
    this.#pendingCharacters += text.length + 1;
    if (this.#pendingCharacters >= CHUNK_CHARACTERS) return this.flush();
    // Somebody who watches a topic sees a record at once, not when the piece is full.
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      setImmediate(() => {
        this.#flushScheduled = false;
        this.flush();
      });
    }
    return undefined;
  }

  /** Hands over what has been collected. */
  flush(): Promise<void> | undefined {
    if (this.#pending.length === 0) return undefined;
    const text = this.#pending.join('');
    this.#pending = [];
    this.#pendingCharacters = 0;
    if (this.#data.write(text)) return undefined;
    return once(this.#data, 'drain', { signal: this.#closed.signal }).then(
      () => {},
      () => {},
    );
  }

  /** A line for people. */
  talk(text: string): void {
    this.endProgress();
    this.#talk.write(`${text}\n`);
  }

  /** A line that the next one replaces; on a terminal only. Without one, use `talk` now and then. */
  progress(text: string): boolean {
    if (this.#talk.isTTY !== true) return false;
    this.#talk.write(`\r\x1b[K${text}`);
    this.#progress = true;
    return true;
  }

  endProgress(): void {
    if (!this.#progress) return;
    this.#talk.write('\r\x1b[K');
    this.#progress = false;
  }
}
