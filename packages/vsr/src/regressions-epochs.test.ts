import { ModeFlag, PREPARE_HEADER_SIZE, type Prepare, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import type { Message } from './message.ts';
import { type ReplayItem, replayJournal } from './replay.ts';
import { Bench, chain, prepare, promise, suffix } from './testing/bench.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';

/** What broke once where epochs, modes and views meet, told to one replica. */

const { suspectWindow, retransmitMax } = DEFAULT_TIMEOUTS;

function switchTo(mode: keyof typeof ModeFlag, op: number, parent: Prepare | null): Prepare {
  return prepare(op, 0, parent, { kind: PrepareKind.mode, flags: ModeFlag[mode] });
}

function prepared(bench: Bench, ops: Prepare[], commitMax = 0): void {
  for (const op of ops) bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax, prepare: op });
}

describe('a log with which a cold start was agreed to', () => {
  const log = chain(0, 0, 0);
  const [one, two, three] = log as [Prepare, Prepare, Prepare];
  const asked = { type: 'coldStart', epoch: 1, view: 7, nonce: 9 } as const;
  const told = { type: 'startView', epoch: 1, view: 7, lossEpoch: 1, nonce: 0 } as const;

  /** Holds op 1, has given up its epoch for the one that 1 proposed, and said so. */
  function granted(options: ConstructorParameters<typeof Bench>[4] = {}): Bench {
    const bench = new Bench(3, 2, promise(4, 0, [one]), [one], options);
    bench.receive(1, asked);
    bench.flush();
    expect(bench.of('coldStartGranted')).toMatchObject([{ anchorOp: 0, headers: [{ op: 1 }] }]);
    return bench;
  }

  it('does not grow by a late answer to a question from before', () => {
    const bench = granted();
    bench.repair(0, 3, [two, three]);
    bench.flush();
    expect(bench.replica).toMatchObject({ op: 1, state: { commitMax: 0 } });
    // Said again it says the same: the proposer may start from a log that this one would now go beyond.
    bench.receive(1, asked);
    const [first, second] = bench.of('coldStartGranted');
    expect(second).toEqual(first);
  });

  it('gets no body for a header that it lacks', () => {
    const known = { header: two.header, prepare: null, faulty: true };
    const bench = granted({ entries: [{ header: one.header, prepare: one, faulty: false }, known] });
    bench.repair(0, 0, [two]);
    bench.receive(1, asked);
    const [first, second] = bench.of('coldStartGranted');
    expect(second).toEqual(first);
    expect(bench.replica.state.log[1]).toMatchObject({ prepare: null, faulty: true });
  });

  it('is told of when the agreement is durable, however often it is asked for before', () => {
    const bench = new Bench(3, 2, promise(4, 0, [one]), [one]);
    for (let i = 0; i < 2; i++) bench.receive(1, asked);
    expect(bench.of('coldStartGranted')).toEqual([]);
    bench.flush();
    expect(bench.of('coldStartGranted')).toHaveLength(1);
  });

  it('is announced by who proposed it when that is durable, however often the others answer before', () => {
    const bench = new Bench(3, 0, { ...promise(1, 0, [one]), mark: true }, [one], {
      coldStart: 'allPresent',
    });
    bench.flush();
    for (let i = 0; i < 2; i++) {
      const { nonce } = bench.replica.state;
      const answer = { type: 'recoveryState', epoch: 0, view: 1, nonce, recovering: true } as const;
      for (const from of [1, 2])
        bench.receive(from, { ...answer, lossEpoch: 0, rank: 0, ...suffix(null, []) });
      bench.tick(retransmitMax);
    }
    expect(bench.replica.state.grant).toMatchObject({ epoch: 1, to: 0 });
    expect(bench.of('coldStart')).toEqual([]);
    bench.flush();
    expect(bench.of('coldStart')).toHaveLength(2);
  });

  it('belongs to no view of the epoch that was given up', () => {
    const bench = granted();
    bench.sent = [];
    bench.receive(0, { type: 'requestStartView', epoch: 0, view: 6, nonce: 5, asker: 'lagging' });
    bench.receive(0, { type: 'startViewChange', epoch: 0, view: 5 });
    for (const from of [0, 1]) bench.vote(from, 8, 4, [one]);
    bench.ping(0, { epoch: 0, view: 3, op: 1, commitMax: 1 });
    bench.flush();
    expect(bench.replica.state).toMatchObject({ view: 4, logView: 0 });
    expect(bench.sent).toEqual([]);
  });

  it('grows by what that epoch asks for, and by nothing beyond', () => {
    const bench = granted();
    bench.receive(1, { ...told, ...suffix(two, [], 2) });
    expect(bench.of('getPrepare')).toMatchObject([{ first: 2, last: 2 }]);
    bench.repair(1, 3, [two, three]);
    expect(bench.replica).toMatchObject({ op: 2, state: { epoch: 1, status: 'normal', grant: null } });
    expect(bench.applied).toHaveLength(2);
  });
});

describe('a member that joins a cold-started epoch', () => {
  it('knows nothing to be committed that was so in the epoch before: new ops wait for their own commit', () => {
    // It knew five ops to be committed, and held two. The epoch goes on with another third one.
    const [one, two] = chain(0, 0) as [Prepare, Prepare];
    const other = prepare(3, 4, two);
    const bench = new Bench(3, 2, promise(0, 0, [one, two]), [one, two]);
    bench.ping(0, { epoch: 0, view: 0, op: 5, commitMax: 5 });
    expect(bench.replica.state).toMatchObject({ commitMin: 2, commitMax: 5 });
    const { nonce } = asksForEpoch(bench);
    bench.sent = [];
    const told = { type: 'startView', epoch: 1, view: 4, lossEpoch: 1, nonce } as const;
    bench.receive(1, { ...told, ...suffix(null, [one, two, other], 2) });
    bench.flush();
    // What it lacks it may have held in the epoch before: it does not deny that.
    expect(bench.replica.state).toMatchObject({ epoch: 1, commitMax: 2, log: [{ faulty: true }] });
    bench.repair(1, 2, [other]);
    expect(bench.applied).toHaveLength(2);
    expect(bench.of('prepareOk').map(({ op }) => op)).not.toContain(3);
    bench.flush();
    expect(bench.of('prepareOk').at(-1)).toMatchObject({ epoch: 1, op: 3 });
    expect(bench.applied).toHaveLength(2);
    bench.ping(1, { epoch: 1, view: 4, op: 3, commitMax: 3 });
    expect(bench.applied.map(({ header }) => header.checksum)).toContain(other.header.checksum);
  });

  function asksForEpoch(bench: Bench): Extract<Message, { type: 'requestStartView' }> {
    bench.tick(DEFAULT_TIMEOUTS.requestStartView);
    bench.ping(1, { epoch: 1, view: 4, op: 3, commitMax: 2 });
    return bench.of('requestStartView').at(-1)!;
  }
});

describe('bodies that were fetched for a view whose log switches to disk', () => {
  const [one, two] = chain(0, 0) as [Prepare, Prepare];
  const log = [one, two, switchTo('disk', 3, two)];
  const memory = { checkpoint: { mode: 'memory' } } as const;

  /** The log of a start from the first record and the first `count` writes after it. */
  function startFrom(bench: Bench, count: number): number[] | undefined {
    const items: ReplayItem[] = [{ type: 'state', record: promise(0, 0, []) }];
    for (const { write } of bench.writes.slice(0, count)) {
      for (const each of write.prepares) items.push({ type: 'prepare', prepare: each });
      if (write.type === 'state') items.push({ type: 'state', record: write.record });
    }
    return replayJournal(items, bench.replica.checkpoint())?.entries.map(({ header }) => header.op);
  }

  it('are written by its primary with the record that names them, never before it', () => {
    const bench = new Bench(3, 1, promise(0, 0, []), [], memory);
    bench.flush();
    for (const from of [0, 2]) bench.vote(from, 1, 0, log);
    bench.flush();
    bench.repair(0, 0, log);
    expect(bench.replica.state).toMatchObject({ logView: 1, status: 'normal' });
    expect(bench.writes.map(({ write }) => write)).toMatchObject([
      { type: 'state', record: { logView: 1 }, prepares: log },
    ]);
    expect([0, 1].map((count) => startFrom(bench, count))).toEqual([[], [1, 2, 3]]);
  });

  it('are written so by a backup that had kept them aside too', () => {
    const record = { ...promise(0, 0, [one]), mark: true };
    const recovery = { ...memory, salvaged: log.slice(1) };
    const bench = new Bench(3, 2, record, [one], recovery);
    bench.flush();
    const { nonce } = bench.of('requestStartView').at(-1)!;
    const told = { type: 'startView', epoch: 0, view: 1, lossEpoch: 0, nonce } as const;
    bench.receive(1, { ...told, ...suffix(null, log) });
    const written = bench.writes.map(({ write }) => write);
    expect(written).toMatchObject([{ type: 'state', record: { view: 1 }, prepares: log.slice(1) }]);
  });
});

describe('two switches in one log, from memory to disk and back', () => {
  const [one, two] = chain(0, 0) as [Prepare, Prepare];
  const toDisk = switchTo('disk', 3, two);
  const toMemory = switchTo('memory', 4, toDisk);
  const lastAck = (bench: Bench) => bench.of('prepareOk').at(-1)?.op ?? 0;
  const marks = (bench: Bench) =>
    bench.writes.flatMap(({ write }) => (write.type === 'state' ? [write.record.mark] : []));

  /** A backup of a group in memory that has applied `applied` of the ops before the switches. */
  function backup(applied: number): Bench {
    const bench = new Bench(3, 1, null, [], { checkpoint: { mode: 'memory' } });
    bench.flush();
    prepared(bench, [one, two], applied);
    expect(lastAck(bench)).toBe(2);
    return bench;
  }

  it('the first is acked when what it was held on top of is durable, by the journal', () => {
    const bench = backup(0);
    prepared(bench, [toDisk, toMemory]);
    expect(lastAck(bench)).toBe(2);
    bench.flush();
    expect(lastAck(bench)).toBe(4);
  });

  it('the first is acked when what was applied before it is in a checkpoint, also when it is applied itself', () => {
    for (const applied of [2, 3]) {
      const bench = backup(2);
      prepared(bench, [toDisk, toMemory], applied);
      bench.flush();
      expect(lastAck(bench)).toBeLessThanOrEqual(applied);
      bench.step({ type: 'checkpointed', op: 1 });
      expect(lastAck(bench)).toBeLessThanOrEqual(applied);
      bench.step({ type: 'checkpointed', op: 2 });
      bench.flush();
      expect(lastAck(bench)).toBe(4);
    }
  });

  it('the mark stays over both, and goes with a third when all is durable', () => {
    const bench = backup(2);
    const last = switchTo('disk', 5, toMemory);
    prepared(bench, [toDisk, toMemory]);
    bench.flush();
    expect(bench.replica.state).toMatchObject({ mark: true, durableMark: true });
    prepared(bench, [last]);
    bench.step({ type: 'checkpointed', op: 1 });
    // Op 4 is promised from memory: its body is under way, and what was applied is in no checkpoint.
    expect(marks(bench)).toEqual([]);
    bench.step({ type: 'checkpointed', op: 2 });
    expect(marks(bench)).toEqual([]);
    bench.flush(1);
    expect(marks(bench)).toEqual([false]);
    expect(lastAck(bench)).toBeLessThan(5);
    bench.flush();
    expect(lastAck(bench)).toBe(5);
    expect(bench.replica.state).toMatchObject({ mark: false, durableMark: false });
  });
});

describe('a switch to disk', () => {
  const [one] = chain(0) as [Prepare];
  const toDisk = switchTo('disk', 2, one);

  it('clears no mark in a view change: its records repeat the vote, whatever has come in since', () => {
    const bench = new Bench(3, 2, null, [], { checkpoint: { mode: 'memory' } });
    bench.flush();
    prepared(bench, [one, toDisk]);
    for (const from of [0, 1]) bench.receive(from, { type: 'startViewChange', epoch: 0, view: 0 });
    bench.flush();
    bench.tick(1);
    bench.flush();
    expect(bench.replica.state).toMatchObject({ view: 1, status: 'viewChange', durableMark: true });
    bench.startView(1, 1, null, [one, toDisk]);
    bench.flush();
    expect(bench.replica.state).toMatchObject({ status: 'normal', durableMark: false });
  });

  it('is followed by no other one before it is committed', () => {
    const bench = new Bench(3, 0, null, [], { checkpoint: { mode: 'memory' } });
    bench.flush();
    const switching = (id: number, flags: number) => {
      const request = { id, kind: PrepareKind.mode, flags, context: null };
      bench.step({ type: 'request', request: { ...request, bytes: Buffer.alloc(PREPARE_HEADER_SIZE) } });
    };
    switching(1, ModeFlag.disk);
    switching(2, ModeFlag.memory);
    expect(bench.replies).toMatchObject([{ requestId: 2, outcome: { type: 'refused', code: 'notReady' } }]);
    bench.flush();
    const { op, checksum } = bench.replica.state.log.at(-1)!.header;
    bench.receive(1, { type: 'prepareOk', epoch: 0, view: 0, op, checksum, commitMin: 0 });
    switching(3, ModeFlag.memory);
    expect(bench.replies.map(({ requestId }) => requestId)).toEqual([2, 1]);
    expect(bench.replica.op).toBe(op + 1);
  });
});

describe('nothing is acked from memory before a mark is durable', () => {
  const starts = {
    'a group that begins in memory': null,
    'a clean start': promise(0, 0, []),
  };

  it.each(Object.entries(starts))('%s', (_, record) => {
    const bench = new Bench(3, 1, record, [], { checkpoint: { mode: 'memory' } });
    const log = chain(0, 0);
    prepared(bench, log.slice(0, 1));
    bench.tick(retransmitMax);
    expect(bench.of('prepareOk')).toEqual([]);
    expect(bench.writes).toMatchObject([{ write: { type: 'state', record: { mark: true } } }]);
    bench.flush();
    prepared(bench, log.slice(1));
    expect(bench.of('prepareOk').at(-1)?.op).toBe(2);
  });

  it('a primary does not count itself either', () => {
    const bench = new Bench(3, 0, null, [], { checkpoint: { mode: 'disk' } });
    bench.flush();
    bench.flush();
    const head = bench.replica.state.log.at(-1)!.header;
    const acks = (op: number, checksum: string) =>
      bench.receive(1, { type: 'prepareOk', epoch: 0, view: 0, op, checksum, commitMin: 0 });
    acks(1, head.checksum);
    const request = { id: 1, kind: PrepareKind.mode, flags: ModeFlag.memory, context: null };
    bench.step({ type: 'request', request: { ...request, bytes: Buffer.alloc(PREPARE_HEADER_SIZE) } });
    const { op, checksum } = bench.replica.state.log.at(-1)!.header;
    expect(op).toBe(2);
    acks(op, checksum);
    expect(bench.applied).toHaveLength(1);
    bench.flush();
    expect(bench.applied).toHaveLength(2);
  });
});

describe('a seal with several writes under way', () => {
  /** Op 1 and a switch to disk are on their way to the journal; the seal adds a record. */
  function sealing(): Bench {
    const bench = new Bench(3, 1, null, [], { checkpoint: { mode: 'memory' } });
    bench.flush();
    const [one] = chain(0) as [Prepare];
    prepared(bench, [one, switchTo('disk', 2, one)]);
    bench.replica.halt(bench);
    bench.replica.seal(bench);
    expect(bench.writes.length).toBeGreaterThan(1);
    return bench;
  }

  it('is done with the last of them', () => {
    const bench = sealing();
    while (bench.writes.length > 0) {
      expect(bench.replica.sealed).toBe(false);
      bench.flush(1);
    }
    expect(bench.replica).toMatchObject({ sealed: true, state: { durableMark: false } });
  });

  it('is of what was acked before: the turn in which the replica was halted acks no more', () => {
    const bench = new Bench(3, 1, null, [], { checkpoint: { mode: 'memory' } });
    bench.flush();
    bench.sent = [];
    const [one] = chain(0) as [Prepare];
    const message = { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: one } as const;
    bench.replica.step({ type: 'message', from: 0, message }, bench);
    bench.replica.halt(bench);
    bench.replica.settle(bench);
    expect(bench.replica.op).toBe(1);
    expect(bench.sent).toEqual([]);
  });

  it('ends with any that fails: the others may never come to an end', () => {
    for (const at of sealing().writes.keys()) {
      const bench = sealing();
      bench.flush(at);
      expect(bench.replica.sealed).toBe(false);
      bench.step({ type: 'persisted', token: bench.writes[0]!.token, ok: false });
      expect(bench.replica).toMatchObject({ sealed: true, state: { durableMark: true } });
    }
  });
});

describe('an order of a cold start', () => {
  /** Given by the operator `before` ticks before the group loses its primary, and what this member makes of it. */
  function proposedAfter(before: number): number | undefined {
    const log = chain(0);
    const bench = new Bench(3, 1, promise(0, 0, log), log);
    bench.step({ type: 'coldStart', without: false });
    for (let tick = 0; tick < before; tick++) {
      bench.ping(0, { epoch: 0, view: 0, op: 1, commitMax: 1 });
      bench.tick(1);
    }
    for (const from of [0, 2]) bench.receive(from, { type: 'startViewChange', epoch: 0, view: 0 });
    bench.flush();
    // The others could not decide either; there would be a quorum for the ordinary way.
    const standing = { recovering: false, lossEpoch: 0, rank: 0 };
    for (let tick = 0; tick < suspectWindow + retransmitMax; tick++) {
      bench.tick(1);
      const { nonce, view } = bench.replica.state;
      for (const from of [0, 2])
        bench.receive(from, {
          type: 'recoveryState',
          epoch: 0,
          view,
          nonce,
          ...standing,
          ...suffix(null, []),
        });
      bench.flush();
    }
    return bench.replica.state.grant?.to;
  }

  it('is carried out in the view change in which it was given, not in a later one', () => {
    expect(proposedAfter(0)).toBe(1);
    expect(proposedAfter(suspectWindow + 1)).toBeUndefined();
  });
});
