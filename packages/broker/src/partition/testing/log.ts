import {
  BatchBuilder,
  type BatchStamp,
  type Checksum,
  type Checksums,
  Codec,
  type Durability,
  ModeFlag,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import type { Admission, ClientRequest } from '@vireo/vsr';
import { PartitionMachine, type PartitionOptions } from '../machine.ts';
import type { ProduceReply } from '../reply.ts';

/** A batch with the given values, with the room for its prepare header, as a produce frame would carry it. */
export function testBatch(stamp: BatchStamp, values: readonly string[], checksums: Checksums): Buffer {
  const builder = new BatchBuilder();
  for (const value of values) builder.add({ value }, 1_000_000);
  return builder.finish({ ...stamp, codec: Codec.none, room: PREPARE_HEADER_SIZE }, { checksums });
}

export function produceRequest(bytes: Buffer, context: unknown = null): ClientRequest {
  return { id: 1, kind: PrepareKind.batch, bytes, context };
}

/**
 * The log of a group as replication makes it, without replication: a committed prefix and an uncommitted suffix
 * that a view change may cut. Drives the machine at the primary as a replica would.
 */
export class TestLog {
  readonly prepares: Prepare[] = [];
  /** Number of committed ops. */
  committed = 0;
  readonly #checksums: Checksums;
  #view = 0;

  constructor(checksums: Checksums) {
    this.#checksums = checksums;
  }

  get suffix(): readonly Prepare[] {
    return this.prepares.slice(this.committed);
  }

  /** Offers a request; if the machine admits it, it is at the head of the log from then on. */
  offer(primary: PartitionMachine, request: ClientRequest): Admission {
    const admission = primary.admit(request);
    // Sealing writes into the request's room; an attempt may arrive again.
    if (admission.type === 'prepare') {
      const { bytes, kind, flags } = request;
      this.#seal(Buffer.from(bytes), kind, admission.context, primary, flags);
    }
    return admission;
  }

  /** Offers a change of the mode, as the node does. */
  changeMode(primary: PartitionMachine, mode: Durability): Admission {
    const bytes = Buffer.alloc(PREPARE_HEADER_SIZE);
    return this.offer(primary, {
      id: 1,
      kind: PrepareKind.mode,
      bytes,
      flags: ModeFlag[mode],
      context: null,
    });
  }

  /** The op with which replication begins a log that was cut. */
  coldStart(primary: PartitionMachine, lossEpoch: number): void {
    const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + 16);
    bytes.writeUInt32LE(lossEpoch, PREPARE_HEADER_SIZE);
    this.#seal(bytes, PrepareKind.coldStart, { ...noContext, baseOffset: primary.nextOffset() }, primary);
  }

  /** Commits the next op at the primary. */
  commit(primary: PartitionMachine): ProduceReply | null {
    return primary.apply(this.prepares[this.committed++]!);
  }

  /** A view starts at `primary` with the first `keep` ops of the suffix and its noop on top. */
  startView(primary: PartitionMachine, keep: number): void {
    this.prepares.length = this.committed + keep;
    this.#view++;
    primary.rebuildHead(this.suffix);
    this.#seal(
      Buffer.alloc(PREPARE_HEADER_SIZE),
      PrepareKind.noop,
      { ...noContext, baseOffset: primary.nextOffset() },
      primary,
    );
  }

  #seal(
    bytes: Buffer,
    kind: ClientRequest['kind'],
    context: Extract<Admission, { type: 'prepare' }>['context'],
    primary: PartitionMachine,
    flags = 0,
  ): void {
    const parent: Checksum = this.prepares.at(-1)?.header.checksum ?? ZERO_CHECKSUM;
    const op = this.prepares.length + 1;
    const fields = {
      group: 1,
      op,
      view: this.#view,
      epoch: 0,
      parent,
      kind,
      timestamp: 1_000 * op,
      flags,
      ...context,
    };
    const prepare = sealPrepare(bytes, fields, this.#checksums);
    this.prepares.push(prepare);
    primary.prepared(prepare);
  }
}

const noContext = {
  baseOffset: 0,
  count: 0,
  producerId: 0,
  producerEpoch: 0,
  sequence: 0,
  codec: 0,
} as const;

/** A machine whose node knows the sessions that `standing` says; by default all of them. */
export function testMachine(
  options: PartitionOptions,
  checksums: Checksums,
  standing: (sessionId: number) => 'known' | 'behind' | 'absent' = () => 'known',
  onCommitted: (prepare: Prepare) => void = () => {},
): PartitionMachine {
  return new PartitionMachine(options, { checksums, sessionStanding: standing, onCommitted });
}
