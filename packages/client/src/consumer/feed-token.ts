import { type ReadToken, VireoError } from '@vireo/protocol';
import { laterToken, type SessionTokens } from '../session-tokens.ts';

/**
 * Where a feed stands in the log: the next replica must have that, of the same log. So reads never go back, and a log
 * that was cut and has grown again is never taken for the one that was read before.
 */
export class FeedToken {
  readonly #session: SessionTokens | null;
  readonly #group: number;
  #read: ReadToken | undefined;

  constructor(session: SessionTokens | null, group: number) {
    this.#session = session;
    this.#group = group;
  }

  /** For the next subscription. */
  get next(): ReadToken | undefined {
    return laterToken(this.#read, this.#session?.get(this.#group));
  }

  /** The replica serves a log of this lossEpoch. @throws VireoError `lossEpochChanged` */
  enter(lossEpoch: number): void {
    if (this.#read === undefined) this.#read = { lossEpoch, op: 0 };
    if (this.#read.lossEpoch === lossEpoch) return;
    const text = `the log has lost its end (lossEpoch ${lossEpoch}, was ${this.#read.lossEpoch}): what was read may not be in it`;
    throw new VireoError('lossEpochChanged', text, { details: { lossEpoch } });
  }

  /** Everything up to `op` has come. */
  read(op: number): void {
    if (this.#read === undefined || op <= this.#read.op) return;
    this.#read = { lossEpoch: this.#read.lossEpoch, op };
    this.#session?.advance(this.#group, this.#read);
  }
}
