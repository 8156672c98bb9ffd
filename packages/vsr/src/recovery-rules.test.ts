import { ModeFlag, type Prepare, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TIMEOUTS, type Message, type StateRecord } from './index.ts';
import { Bench, chain, prepare, promise, suffix } from './testing/bench.ts';

/** Rules of docs/protocol/restart.md, told to one replica, its messages and writes in our hands. */

const { suspicion, retransmitMax } = DEFAULT_TIMEOUTS;

const log = chain(0, 0);
const [one, two] = log as [Prepare, Prepare];
const unable = {
  amnesiac: { ...promise(0, 0, log), mark: true },
  recoveringHead: { ...promise(0, 0, log), verdict: 'recoveringHead' as const },
} satisfies Record<string, StateRecord>;
const each = Object.entries(unable);

const lastRecord = (bench: Bench): StateRecord | undefined =>
  bench.writes.flatMap(({ write }) => (write.type === 'state' ? [write.record] : [])).at(-1);
const lastAck = (bench: Bench) => bench.of('prepareOk').at(-1)?.op ?? 0;
const nonceOf = (bench: Bench) => bench.of('requestStartView').at(-1)?.nonce ?? 0;

function answer(bench: Bench, from: number, view: number, headers: Prepare[], nonce = nonceOf(bench)): void {
  const message = {
    type: 'startView',
    epoch: 0,
    view,
    lossEpoch: 0,
    nonce,
    ...suffix(null, headers),
  } as const;
  bench.receive(from, message);
}

function prepared(bench: Bench, op: Prepare, commitMax = 0): void {
  bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax, prepare: op });
}

describe('who recovers', () => {
  const ping = (view: number): Message => ({
    type: 'ping',
    epoch: 0,
    view,
    op: 2,
    commitMax: 2,
    normal: true,
    sentMs: 0,
    answer: null,
  });
  const inView: Message[] = [
    { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: two },
    { type: 'commit', epoch: 0, view: 0, commitMax: 2, checksum: two.header.checksum },
    ping(0),
    ping(1),
    { type: 'startViewChange', epoch: 0, view: 0 },
    { type: 'startViewChange', epoch: 0, view: 1 },
    { type: 'doViewChange', ...promise(1, 0, log) },
    { type: 'doViewChange', ...promise(4, 0, log) },
  ];

  it.each(each)('%s: gives no ack and no vote, suspects nobody, leads nothing', (_, record) => {
    const replica = new Bench(3, 1, record, log);
    replica.flush();
    for (const from of [0, 2]) for (const message of inView) replica.receive(from, message);
    replica.replica.step({ type: 'peerLost', node: 0 }, replica);
    replica.tick(3 * suspicion);
    replica.flush();
    expect(replica.replica.state).toMatchObject({ view: 0, commitMin: 0 });
    const said = new Set(replica.sent.map(({ message }) => message.type));
    expect([...said]).toEqual(['requestStartView']);
  });

  it.each(each)('%s: is over by the answer to a question of this run alone', (status, record) => {
    const replica = new Bench(3, 2, record, log);
    replica.flush();
    const nonce = nonceOf(replica);
    expect(nonce).toBeGreaterThan(0);
    // Unasked, of an earlier run, of a later one, and not of the primary of its view.
    answer(replica, 1, 1, log, 0);
    answer(replica, 1, 1, log, nonce - 2 ** 24);
    answer(replica, 1, 1, log, nonce + 1);
    answer(replica, 0, 1, log, nonce);
    expect(replica.replica.state.status).toBe(status);
    answer(replica, 1, 1, log, nonce);
    expect(replica.replica.state).toMatchObject({ view: 1, status: 'normal', verdict: 'none' });
  });

  it.each(each)(
    '%s: not by a view below the durable one, which does not name what was acked since',
    (_, record) => {
      const replica = new Bench(3, 2, { ...record, view: 4, logView: 4 }, log);
      answer(replica, 1, 1, log);
      answer(replica, 0, 3, log);
      expect(replica.replica.state.verdict).not.toBe('none');
      answer(replica, 1, 4, log);
      expect(replica.replica.state).toMatchObject({ view: 4, status: 'normal' });
    },
  );

  it('asks each time with another nonce, and no start uses one of another', () => {
    const nonces = [1, 2].flatMap((startCounter) => {
      const replica = new Bench(3, 2, unable.amnesiac, log, { startCounter });
      replica.tick(5 * retransmitMax);
      return [...new Set(replica.of('requestStartView').map(({ nonce }) => nonce))];
    });
    expect(nonces.length).toBeGreaterThan(6);
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  it('says so durably before anything else, and is it after every later start', () => {
    const { amnesiac } = unable;
    const replica = new Bench(3, 2, amnesiac, log);
    expect(replica.writes.map(({ write }) => write)).toMatchObject([
      { type: 'state', record: { verdict: 'amnesiac', copied: true } },
    ]);
    const record = lastRecord(replica) as StateRecord;
    const again = new Bench(3, 2, { ...record, mark: false }, log);
    expect(again.replica.state.status).toBe('amnesiac');
    expect(again.writes).toEqual([]);
  });

  it('what it lacks of the log that it is told is faulty until repaired: neither held nor nacked', () => {
    const replica = new Bench(5, 2, { ...promise(0, 0, []), mark: true }, []);
    answer(replica, 1, 1, [one]);
    replica.flush();
    for (const from of [0, 3]) replica.receive(from, { type: 'startViewChange', epoch: 0, view: 1 });
    replica.vote(0, 3, 1, [one]);
    replica.flush();
    expect(replica.of('doViewChange').at(-1)).toMatchObject({ present: [false], nack: [false] });
  });
});

describe('a faulty entry', () => {
  const entries = [
    { header: one.header, prepare: one, faulty: false },
    { header: two.header, prepare: null, faulty: true },
  ];

  it('stays faulty over a StartView that names it, and in the record of the next start, until repaired', () => {
    const replica = new Bench(5, 2, promise(0, 0, log), [], { entries });
    expect(replica.replica.state.status).toBe('normal');
    replica.startView(1, 1, null, log);
    expect(lastRecord(replica)).toMatchObject({
      present: [true, false],
      nack: [false, false],
      faulty: [false, true],
    });
    replica.flush();
    replica.repair(0, 0, [two]);
    replica.flush();
    expect(lastAck(replica)).toBe(2);
  });

  it('is not acked, and a missing one is nacked', () => {
    const faulty = new Bench(5, 2, promise(0, 0, log), [], { entries });
    faulty.tick(1);
    expect(lastAck(faulty)).toBe(1);
    const known = entries.map((entry) => ({ ...entry, faulty: false }));
    for (const [recovered, nack] of [
      [entries, false],
      [known, true],
    ] as const) {
      const replica = new Bench(5, 2, promise(0, 0, log), [], { entries: recovered });
      replica.vote(0, 1, 0, log);
      replica.vote(0, 3, 0, log);
      replica.flush();
      expect(replica.of('doViewChange').at(-1)).toMatchObject({
        view: 3,
        present: [true, false],
        nack: [false, nack],
      });
    }
  });

  it('at the end of a log that is not known makes the replica recover; what lies beyond is kept for the answer', () => {
    const recovery = { entries: entries.slice(0, 1), headLost: true, salvaged: [two] };
    const replica = new Bench(3, 2, promise(0, 0, [one]), [], recovery);
    expect(replica.replica.state.status).toBe('recoveringHead');
    answer(replica, 1, 1, log);
    replica.flush();
    expect(replica.of('getPrepare')).toEqual([]);
    expect(lastAck(replica)).toBe(2);
  });
});

describe('mode memory', () => {
  const backup = () =>
    new Bench(3, 2, promise(0, 0, []), [], {
      checkpoint: { mode: 'memory' },
    });

  it('sets the mark durably before anything is acked, and journals no prepare', () => {
    const replica = backup();
    replica.tick(1);
    expect(lastRecord(replica)).toMatchObject({ mark: true });
    prepared(replica, one);
    expect(lastAck(replica)).toBe(0);
    replica.flush();
    prepared(replica, two);
    expect(lastAck(replica)).toBe(2);
    expect(replica.writes).toEqual([]);
  });

  it('after a clean start nothing but a question leaves before the mark is set again', () => {
    const replica = new Bench(3, 2, promise(1, 0, log), log, {
      checkpoint: { mode: 'memory' },
    });
    replica.tick(3 * suspicion);
    expect(replica.sent.filter(({ message }) => message.type !== 'requestStartView')).toEqual([]);
    replica.flush();
    expect(replica.of('doViewChange')).not.toEqual([]);
  });

  it('a clean stop acks no more, then makes the tail durable together with a record without the mark', () => {
    const replica = backup();
    replica.tick(1);
    replica.flush();
    prepared(replica, one);
    prepared(replica, two, 1);
    replica.replica.halt(replica);
    replica.sent = [];
    prepared(replica, prepare(3, 0, two), 2);
    replica.tick(suspicion * 3);
    expect(replica.sent).toEqual([]);
    replica.checkpointed();
    replica.replica.seal(replica);
    expect(replica.writes.map(({ write }) => write)).toMatchObject([
      { type: 'state', record: { mark: false, present: [true] }, prepares: [two] },
    ]);
    expect(replica.replica.sealed).toBe(false);
    replica.flush();
    expect(replica.replica.sealed).toBe(true);
  });

  it('a stop clears no mark while an entry is faulty, while recovering, or before the checkpoint', () => {
    const faulty = { header: one.header, prepare: null, faulty: true };
    const record = promise(0, 0, [one]);
    const benches = [
      new Bench(3, 2, record, [], {
        checkpoint: { mode: 'memory' },
        entries: [faulty],
      }),
      new Bench(3, 2, { ...record, mark: true }, [one], {
        checkpoint: { mode: 'memory' },
      }),
      new Bench(3, 2, promise(0, 0, []), [], {
        checkpoint: { mode: 'memory' },
      }),
    ];
    for (const bench of benches) {
      bench.tick(1);
      bench.flush();
      if (bench === benches[2]) prepared(bench, one, 1);
      bench.replica.halt(bench);
      bench.replica.seal(bench);
      expect(bench.writes).toEqual([]);
      expect(bench.replica.sealed).toBe(true);
      expect(bench.replica.state.durableMark).toBe(true);
    }
  });
});

describe('a switch of modes', () => {
  it('to memory is acked when it or the mark is durable', () => {
    const replica = new Bench(3, 2, promise(0, 0, []), []);
    const toMemory = prepare(1, 0, null, { kind: PrepareKind.mode, flags: ModeFlag.memory });
    prepared(replica, toMemory);
    prepared(replica, prepare(2, 0, toMemory));
    expect(lastRecord(replica)).toMatchObject({ mark: true });
    expect(lastAck(replica)).toBe(0);
    replica.flush();
    expect(lastAck(replica)).toBe(2);
  });

  it('to disk is acked when all below it is durable, by journal and checkpoint, and the mark is gone', () => {
    const replica = new Bench(3, 2, promise(0, 0, []), [], {
      checkpoint: { mode: 'memory' },
    });
    replica.tick(1);
    replica.flush();
    prepared(replica, one);
    prepared(replica, two, 1);
    const toDisk = prepare(3, 0, two, { kind: PrepareKind.mode, flags: ModeFlag.disk });
    prepared(replica, toDisk, 1);
    replica.flush();
    expect(replica.replica.wantsCheckpoint).toBe(true);
    expect(lastAck(replica)).toBeLessThan(3);
    replica.checkpointed();
    replica.tick(1);
    expect(lastAck(replica)).toBeLessThan(3);
    replica.flush();
    expect(replica.replica.state.durableMark).toBe(false);
    replica.tick(1);
    expect(lastAck(replica)).toBe(3);
  });
});
