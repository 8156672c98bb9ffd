import { ModeFlag, type Prepare, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import type { Message, StartView } from './message.ts';
import type { StateRecord } from './state-record.ts';
import { Bench, chain, prepare, promise } from './testing/bench.ts';

/** A replica that can not know all that it acked, and what it holds when it is back. */

const memory = { mode: 'memory' } as const;

/** A mark was found: it held ops 1 and 2 in memory, and nothing of them is left. */
function amnesiac(record: Partial<StateRecord> = {}): Bench {
  return new Bench(3, 2, { ...promise(3, 3, []), mark: true, ...record }, [], { checkpoint: memory });
}

function startView(
  view: number,
  nonce: number,
  log: readonly Prepare[],
  over: Partial<StartView> = {},
): StartView {
  const { anchorOp, anchorChecksum } = promise(0, 0, []);
  const headers = log.map(({ header }) => header);
  return {
    type: 'startView',
    epoch: 0,
    view,
    lossEpoch: 0,
    nonce,
    commitMax: 0,
    anchorOp,
    anchorChecksum,
    headers,
    ...over,
  };
}

/** Everything that the others could wait for an answer to. */
function provoke(bench: Bench): void {
  const [one] = chain(3) as [Prepare];
  const at = { epoch: 0, view: 3 };
  const messages: [number, Message][] = [
    [0, { type: 'prepare', ...at, commitMax: 0, prepare: one }],
    [0, { type: 'ping', ...at, op: 1, commitMax: 0, normal: true, sentMs: 0, answer: null }],
    [0, { type: 'startViewChange', ...at }],
    [1, { type: 'startViewChange', ...at }],
    [1, { type: 'startViewChange', epoch: 0, view: 4 }],
    [0, { type: 'doViewChange', ...promise(5, 3, []) }],
    [1, { type: 'requestStartView', epoch: 0, view: 6, nonce: 1, asker: 'lagging' }],
    [1, { type: 'requestStartView', epoch: 0, view: 6, nonce: 2, asker: 'recovering' }],
  ];
  for (const [from, message] of messages) {
    bench.receive(from, message);
    bench.flush();
  }
  bench.step({ type: 'peerLost', node: 0 });
  bench.tick(600);
  bench.flush();
}

describe('a replica that is recovering', () => {
  for (const verdict of ['amnesiac', 'recoveringHead'] as const) {
    it(`says nothing but what it is, while it is ${verdict}`, () => {
      const bench = amnesiac({ verdict });
      provoke(bench);
      const said = new Set(bench.sent.map(({ message }) => message.type));
      said.delete('getPrepare');
      expect([...said].sort()).toEqual(['recoveryState', 'requestStartView']);
      expect(bench.replica.state).toMatchObject({ status: verdict, view: 3, logView: 3 });
    });
  }

  it('is amnesiac by the mark, recoveringHead by a lost end, and neither by an intact log', () => {
    const log = chain(0);
    const found = (record: Partial<StateRecord>, headLost: boolean) =>
      new Bench(3, 2, { ...promise(0, 0, log), ...record }, log, { headLost }).replica.state.status;
    expect(found({ mark: true }, false)).toBe('amnesiac');
    expect(found({ mark: true }, true)).toBe('amnesiac');
    expect(found({}, true)).toBe('recoveringHead');
    expect(found({}, false)).toBe('normal');
  });

  it('keeps its verdict over a start that finds nothing wrong, a clean one too', () => {
    const log = chain(0);
    const record = { ...promise(0, 0, log), verdict: 'recoveringHead' as const };
    expect(new Bench(3, 2, record, log).replica.state.status).toBe('recoveringHead');
  });

  it('writes its verdict first of all', () => {
    const log = chain(0);
    const bench = new Bench(3, 2, promise(0, 0, log), log, { headLost: true });
    expect(bench.writes[0]?.write).toMatchObject({
      type: 'state',
      record: { verdict: 'recoveringHead', copied: true },
    });
  });

  it('leaves by an answer to a question of this run alone', () => {
    const bench = amnesiac();
    const { nonce, firstNonce } = bench.replica.state;
    bench.receive(0, startView(3, 0, []));
    bench.receive(1, startView(4, 0, []));
    // Of an earlier run, and of one that was never asked.
    bench.receive(0, startView(3, firstNonce, []));
    bench.receive(0, startView(3, nonce + 1, []));
    expect(bench.replica.state.status).toBe('amnesiac');
    bench.receive(0, startView(3, nonce, []));
    expect(bench.replica.state.status).toBe('normal');
  });

  it('leaves by no view below its durable one, and by none but the primary of the view', () => {
    const bench = amnesiac();
    const { nonce } = bench.replica.state;
    bench.receive(1, startView(1, nonce, []));
    bench.receive(1, startView(3, nonce, []));
    expect(bench.replica.state.status).toBe('amnesiac');
  });

  it('asks each time with a nonce that was never used', () => {
    const bench = amnesiac();
    bench.tick(500);
    const nonces = bench.sent.flatMap(({ to, message }) =>
      to === 0 && message.type === 'requestStartView' ? [message.nonce] : [],
    );
    expect(nonces.length).toBeGreaterThan(3);
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  it('what it lacks of the log that it is told is faulty: neither present nor nacked in its next vote', () => {
    const log = chain(0, 3);
    const bench = amnesiac();
    bench.receive(0, startView(3, bench.replica.state.nonce, log));
    bench.flush();
    expect(bench.replica.state.log.map(({ faulty }) => faulty)).toEqual([true, true]);
    bench.receive(1, { type: 'startViewChange', epoch: 0, view: 4 });
    bench.flush();
    const none = { present: [false, false], nack: [false, false] };
    expect(bench.of('doViewChange')).toMatchObject([{ view: 4, ...none }]);
    // Repaired: present from then on, in the votes of later views.
    bench.repair(0, 0, log);
    bench.receive(1, { type: 'startViewChange', epoch: 0, view: 6 });
    bench.flush();
    expect(bench.of('doViewChange').at(-1)).toMatchObject({ view: 6, present: [true, true] });
  });

  it('a faulty entry stays faulty through the StartViews of later views', () => {
    const log = chain(0, 3);
    const bench = amnesiac();
    bench.receive(0, startView(3, bench.replica.state.nonce, log));
    bench.receive(1, startView(4, 0, log));
    expect(bench.replica.state.log.map(({ faulty }) => faulty)).toEqual([true, true]);
    // Of a log that it was always a part of, what is new is merely missing.
    bench.receive(2 - 2, startView(6, 0, [...log, prepare(3, 6, log[1] as Prepare)]));
    expect(bench.replica.state.log.map(({ faulty }) => faulty)).toEqual([true, true, false]);
  });

  it('its record says which entries are faulty', () => {
    const bench = amnesiac();
    bench.receive(0, startView(3, bench.replica.state.nonce, chain(0)));
    const last = bench.writes.at(-1)?.write;
    expect(last).toMatchObject({
      record: { verdict: 'none', mark: true, present: [false], nack: [false], faulty: [true] },
    });
  });

  it('puts bodies that were found behind a hole in their place, when it is told where that is', () => {
    const log = chain(0, 0, 0);
    const entries = log.map(({ header }, i) => ({
      header,
      prepare: i === 1 ? null : log[i]!,
      faulty: i === 1,
    }));
    const bench = new Bench(3, 2, promise(0, 0, []), [], { entries, headLost: true });
    expect(bench.replica.op).toBe(1);
    bench.receive(0, startView(3, bench.replica.state.nonce, log));
    expect(bench.replica.state.log.map((entry) => entry.prepare !== null)).toEqual([true, false, true]);
  });
});

describe('a primary that is asked by one who recovers', () => {
  it('forgets what that one acked above the commit number', () => {
    const primary = new Bench(5, 1, promise(1, 0, []), []);
    for (const from of [2, 3]) primary.vote(from, 1, 0, []);
    primary.flush();
    primary.request(7);
    primary.flush();
    const ack = (from: number) => {
      const { checksum, op } = primary.replica.state.log.at(-1)!.header;
      primary.receive(from, { type: 'prepareOk', epoch: 0, view: 1, op, checksum, commitMin: 0 });
    };
    ack(2);
    primary.receive(2, { type: 'requestStartView', epoch: 0, view: 1, nonce: 9, asker: 'recovering' });
    expect(primary.of('startView').at(-1)).toMatchObject({ nonce: 9, view: 1 });
    ack(3);
    expect(primary.replies).toEqual([]);
    ack(4);
    expect(primary.replies).toHaveLength(1);
  });
});

describe('an op that switches the mode', () => {
  it('is not a second one while the first is open', () => {
    const primary = new Bench(3, 1, promise(1, 0, []), []);
    primary.vote(0, 1, 0, []);
    primary.flush();
    const bytes = () => Buffer.alloc(128);
    for (const [id, flags] of [ModeFlag.memory, ModeFlag.disk].entries())
      primary.step({
        type: 'request',
        request: { id, kind: PrepareKind.mode, bytes: bytes(), flags, context: null },
      });
    expect(primary.replies).toMatchObject([{ requestId: 1, outcome: { type: 'refused', code: 'notReady' } }]);
  });
});
