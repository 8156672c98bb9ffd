import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  type Checksums,
  defaultLimits,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
} from '@vireo/protocol';
import type { Admission } from '@vireo/vsr';
import { describe, expect, test } from 'vitest';
import type { PartitionOptions } from './machine.ts';
import type { ProduceAcked } from './reply.ts';
import { UNKNOWN_OFFSET } from './reply.ts';
import { produceRequest, TestLog, testBatch, testMachine } from './testing/log.ts';

const checksums: Checksums = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};
const options: PartitionOptions = { mode: 'disk', lanesMax: 16, limits: defaultLimits };

function request(producerId: number, sequence: number, values: string[] = ['x'], producerEpoch = 0) {
  return produceRequest(testBatch({ producerId, producerEpoch, sequence }, values, checksums));
}

function refusalCode(admission: Admission): string {
  expect(admission.type).toBe('refusal');
  return ((admission as { reply: unknown }).reply as { code: string }).code;
}

function duplicate(admission: Admission): { op: number; reply: ProduceAcked } {
  expect(admission.type).toBe('duplicate');
  return admission as unknown as { op: number; reply: ProduceAcked };
}

function setUp(changes: Partial<PartitionOptions> = {}) {
  const committed: Prepare[] = [];
  const log = new TestLog(checksums);
  const machine = testMachine({ ...options, ...changes }, checksums, undefined, (prepare) =>
    committed.push(prepare),
  );
  const produce = (...args: Parameters<typeof request>) => log.offer(machine, request(...args));
  const commitAll = () => {
    while (log.committed < log.prepares.length) log.commit(machine);
  };
  return { log, machine, committed, produce, commitAll };
}

describe('the mode', () => {
  const wish = { durabilityWanted: 2 };
  const withWish = (sequence: number) =>
    produceRequest(testBatch({ producerId: 7, producerEpoch: 0, sequence }, ['x'], checksums), wish);

  test('follows the committed ops that change it, and is judged at the head', () => {
    const { log, machine, produce, commitAll } = setUp({ mode: 'memory' });
    expect(refusalCode(machine.admit(withWish(0)))).toBe('durabilityUnavailable');
    produce(7, 0);
    expect(log.changeMode(machine, 'disk')).toMatchObject({ type: 'prepare', context: { baseOffset: 1 } });
    // In the log, not committed: what comes behind it will be acked as it says, what is below it is not yet.
    expect(machine.admit(withWish(1)).type).toBe('prepare');
    log.commit(machine);
    expect(machine.durabilityOf(1)).toBe('memory');
    commitAll();
    expect([1, 2, 3].map((op) => machine.durabilityOf(op))).toEqual(['disk', 'disk', 'disk']);
    log.changeMode(machine, 'memory');
    expect(refusalCode(machine.admit(withWish(1)))).toBe('durabilityUnavailable');
    commitAll();
    expect([1, 2, 3, 4].map((op) => machine.durabilityOf(op))).toEqual(['disk', 'disk', 'memory', 'memory']);
  });

  test('changes again when the op that was to change it is dropped by a view change', () => {
    const { log, machine } = setUp();
    log.changeMode(machine, 'memory');
    expect(refusalCode(machine.admit(withWish(0)))).toBe('durabilityUnavailable');
    log.startView(machine, 0);
    expect(machine.admit(withWish(0)).type).toBe('prepare');
  });

  test('and the loss epoch are part of the state', () => {
    const { log, machine, produce, commitAll } = setUp();
    produce(7, 0);
    log.changeMode(machine, 'memory');
    log.coldStart(machine, 3);
    commitAll();
    const copy = testMachine(options, checksums);
    copy.restore(machine.snapshot());
    expect([copy.durabilityOf(1), copy.durabilityOf(2), copy.lossEpoch]).toEqual(['disk', 'memory', 3]);
    expect(copy.digest()).toBe(machine.digest());
    expect(refusalCode(copy.admit(withWish(1)))).toBe('durabilityUnavailable');
  });
});

describe('offsets', () => {
  test('count on from the head while batches are in flight, and skip nothing for other kinds of op', () => {
    const { log, machine, produce, committed } = setUp();
    expect(produce(7, 0, ['a', 'b', 'c'])).toMatchObject({
      type: 'prepare',
      context: { baseOffset: 0, count: 3 },
    });
    log.startView(machine, 1);
    expect(produce(7, 1, ['d', 'e'])).toMatchObject({
      type: 'prepare',
      context: { baseOffset: 3, count: 2 },
    });
    expect(log.commit(machine)).toEqual({
      ok: true,
      baseOffset: 0,
      count: 3,
      timestamp: 1000,
      op: 1,
      duplicate: false,
    });
    expect(log.commit(machine)).toBeNull();
    expect(log.commit(machine)).toEqual({
      ok: true,
      baseOffset: 3,
      count: 2,
      timestamp: 3000,
      op: 3,
      duplicate: false,
    });
    expect(machine.endOffset).toBe(5);
    expect(committed).toEqual(log.prepares);
  });

  test('go back to the committed end when a view change drops the suffix', () => {
    const { log, machine, produce, commitAll } = setUp();
    produce(7, 0, ['a']);
    commitAll();
    produce(7, 1, ['b', 'c']);
    log.startView(machine, 0);
    expect(produce(7, 1, ['b', 'c'])).toMatchObject({ type: 'prepare', context: { baseOffset: 1 } });
  });

  test('an op that does not fit the applied state stops the program instead of giving an offset twice', () => {
    const { log, machine, produce } = setUp();
    produce(7, 0);
    produce(7, 1);
    expect(() => machine.apply(log.prepares[1]!)).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('an attempt of a batch that is in the log', () => {
  test('is answered with the original offset, also while it is in flight', () => {
    const { produce, commitAll } = setUp();
    produce(7, 0, ['a', 'b']);
    produce(7, 1, ['c']);
    const inFlight = duplicate(produce(7, 1, ['c']));
    expect(inFlight).toMatchObject({
      op: 2,
      reply: { baseOffset: 2, count: 1, op: 2, timestamp: 2000, duplicate: true },
    });
    commitAll();
    expect(duplicate(produce(7, 0, ['a', 'b'])).reply).toMatchObject({
      baseOffset: 0,
      count: 2,
      op: 1,
      duplicate: true,
    });
    expect(duplicate(produce(7, 1, ['c']))).toEqual(inFlight);
  });

  test('with other bytes is a conflict', () => {
    const { produce, commitAll } = setUp();
    produce(7, 0, ['a']);
    expect(refusalCode(produce(7, 0, ['b']))).toBe('sequenceConflict');
    commitAll();
    expect(refusalCode(produce(7, 0, ['b']))).toBe('sequenceConflict');
  });

  test('older than the window is a duplicate of unknown offset', () => {
    const { produce, commitAll } = setUp();
    for (let sequence = 0; sequence < 40; sequence++) {
      produce(7, sequence);
      commitAll();
    }
    expect(duplicate(produce(7, 8)).reply.baseOffset).toBe(8);
    const old = duplicate(produce(7, 7));
    expect(old.reply).toMatchObject({ ok: true, baseOffset: UNKNOWN_OFFSET, duplicate: true });
    expect(old.op).toBeLessThanOrEqual(40);
  });

  test('is found before any limit, wish or session is looked at', () => {
    const big = 'x'.repeat(9_000);
    const { log, machine, produce, commitAll } = setUp({ mode: 'memory' });
    produce(7, 0, [big]);
    commitAll();
    const strict = testMachine(
      {
        mode: 'memory',
        lanesMax: 16,
        limits: { ...defaultLimits, batchBytesMax: 4096, laneBatchesInFlightMax: 1 },
      },
      checksums,
      () => 'absent',
    );
    strict.restore(machine.snapshot());
    const wish = { durabilityWanted: 2 };
    const bytes = (sequence: number, value: string) =>
      testBatch({ producerId: 7, producerEpoch: 0, sequence }, [value], checksums);
    expect(duplicate(strict.admit(produceRequest(bytes(0, big), wish))).reply.baseOffset).toBe(0);
    expect(refusalCode(strict.admit(produceRequest(bytes(1, big))))).toBe('batchTooLarge');
    expect(refusalCode(strict.admit(produceRequest(bytes(1, 'x'), wish)))).toBe('durabilityUnavailable');
    log.offer(strict, produceRequest(bytes(1, 'x')));
    expect(duplicate(strict.admit(produceRequest(bytes(1, 'x')))).op).toBe(2);
    expect(refusalCode(strict.admit(produceRequest(bytes(2, 'x'))))).toBe('overloaded');
  });
});

describe('a lane', () => {
  test('begins at sequence 0 and refuses what comes before its turn', () => {
    const { produce } = setUp();
    expect(refusalCode(produce(7, 1))).toBe('sequenceGap');
    produce(7, 0);
    expect(refusalCode(produce(7, 2))).toBe('sequenceGap');
    expect(produce(7, 1).type).toBe('prepare');
  });

  test('of a higher epoch begins at 0 and fences the lower one', () => {
    const { produce, commitAll } = setUp();
    produce(7, 0);
    produce(7, 1);
    expect(refusalCode(produce(7, 2, ['x'], 1))).toBe('sequenceGap');
    expect(produce(7, 0, ['y'], 1).type).toBe('prepare');
    expect(refusalCode(produce(7, 2, ['x'], 0))).toBe('fenced');
    expect(duplicate(produce(7, 0, ['y'], 1)).op).toBe(3);
    commitAll();
    expect(refusalCode(produce(7, 0, ['x'], 0))).toBe('fenced');
    expect(duplicate(produce(7, 0, ['y'], 1)).op).toBe(3);
  });

  test('takes as many batches in flight as allowed and goes on when one commits', () => {
    const { log, machine, produce } = setUp();
    for (let sequence = 0; sequence < 16; sequence++) expect(produce(7, sequence).type).toBe('prepare');
    expect(refusalCode(produce(7, 16))).toBe('overloaded');
    expect(produce(8, 0).type).toBe('prepare');
    log.commit(machine);
    expect(produce(7, 16).type).toBe('prepare');
  });

  test('needs a session that the node knows; one it does not know yet is waited for', () => {
    const log = new TestLog(checksums);
    let standing: 'known' | 'behind' | 'absent' = 'behind';
    const machine = testMachine(options, checksums, () => standing);
    expect(refusalCode(log.offer(machine, request(7, 0)))).toBe('metadataBehind');
    standing = 'absent';
    expect(refusalCode(log.offer(machine, request(7, 0)))).toBe('sessionExpired');
    standing = 'known';
    expect(log.offer(machine, request(7, 0)).type).toBe('prepare');
    standing = 'behind';
    expect(log.offer(machine, request(7, 1)).type).toBe('prepare');
  });

  test('does not exist for producer 0: every attempt is a batch of its own', () => {
    const { produce, commitAll, machine } = setUp();
    expect(produce(0, 0).type).toBe('prepare');
    expect(produce(0, 0).type).toBe('prepare');
    commitAll();
    expect(machine.endOffset).toBe(2);
    expect(machine.laneCount).toBe(0);
  });
});

describe('eviction', () => {
  test('takes the least recently used lane; the id is expired only once that is committed', () => {
    const { log, machine, produce, commitAll } = setUp();
    for (let id = 1; id <= 16; id++) produce(id, 0);
    commitAll();
    produce(1, 1);
    commitAll();
    produce(17, 0);
    // Producer 2 was used longest ago, but its eviction may yet be undone.
    expect(refusalCode(produce(2, 1))).toBe('notReady');
    log.startView(machine, 0);
    expect(produce(2, 1).type).toBe('prepare');
    produce(17, 0);
    commitAll();
    expect(machine.laneCount).toBe(16);
    expect(refusalCode(produce(3, 1))).toBe('sessionExpired');
    expect(refusalCode(produce(3, 0))).toBe('sessionExpired');
    expect(produce(1, 2).type).toBe('prepare');
    expect(produce(2, 2).type).toBe('prepare');
  });

  test('takes another lane for each new one that is in flight', () => {
    const { produce, commitAll, machine } = setUp();
    for (let id = 1; id <= 16; id++) produce(id, 0);
    commitAll();
    produce(17, 0);
    produce(18, 0);
    expect(refusalCode(produce(1, 1))).toBe('notReady');
    expect(refusalCode(produce(2, 1))).toBe('notReady');
    expect(produce(3, 1).type).toBe('prepare');
    commitAll();
    expect(machine.laneCount).toBe(16);
    expect(produce(3, 2).type).toBe('prepare');
  });

  test('spares lanes with batches in flight', () => {
    const { produce } = setUp();
    for (let id = 1; id <= 16; id++) produce(id, 0);
    expect(refusalCode(produce(17, 0))).toBe('overloaded');
    expect(produce(1, 1).type).toBe('prepare');
  });
});

describe('hostile bytes', () => {
  test('are refused by a code, whatever they are', () => {
    const { machine } = setUp();
    const good = request(7, 0).bytes;
    for (let at = PREPARE_HEADER_SIZE; at < good.length; at++) {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 0x10;
      expect(machine.admit(produceRequest(bytes)).type).toBe('refusal');
    }
    for (let length = PREPARE_HEADER_SIZE; length < good.length; length++) {
      expect(machine.admit(produceRequest(good.subarray(0, length))).type).toBe('refusal');
    }
    expect(refusalCode(machine.admit({ ...request(7, 0), kind: PrepareKind.noop }))).toBe('invalidRequest');
  });
});

describe('snapshot', () => {
  test('restores everything that is judged by, and is the same for the same state', () => {
    const { machine, produce, commitAll, log } = setUp();
    for (let id = 1; id <= 18; id++) {
      for (let sequence = 0; sequence < id * 3; sequence++) {
        produce(id, sequence);
        commitAll();
      }
    }
    const copy = testMachine(options, checksums);
    copy.restore(machine.snapshot());
    expect(copy.snapshot()).toEqual(machine.snapshot());
    expect(copy.digest()).toBe(machine.digest());
    expect(copy.endOffset).toBe(machine.endOffset);
    expect(refusalCode(copy.admit(request(2, 0)))).toBe('sessionExpired');
    produce(18, 54, ['new']);
    const admitted = log.prepares.at(-1)!;
    expect(copy.apply(admitted)).toEqual(machine.apply(admitted));
    expect(copy.digest()).toBe(machine.digest());
  });

  test('holds no more of a lane than its window, over a change of epoch too', () => {
    const { machine, produce, commitAll } = setUp();
    for (let sequence = 0; sequence < 33; sequence++) {
      produce(7, sequence);
      commitAll();
    }
    const full = machine.snapshot().length;
    produce(7, 0, ['y'], 1);
    commitAll();
    const copy = testMachine(options, checksums);
    copy.restore(machine.snapshot());
    expect(machine.snapshot().length).toBeLessThan(full);
    expect(duplicate(copy.admit(request(7, 0, ['y'], 1))).op).toBe(34);
    expect(refusalCode(copy.admit(request(7, 32)))).toBe('fenced');
  });

  test('of another format or cut short is an error with a code', () => {
    const { machine, produce, commitAll } = setUp();
    produce(7, 0);
    commitAll();
    const bytes = machine.snapshot();
    const restore = (snapshot: Buffer) => () => testMachine(options, checksums).restore(snapshot);
    for (let length = 0; length < bytes.length; length++) {
      expect(restore(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'corruptPayload' }));
    }
    const newer = Buffer.from(bytes);
    newer.writeUInt32LE(3, 0);
    expect(restore(newer)).toThrow(expect.objectContaining({ code: 'unsupportedFormat' }));
    expect(restore(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(
      expect.objectContaining({ code: 'corruptPayload' }),
    );
    for (let bit = 8 * 44; bit < 8 * 48; bit++) {
      const reserved = Buffer.from(bytes);
      reserved[bit >>> 3] = 1 << (bit & 7);
      expect(restore(reserved)).toThrow(expect.objectContaining({ code: 'corruptPayload' }));
    }
  });
});
