import { createHash } from 'node:crypto';
import {
  type Checksums,
  type ErrorCode,
  PREPARE_HEADER_SIZE,
  PrepareKind,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { expect, it } from 'vitest';
import {
  type Admission,
  type ClientRequest,
  DEFAULT_TIMEOUTS,
  type Message,
  Replica,
  type ReplicaEffects,
  type ReplyOutcome,
  type StateMachine,
} from './index.ts';

const checksums: Checksums = {
  crc32: () => 0,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

const NO_CONTEXT = { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 };

/** Knows a request by the first byte of its body, as a partition knows a batch by its lane and sequence. */
class KeyMachine implements StateMachine {
  readonly #ops = new Map<number, number>();

  admit(request: ClientRequest): Admission {
    const op = this.#ops.get(request.bytes[PREPARE_HEADER_SIZE] as number);
    if (op === undefined) return { type: 'prepare', context: NO_CONTEXT };
    return { type: 'duplicate', op, reply: `duplicate of ${op}` };
  }
  prepared({ header, bytes }: Parameters<StateMachine['prepared']>[0]): void {
    if (header.kind === PrepareKind.batch) this.#ops.set(bytes[PREPARE_HEADER_SIZE] as number, header.op);
  }
  rebuildHead(): void {}
  nextOffset(): number {
    return 0;
  }
  apply({ header }: Parameters<StateMachine['apply']>[0]): string {
    return `applied ${header.op}`;
  }
  snapshot(): Buffer {
    return Buffer.alloc(0);
  }
  restore(): void {}
}

/** Member `self` of a new group of three, whose writes become durable and whose peers answer when told. */
class Bench implements ReplicaEffects {
  readonly replica: Replica;
  readonly outcomes = new Map<number, ReplyOutcome>();
  #tokens: number[] = [];
  #head = { op: 0, checksum: ZERO_CHECKSUM };

  constructor(self: number) {
    const random = { u32: () => 0, below: () => 0, fork: () => random };
    const bounds = {
      pipeline: 4,
      pipelineBytes: 1 << 20,
      queueMax: 8,
      queueBytesMax: 1 << 20,
      coldStart: 'wait' as const,
      digestEvery: 1024,
    };
    this.replica = new Replica(
      {
        group: 1,
        epoch: 0,
        members: [0, 1, 2],
        self,
        startCounter: 1,
        timeouts: DEFAULT_TIMEOUTS,
        ...bounds,
      },
      new KeyMachine(),
      { clock: { monotonicMs: () => 0, wallMicros: () => 0 }, random, checksums },
      {
        record: null,
        checkpoint: { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0, mode: 'disk', lossEpoch: 0 },
        entries: [],
        headLost: false,
        salvaged: [],
      },
      this,
    );
  }

  request(id: number, key: number, duplicatesOnly?: ErrorCode): ReplyOutcome | undefined {
    const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + 8, 0);
    bytes[PREPARE_HEADER_SIZE] = key;
    const request = { id, kind: PrepareKind.batch, bytes, context: null, duplicatesOnly };
    this.replica.step({ type: 'request', request }, this);
    this.replica.settle(this);
    return this.outcomes.get(id);
  }

  /** Everything handed to the disk so far is durable. */
  flush(): void {
    while (this.#tokens.length > 0) {
      this.replica.step({ type: 'persisted', token: this.#tokens.shift() as number, ok: true }, this);
      this.replica.settle(this);
    }
  }

  /** A backup has everything that was sent. */
  ack(): void {
    const message: Message = { type: 'prepareOk', epoch: 0, view: 0, commitMin: 0, ...this.#head };
    this.replica.step({ type: 'message', from: 1, message }, this);
    this.replica.settle(this);
  }

  send(_to: number, message: Message): void {
    if (message.type !== 'prepare') return;
    const { op, checksum } = message.prepare.header;
    this.#head = { op, checksum };
  }
  persist(token: number): void {
    this.#tokens.push(token);
  }
  load(): void {}
  reply(requestId: number, outcome: ReplyOutcome): void {
    this.outcomes.set(requestId, outcome);
  }
}

function primaryWith(key: number): Bench {
  const primary = new Bench(0);
  primary.flush();
  primary.request(1, key);
  primary.flush();
  primary.ack();
  expect(primary.outcomes.get(1)).toEqual({ type: 'reply', reply: 'applied 2' });
  return primary;
}

it('answers what is in the log while the node takes nothing new, refuses the rest with its code', () => {
  const primary = primaryWith(7);
  expect(primary.request(2, 7, 'overloaded')).toEqual({ type: 'reply', reply: 'duplicate of 2' });
  expect(primary.request(3, 8, 'overloaded')).toMatchObject({ type: 'refused', code: 'overloaded' });
  expect(primary.request(4, 8, 'goingAway')).toMatchObject({ type: 'refused', code: 'goingAway' });
  expect(primary.replica.op).toBe(2);
});

it('answers a duplicate of an op in flight when that commits', () => {
  const primary = primaryWith(7);
  primary.request(2, 8);
  expect(primary.request(3, 8, 'overloaded')).toBeUndefined();
  primary.flush();
  primary.ack();
  expect(primary.outcomes.get(3)).toEqual({ type: 'reply', reply: 'duplicate of 3' });
});

it('answers what is in the log while it hands over its view', () => {
  const primary = primaryWith(7);
  primary.replica.abdicate(primary);
  expect(primary.request(2, 7)).toEqual({ type: 'reply', reply: 'duplicate of 2' });
  expect(primary.request(3, 8)).toMatchObject({ type: 'refused', code: 'notReady' });
  expect(primary.request(4, 8, 'goingAway')).toMatchObject({ type: 'refused', code: 'goingAway' });
});

it('judges nothing before its view has begun, nor as a backup', () => {
  const young = new Bench(0);
  expect(young.request(1, 7, 'overloaded')).toMatchObject({ type: 'refused', code: 'overloaded' });
  const backup = new Bench(1);
  backup.flush();
  expect(backup.request(1, 7, 'goingAway')).toMatchObject({ type: 'refused', code: 'goingAway' });
  expect(backup.request(2, 7)).toMatchObject({ type: 'refused', code: 'notPrimary' });
});
