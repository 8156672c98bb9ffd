import { type DecodedRecord, type DecodeTools, decodeBatch, VireoError } from '@vireo/protocol';

/** Who served something. */
export interface ServedBy {
  readonly node: number;
  readonly role: 'primary' | 'backup';
}

/** One batch as stored, its checksum verified, its records decoded when asked for. */
export class FetchedBatch implements ServedBy {
  readonly partition: number;
  /** First offset delivered by this batch: above the batch's own first where reading began inside it. */
  readonly firstOffset: number;
  /** One past the last offset delivered. */
  readonly endOffset: number;
  /** Log time of the batch, given by the primary, µs since 1970. */
  readonly timestamp: number;
  readonly node: number;
  readonly role: 'primary' | 'backup';
  /** The encoded batch. Not to be written. */
  readonly bytes: Buffer;
  /** @internal Bytes and records of credit that it holds. */
  readonly creditBytes: number;
  /** @internal */
  readonly creditRecords: number;
  readonly #baseOffset: number;
  readonly #tools: DecodeTools;

  /** @internal */
  constructor(
    partition: number,
    range: { readonly base: number; readonly first: number; readonly end: number },
    timestamp: number,
    by: ServedBy,
    bytes: Buffer,
    credit: { readonly bytes: number; readonly records: number },
    tools: DecodeTools,
  ) {
    this.partition = partition;
    this.#baseOffset = range.base;
    this.firstOffset = range.first;
    this.endOffset = range.end;
    this.timestamp = timestamp;
    this.node = by.node;
    this.role = by.role;
    this.bytes = bytes;
    this.creditBytes = credit.bytes;
    this.creditRecords = credit.records;
    this.#tools = tools;
  }

  /** Records delivered by this batch. */
  get count(): number {
    return this.endOffset - this.firstOffset;
  }

  /**
   * Decodes the records. Their buffers are slices of the batch.
   *
   * @throws VireoError `corruptRecord`, `corruptCompression`: the producer made what cannot be read; `bytes` has it.
   */
  records(): DecodedRecord[] {
    const decoded = decodeBatch(this.bytes, this.#baseOffset, this.#tools);
    if (!decoded.ok) {
      const { code, message } = decoded.error;
      throw new VireoError(code, message, {
        details: { partition: this.partition, firstOffset: this.firstOffset, count: this.count },
      });
    }
    const from = this.firstOffset - this.#baseOffset;
    const to = this.endOffset - this.#baseOffset;
    const all = decoded.value;
    return from === 0 && to === all.length ? all : all.slice(from, to);
  }
}
