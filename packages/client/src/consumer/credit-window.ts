import type { Credit } from '@vireo/protocol';

/**
 * The credit of one partition. What the node may still send, what is held here unhandled, and what is due to go back
 * are together one window: whoever serves, memory stays bounded by it (and one batch).
 */
export class CreditWindow {
  readonly #bytesMax: number;
  readonly #recordsMax: number;
  #heldBytes = 0;
  #heldRecords = 0;
  #dueBytes = 0;
  #dueRecords = 0;

  constructor(bytesMax: number, recordsMax: number) {
    this.#bytesMax = bytesMax;
    this.#recordsMax = recordsMax;
  }

  /** What is held fills the window: subscribing has to wait, or each new subscription would bring one batch more. */
  get full(): boolean {
    return this.#heldBytes >= this.#bytesMax || this.#heldRecords >= this.#recordsMax;
  }

  /** The credit of a new subscription, when not `full`. What an earlier one sent and is still held counts against it. */
  open(): Credit {
    this.#dueBytes = 0;
    this.#dueRecords = 0;
    return { bytes: this.#bytesMax - this.#heldBytes, records: this.#recordsMax - this.#heldRecords };
  }

  /** A batch was received and is for delivery. */
  hold(bytes: number, records: number): void {
    this.#heldBytes += bytes;
    this.#heldRecords += records;
  }

  /** It was handled. */
  release(bytes: number, records: number): void {
    this.#heldBytes -= bytes;
    this.#heldRecords -= records;
  }

  /**
   * More is due to go back; the credit to send now, or null. In lots of half the window: with less than half due and
   * nothing held the node has more than half left, so waiting for the lot cannot stop it.
   */
  due(bytes: number, records: number): Credit | null {
    this.#dueBytes += bytes;
    this.#dueRecords += records;
    if (this.#dueBytes * 2 < this.#bytesMax && this.#dueRecords * 2 < this.#recordsMax) return null;
    const credit = { bytes: this.#dueBytes, records: this.#dueRecords };
    this.#dueBytes = 0;
    this.#dueRecords = 0;
    return credit;
  }
}
