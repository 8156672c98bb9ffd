import {
  type BatchHeader,
  type Checksum,
  type Checksums,
  type Durability,
  type Limits,
  LimitTable,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  peekBatch,
  U64_MAX,
  VireoError,
  verifyBatch,
} from '@vireo/protocol';
import { type Admission, type ClientRequest, coldStartFields, type StateMachine } from '@vireo/vsr';
import { Head } from './head.ts';
import { judgeAttempt, type LaneEntry } from './lane.ts';
import { LaneTable } from './lane-table.ts';
import { ModeTrack } from './mode-track.ts';
import { type ProduceAcked, type ProduceReply, refuseProduce, UNKNOWN_OFFSET } from './reply.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts';

/** What a produce request says beside its batch: the `context` of its ClientRequest. */
export interface ProduceContext {
  /** 0: the topic's; 1: memory; 2: disk. Default 0. A wish is met or refused, never weakened. */
  readonly durabilityWanted: number;
}

/** What a partition asks of its node, and tells it. */
export interface PartitionWorld {
  readonly checksums: Checksums;
  /** What this node's copy of the metadata says of a session. Asked for producers that are new to the partition. */
  sessionStanding(sessionId: number): 'known' | 'behind' | 'absent';
  /** Every op, in order, once it is committed: what the log of the partition is made of. */
  onCommitted(prepare: Prepare): void;
}

/** What is fixed for a partition. `mode` and `lanesMax` come from its creation record, alike on every replica. */
export interface PartitionOptions {
  /** The mode in which the partition begins; ops of kind `mode` change it. */
  readonly mode: Durability;
  /** Lanes that are remembered; the least recently used one is evicted for a new one. */
  readonly lanesMax: number;
  /** This node's limits; they may differ from node to node and in time, as they only refuse new batches. */
  readonly limits: PartitionLimits;
}

type PartitionLimits = Pick<
  Limits,
  'batchBytesMax' | 'unpackedBytesMax' | 'batchRecordsMax' | 'laneBatchesInFlightMax'
>;

/** What no setting allows. The configured limits are judged behind the lane, for they may have been lowered. */
const absoluteLimits = {
  batchBytesMax: LimitTable.batchBytesMax.max,
  unpackedBytesMax: LimitTable.unpackedBytesMax.max,
  batchRecordsMax: LimitTable.batchRecordsMax.max,
} as const;

/** State machine of one partition: gives batches their offsets, and takes each batch of a producer in once. */
export class PartitionMachine implements StateMachine {
  readonly #options: PartitionOptions;
  readonly #world: PartitionWorld;
  #lanes: LaneTable;
  #head: Head;
  readonly #mode: ModeTrack;
  #appliedOp = 0;
  #endOffset = 0;
  #lossEpoch = 0;

  constructor(options: PartitionOptions, world: PartitionWorld) {
    this.#options = options;
    this.#world = world;
    this.#lanes = new LaneTable(options.lanesMax);
    this.#head = new Head(this.#lanes);
    this.#mode = new ModeTrack(options.mode);
  }

  /** Offset behind the last committed record. */
  get endOffset(): number {
    return this.#endOffset;
  }

  get appliedOp(): number {
    return this.#appliedOp;
  }

  /** How often the log was cut by a cold start: with an op it names a position that a lost op never had. */
  get lossEpoch(): number {
    return this.#lossEpoch;
  }

  /** What an ack of a committed op may claim. */
  durabilityOf(op: number): Durability {
    return this.#mode.durabilityOf(op);
  }

  /** Producers remembered, for stats. */
  get laneCount(): number {
    return this.#lanes.size;
  }

  /**
   * Judges a produce attempt. The order is the contract: first whether the bytes are whole (a damaged batch may
   * name any lane), then whether the log has the batch already, and only then everything that may refuse it. A
   * limit, mode or session check in front of the lane would call a batch "not applied" that is in the log.
   */
  admit(request: ClientRequest): Admission {
    if (request.kind === PrepareKind.mode)
      return { type: 'prepare', context: { ...noContext, baseOffset: this.nextOffset() } };
    if (request.kind !== PrepareKind.batch)
      return refused('invalidRequest', `kind ${request.kind} is not for clients`);
    const bytes = request.bytes.subarray(PREPARE_HEADER_SIZE);
    const peeked = peekBatch(bytes, absoluteLimits);
    if (!peeked.ok) return refused(peeked.error.code, peeked.error.message);
    const batch = peeked.value;
    const damage = verifyBatch(bytes, batch, this.#world.checksums);
    if (damage !== null) return refused(damage.code, damage.message);
    const verdict = batch.producerId === 0 ? null : this.#judgeLane(batch);
    return verdict ?? this.#judgeLimits(batch, request.context) ?? this.#admitted(batch);
  }

  prepared(prepare: Prepare): void {
    const { op, kind } = prepare.header;
    const next = this.nextOffset();
    if (kind === PrepareKind.mode) this.#mode.prepared(op, prepare.header.flags);
    if (kind !== PrepareKind.batch) this.#head.push(op, next, 0, null);
    else this.#head.push(op, next + prepare.header.count, prepare.header.producerId, laneEntryOf(prepare));
  }

  rebuildHead(suffix: readonly Prepare[]): void {
    this.#head.clear();
    this.#mode.clear();
    for (const prepare of suffix) this.prepared(prepare);
  }

  nextOffset(): number {
    return this.#head.nextOffset ?? this.#endOffset;
  }

  /** @returns the ProduceReply of a batch, null for other kinds: they advance the op, not the offset. */
  apply(prepare: Prepare): ProduceReply | null {
    const { op, kind } = prepare.header;
    if (op !== this.#appliedOp + 1) {
      throw new VireoError('internal', `op ${op} applied behind op ${this.#appliedOp}`);
    }
    const reply = kind === PrepareKind.batch ? this.#applyBatch(prepare) : null;
    if (kind === PrepareKind.mode) this.#mode.applied(op, prepare.header.flags);
    else if (kind === PrepareKind.coldStart)
      this.#lossEpoch = coldStartFields(prepare)?.lossEpoch ?? this.#lossEpoch;
    this.#appliedOp = op;
    this.#head.committed(op);
    this.#world.onCommitted(prepare);
    return reply;
  }

  snapshot(): Buffer {
    const { memoryFrom } = this.#mode;
    const position = {
      appliedOp: this.#appliedOp,
      endOffset: this.#endOffset,
      memoryFrom,
      lossEpoch: this.#lossEpoch,
    };
    return encodeSnapshot(position, this.#lanes);
  }

  restore(snapshot: Buffer): void {
    const { position, lanes } = decodeSnapshot(snapshot, this.#options.lanesMax);
    this.#appliedOp = position.appliedOp;
    this.#endOffset = position.endOffset;
    this.#lossEpoch = position.lossEpoch;
    this.#mode.memoryFrom = position.memoryFrom;
    this.#mode.clear();
    this.#lanes = lanes;
    this.#head = new Head(lanes);
  }

  /** Identity of the committed state: equal on all replicas at the same op. */
  digest(): Checksum {
    return this.#world.checksums.identity(this.snapshot());
  }

  /** Null: the batch is the next one of its lane. */
  #judgeLane(batch: BatchHeader): Admission | null {
    const { producerId, producerEpoch, sequence } = batch;
    const position = this.#head.position(producerId);
    if (position === null) {
      const unknown = this.#judgeUnknown(producerId);
      if (unknown !== null) return unknown;
    }
    switch (judgeAttempt(position, producerEpoch, sequence)) {
      case 'next':
        return null;
      case 'repeated':
        return this.#repeated(batch);
      case 'fenced':
        return refused('fenced', `lane epoch ${producerEpoch} was superseded by ${position!.epoch}`);
      case 'gap': {
        const expected =
          position !== null && producerEpoch === position.epoch ? position.lastSequence + 1 : 0;
        return refused('sequenceGap', `batch ${sequence} came before batch ${expected} of its producer`);
      }
    }
  }

  /**
   * A producer that the partition does not know at its head: new, or forgotten. An id at or below `evictedMax` may
   * be a forgotten one whose batches are in the log, so it cannot begin anew. "Expired" is final for the client,
   * so it is said only of what is committed: an eviction in the suffix may be undone by a view change.
   */
  #judgeUnknown(producerId: number): Admission | null {
    if (producerId <= this.#head.evictedMax) {
      if (this.#head.evicts(producerId) || producerId > this.#lanes.evictedMax) {
        return refused('notReady', 'the eviction of the producer is not committed yet');
      }
      return refused('sessionExpired', 'the partition no longer remembers the producer');
    }
    switch (this.#world.sessionStanding(producerId)) {
      case 'known':
        return null;
      case 'behind':
        return refused('metadataBehind', `session ${producerId} is not known here yet`);
      case 'absent':
        return refused('sessionExpired', `there is no session ${producerId}`);
    }
  }

  /** The log has this sequence: the attempt is answered with what lies there, once that is committed. */
  #repeated(batch: BatchHeader): Admission {
    const { producerId, producerEpoch, sequence, count } = batch;
    const entry = this.#head.find(producerId, producerEpoch, sequence);
    if (entry === undefined) {
      // Older than the window, hence committed long since: uncommitted batches are all kept.
      const op = this.#lanes.get(producerId)?.window[0]?.op ?? this.#appliedOp;
      const reply: ProduceAcked = {
        ok: true,
        baseOffset: UNKNOWN_OFFSET,
        count,
        timestamp: 0,
        op,
        duplicate: true,
      };
      return { type: 'duplicate', op, reply };
    }
    if (entry.crc !== batch.checksum) {
      return refused(
        'sequenceConflict',
        `batch ${sequence} of session ${producerId} is in the log with other content`,
      );
    }
    return { type: 'duplicate', op: entry.op, reply: ackOf(entry, true) };
  }

  #judgeLimits(batch: BatchHeader, context: unknown): Admission | null {
    const { limits } = this.#options;
    const { size, unpackedSize, count } = batch;
    if (size > limits.batchBytesMax) {
      return refused('batchTooLarge', `the batch has ${size} bytes, allowed are ${limits.batchBytesMax}`);
    }
    if (unpackedSize > limits.unpackedBytesMax) {
      return refused(
        'batchTooLarge',
        `the batch unpacks to ${unpackedSize} bytes, allowed are ${limits.unpackedBytesMax}`,
      );
    }
    if (count > limits.batchRecordsMax) {
      return refused(
        'batchTooManyRecords',
        `the batch has ${count} records, allowed are ${limits.batchRecordsMax}`,
      );
    }
    if (wantsDisk(context) && this.#mode.head !== 'disk') {
      return refused('durabilityUnavailable', "the partition's mode is 'memory', 'disk' was asked for");
    }
    if (batch.producerId !== 0) {
      const inFlight = this.#head.inFlight(batch.producerId);
      if (inFlight >= limits.laneBatchesInFlightMax) {
        return refused('overloaded', `${inFlight} batches of the producer are in flight already`);
      }
      if (this.#head.position(batch.producerId) === null && !this.#head.hasRoom) {
        return refused('overloaded', 'too many new producers at once');
      }
    }
    if (this.nextOffset() + batch.count > U64_MAX - 1)
      return refused('limit', 'the partition has no offsets left');
    return null;
  }

  #admitted(batch: BatchHeader): Admission {
    const { count, producerId, producerEpoch, sequence, codec } = batch;
    const context = { baseOffset: this.nextOffset(), count, producerId, producerEpoch, sequence, codec };
    return { type: 'prepare', context };
  }

  #applyBatch(prepare: Prepare): ProduceReply {
    const { op, baseOffset, count, producerId, timestamp } = prepare.header;
    if (baseOffset !== this.#endOffset) {
      // The chain of checksums makes this log the primary's: offsets that do not fit are a fault of the program,
      // and going on would hand out an offset twice.
      throw new VireoError(
        'internal',
        `op ${op} begins at offset ${baseOffset}, expected ${this.#endOffset}`,
      );
    }
    this.#endOffset = baseOffset + count;
    const entry = laneEntryOf(prepare);
    if (entry !== null) this.#lanes.record(producerId, entry);
    return { ok: true, baseOffset, count, timestamp, op, duplicate: false };
  }
}

/** An op without records. */
const noContext = {
  count: 0,
  producerId: 0,
  producerEpoch: 0,
  sequence: 0,
  codec: 0,
} as const;

/** What the lane remembers of a batch; null for a batch without a session, which is never deduplicated. */
function laneEntryOf(prepare: Prepare): LaneEntry | null {
  const { header } = prepare;
  if (header.producerId === 0) return null;
  return {
    epoch: header.producerEpoch,
    sequence: header.sequence,
    op: header.op,
    offset: header.baseOffset,
    count: header.count,
    timestamp: header.timestamp,
    // The batch's own checksum lies at its start.
    crc: prepare.bytes.readUInt32LE(PREPARE_HEADER_SIZE),
  };
}

function ackOf(entry: LaneEntry, duplicate: boolean): ProduceAcked {
  const { offset, count, timestamp, op } = entry;
  return { ok: true, baseOffset: offset, count, timestamp, op, duplicate };
}

function refused(...args: Parameters<typeof refuseProduce>): Admission {
  return { type: 'refusal', reply: refuseProduce(...args) };
}

function wantsDisk(context: unknown): boolean {
  return (context as Partial<ProduceContext> | null | undefined)?.durabilityWanted === 2;
}
