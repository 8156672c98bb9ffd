import {
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  type PrepareKindValue,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import type { Message } from '../message.ts';
import type { NodeId } from '../quorums.ts';
import type { Checkpoint, ReplicaRecovery } from '../replay.ts';
import { Replica } from '../replica.ts';
import type { PersistWrite, ReplicaEffects, ReplicaEvent, ReplyOutcome } from '../replica-events.ts';
import type { StateRecord } from '../state-record.ts';
import { DEFAULT_TIMEOUTS } from '../timeouts.ts';
import { plainChecksums } from './plain-checksums.ts';

interface PrepareOptions {
  readonly body?: Buffer;
  readonly kind?: PrepareKindValue;
  readonly flags?: number;
  readonly timestamp?: number;
}

export function prepare(
  op: number,
  view: number,
  parent: Prepare | null,
  options: PrepareOptions = {},
): Prepare {
  const { body = Buffer.alloc(8), kind = PrepareKind.metadata, flags = 0, timestamp = 0 } = options;
  const bytes = Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), body]);
  const context = { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 };
  const place = { group: 1, epoch: 0, op, view, parent: parent?.header.checksum ?? ZERO_CHECKSUM };
  return sealPrepare(bytes, { ...context, ...place, kind, flags, timestamp }, plainChecksums);
}

/** Ops from 1 on, on top of each other, prepared in the views given. */
export function chain(...views: number[]): Prepare[] {
  const prepares: Prepare[] = [];
  for (const view of views) prepares.push(prepare(prepares.length + 1, view, prepares.at(-1) ?? null));
  return prepares;
}

export function suffix(anchor: Prepare | null, prepares: Prepare[], commitMax = anchor?.header.op ?? 0) {
  const anchorOp = anchor?.header.op ?? 0;
  const anchorChecksum = anchor?.header.checksum ?? ZERO_CHECKSUM;
  return { commitMax, anchorOp, anchorChecksum, headers: prepares.map((each) => each.header) };
}

export function promise(view: number, logView: number, prepares: Prepare[]): StateRecord {
  const present = prepares.map(() => true);
  const none = present.map(() => false);
  const standing = { lossEpoch: 0, mark: false, verdict: 'none' as const, grant: null };
  return {
    epoch: 0,
    view,
    logView,
    ...standing,
    ...suffix(null, prepares),
    present,
    nack: none,
    faulty: none,
  };
}

interface BenchOptions extends Partial<Omit<ReplicaRecovery, 'record' | 'checkpoint'>> {
  readonly checkpoint?: Partial<Checkpoint>;
  readonly pipelineBytes?: number;
  readonly startCounter?: number;
  readonly digestEvery?: number;
  readonly coldStart?: 'wait' | 'allPresent';
}

/** One replica of a group of `n`, its messages and writes in our hands. */
export class Bench implements ReplicaEffects {
  readonly replica: Replica;
  sent: { to: NodeId; message: Message }[] = [];
  writes: { token: number; write: PersistWrite }[] = [];
  readonly replies: { requestId: number; outcome: ReplyOutcome }[] = [];
  readonly applied: Prepare[] = [];
  readonly loads: { token: number; first: number; last: number; bytesMax: number }[] = [];
  /** What the replica's monotonic clock says. Ticks do not move it. */
  nowMs = 0;

  constructor(
    n: number,
    self: NodeId,
    record: StateRecord | null,
    log: Prepare[],
    options: BenchOptions = {},
  ) {
    const {
      pipelineBytes = 1 << 20,
      startCounter = 1,
      digestEvery = 1024,
      coldStart = 'wait',
      checkpoint,
      ...found
    } = options;
    const recovery: ReplicaRecovery = {
      record,
      checkpoint: { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0, mode: 'disk', lossEpoch: 0, ...checkpoint },
      entries: log.map((each) => ({ header: each.header, prepare: each, faulty: false })),
      headLost: false,
      salvaged: [],
      ...found,
    };
    const random = { u32: () => 0, below: () => 0, fork: () => random };
    this.replica = new Replica(
      {
        group: 1,
        epoch: 0,
        members: Array.from({ length: n }, (_, i) => i),
        self,
        startCounter,
        pipeline: 4,
        pipelineBytes,
        queueMax: 8,
        queueBytesMax: 1 << 20,
        coldStart,
        digestEvery,
        timeouts: DEFAULT_TIMEOUTS,
      },
      {
        admit: () => ({
          type: 'prepare',
          context: { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 },
        }),
        prepared: () => {},
        rebuildHead: () => {},
        nextOffset: () => 0,
        apply: (each) => this.applied.push(each),
        snapshot: () => Buffer.alloc(0),
        restore: () => {},
      },
      { clock: { monotonicMs: () => this.nowMs, wallMicros: () => 0 }, random, checksums: plainChecksums },
      recovery,
      this,
    );
  }

  step(event: ReplicaEvent): void {
    this.replica.step(event, this);
    this.replica.settle(this);
  }

  receive(from: NodeId, message: Message): void {
    this.step({ type: 'message', from, message });
  }

  /** A heartbeat that answers nothing. */
  ping(from: NodeId, at: { epoch: number; view: number; op: number; commitMax: number }): void {
    this.receive(from, { type: 'ping', ...at, normal: true, sentMs: 0, answer: null });
  }

  repair(from: NodeId, committed: number, prepares: Prepare[]): void {
    this.receive(from, { type: 'repair', first: prepares[0]?.header.op ?? 0, committed, prepares });
  }

  vote(from: NodeId, view: number, logView: number, log: Prepare[]): void {
    this.receive(from, { type: 'doViewChange', ...promise(view, logView, log) });
  }

  startView(from: NodeId, view: number, anchor: Prepare | null, log: Prepare[]): void {
    this.receive(from, { type: 'startView', epoch: 0, view, lossEpoch: 0, nonce: 0, ...suffix(anchor, log) });
  }

  request(id: number): void {
    const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + 8);
    const request = { id, kind: PrepareKind.metadata, bytes, context: null };
    this.replica.step({ type: 'request', request }, this);
    this.replica.settle(this);
  }

  /** A checkpoint of all that is applied is durable. */
  checkpointed(): void {
    this.step({ type: 'checkpointed', op: this.replica.state.commitMin });
  }

  /** The oldest write, or all, become durable. */
  flush(count = Number.MAX_SAFE_INTEGER): void {
    for (let i = 0; i < count; i++) {
      const write = this.writes.shift();
      if (write === undefined) return;
      this.replica.step({ type: 'persisted', token: write.token, ok: true }, this);
      this.replica.settle(this);
    }
  }

  tick(times: number): void {
    for (let i = 0; i < times; i++) {
      this.replica.step({ type: 'tick' }, this);
      this.replica.settle(this);
    }
  }

  of<T extends Message['type']>(type: T): Extract<Message, { type: T }>[] {
    return this.sent
      .map((each) => each.message)
      .filter((message): message is Extract<Message, { type: T }> => message.type === type);
  }

  send(to: NodeId, message: Message): void {
    this.sent.push({ to, message });
  }
  persist(token: number, write: PersistWrite): void {
    this.writes.push({ token, write });
  }
  load(token: number, first: number, last: number, bytesMax: number): void {
    this.loads.push({ token, first, last, bytesMax });
  }
  reply(requestId: number, outcome: ReplyOutcome): void {
    this.replies.push({ requestId, outcome });
  }
}
