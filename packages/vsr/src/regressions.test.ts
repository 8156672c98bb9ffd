import type { Prepare } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import type { Message } from './message.ts';
import { Bench, chain, prepare, promise } from './testing/bench.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';

/** Interleavings that broke something once, told to one replica; what the others did meanwhile is in the comments. */

describe('interleavings that broke something once', () => {
  it('a late repair of a later view neither cuts the log of a primary nor answers its clients', () => {
    // Ops 1 and 2 of view 0 reached replicas 0 and 1 of five. Replica 4 leads view 4 by the votes of 2 and 3, who
    // have neither; its StartView is lost. 0, 1 and 2 form view 5 and commit both. Replica 0 then answers a
    // request that 4 sent it long ago.
    const stranger = chain(0, 0);
    const four = new Bench(5, 4, promise(4, 0, []), []);
    four.vote(2, 4, 0, []);
    four.vote(3, 4, 0, []);
    four.flush();
    four.request(7);
    expect(four.replica.op).toBe(2);
    const own = four.replica.uncommitted();
    four.repair(0, 2, stranger);
    expect(four.replies).toEqual([]);
    expect(four.replica.uncommitted()).toEqual(own);
    expect(four.applied).toEqual([]);
  });

  it('a committed op is not taken above a missing body, where a StartView could cut it', () => {
    // Replica 2 of five knows the header of op 1 by the StartView of view 1, not its body, and has promised view 3.
    // Replica 4, in view 4 already, commits op 2 and answers an old request with it. Then comes the StartView of
    // view 3: its log ends at op 1, and its primary prepares another op 2, which nothing may call committed.
    const [one, two] = chain(1, 4) as [Prepare, Prepare];
    const other = prepare(2, 3, one);
    const replica = new Bench(5, 2, promise(0, 0, []), []);
    replica.startView(1, 1, null, [one]);
    replica.flush();
    replica.receive(3, { type: 'startViewChange', epoch: 0, view: 3 });
    replica.flush();
    replica.repair(4, 2, [two]);
    replica.startView(3, 3, null, [one]);
    replica.receive(3, { type: 'prepare', epoch: 0, view: 3, commitMax: 0, prepare: other });
    replica.receive(3, { type: 'prepare', epoch: 0, view: 3, commitMax: 1, prepare: one });
    expect(replica.applied).toEqual([one]);
  });

  it('a page of known ops moves the commit number, so that the next page is asked for', () => {
    // The log has bodies 1 and 2 that it does not know to be committed, and only the header of 3. Answers are cut at
    // a size: if the first page changed nothing, it would be asked for again for ever.
    const [one, two, three] = chain(0, 0, 0) as [Prepare, Prepare, Prepare];
    const replica = new Bench(3, 2, promise(0, 0, []), [one, two]);
    replica.flush();
    replica.startView(1, 1, null, [one, two, three]);
    replica.flush();
    replica.vote(1, 2, 1, [one, two]);
    replica.startView(0, 3, three, []);
    replica.repair(0, 3, [one]);
    expect(replica.applied).toEqual([one]);
    replica.repair(0, 3, [two, three]);
    expect(replica.replica.state.status).toBe('normal');
    expect(replica.applied).toEqual([one, two, three]);
  });

  it('a StartView that the log has outgrown is let go, and the vote asks for another', () => {
    // While it fetched up to the anchor of view 1, the answer to an older request brought two ops more.
    const log = chain(0, 0, 1, 1);
    const replica = new Bench(3, 2, promise(0, 0, []), []);
    replica.startView(1, 1, log[1] as Prepare, []);
    replica.flush();
    expect(replica.replica.state.pendingStartView).not.toBeNull();
    replica.repair(0, 4, log);
    replica.sent = [];
    replica.tick(2 * DEFAULT_TIMEOUTS.retransmit);
    expect(replica.of('doViewChange')).not.toEqual([]);
    replica.startView(1, 1, log[3] as Prepare, []);
    expect(replica.replica.state.status).toBe('normal');
  });

  it('a backup that missed a view asks its primary for that view, and is answered', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    backup.ping(1, { epoch: 0, view: 1, op: 0, commitMax: 0 });
    const [request] = backup.of('requestStartView');
    expect(request).toMatchObject({ view: 1 });
    const primary = new Bench(3, 1, promise(1, 0, []), []);
    primary.vote(0, 1, 0, []);
    primary.flush();
    primary.sent = [];
    primary.receive(2, request as Message);
    expect(primary.of('startView')).toMatchObject([{ view: 1, nonce: request?.nonce }]);
  });

  it('the write of an op that a view change replaced says nothing of the one in its place', () => {
    // Op 1 of view 0 is on its way to the disk when view 1 replaces it. The new op 1 is committed by the others and
    // applied here before either write is done.
    const [old] = chain(0) as [Prepare];
    const [young] = chain(1) as [Prepare];
    const replica = new Bench(3, 2, promise(0, 0, []), []);
    replica.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: old });
    replica.startView(1, 1, null, []);
    replica.receive(1, { type: 'prepare', epoch: 0, view: 1, commitMax: 1, prepare: young });
    expect(replica.applied).toEqual([young]);
    replica.flush(2);
    expect(replica.of('prepareOk').some((ack) => ack.view === 1 && ack.op === 1)).toBe(false);
    replica.flush();
    expect(replica.of('prepareOk').at(-1)).toMatchObject({ view: 1, op: 1 });
  });

  it('a replica whose view change is overdue says so within the window in which it counts', () => {
    // Two of three who say it every five seconds, two and a half apart, would never meet.
    const replica = new Bench(3, 2, promise(3, 0, []), []);
    let last = 0;
    let longest = 0;
    for (let tick = 1; tick <= 3000; tick++) {
      replica.sent = [];
      replica.tick(1);
      if (replica.of('startViewChange').length === 0) continue;
      longest = Math.max(longest, tick - last);
      last = tick;
    }
    expect(longest).toBeLessThan(DEFAULT_TIMEOUTS.suspectWindow);
    expect(last).toBeGreaterThan(2800);
  });

  it('a backup whose disk stands still takes on a bounded amount, however much the others commit', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), [], { pipelineBytes: 2000 });
    const log: Prepare[] = [];
    for (let op = 1; op <= 200; op++) {
      log.push(prepare(op, 0, log.at(-1) ?? null, { body: Buffer.alloc(100) }));
      const message = { type: 'prepare', epoch: 0, view: 0, commitMax: op - 1 } as const;
      backup.receive(0, { ...message, prepare: log.at(-1) as Prepare });
    }
    const handed = backup.writes.flatMap((each) => each.write.prepares);
    expect(handed.length).toBeLessThan(25);
    // The disk goes on: what was let go is fetched.
    backup.flush();
    backup.sent = [];
    backup.tick(DEFAULT_TIMEOUTS.retransmitMax);
    expect(backup.of('getPrepare')[0]).toMatchObject({ first: handed.length + 1 });
    backup.repair(0, 200, log.slice(handed.length, handed.length + 10));
    expect(backup.replica.op).toBe(handed.length + 10);
  });

  it('a primary whose disk stands still stands back, though the others commit without it', () => {
    const primary = new Bench(3, 1, promise(1, 0, []), []);
    primary.vote(0, 1, 0, []);
    primary.flush();
    primary.request(1);
    for (const from of [0, 2]) {
      const { checksum } = (primary.replica.state.log.at(-1) as { header: Prepare['header'] }).header;
      primary.receive(from, { type: 'prepareOk', epoch: 0, view: 1, op: 2, checksum, commitMin: 0 });
      if (primary.applied.length === 2) break;
    }
    primary.sent = [];
    primary.tick(DEFAULT_TIMEOUTS.progress + DEFAULT_TIMEOUTS.viewChange);
    expect(primary.of('startViewChange')).not.toEqual([]);
  });

  it('the first op after a long rest is not taken for one that has been stuck all the while', () => {
    const [one] = chain(0) as [Prepare];
    const backup = new Bench(3, 1, promise(0, 0, []), []);
    const ping = (op: number) =>
      backup.receive(0, {
        type: 'ping',
        epoch: 0,
        view: 0,
        op,
        commitMax: 0,
        normal: true,
        sentMs: 0,
        answer: null,
      });
    for (let i = 0; i < 40; i++) {
      ping(0);
      backup.tick(5);
    }
    backup.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: one });
    for (let i = 0; i < 10; i++) {
      backup.tick(5);
      ping(1);
    }
    expect(backup.of('startViewChange')).toEqual([]);
  });

  it('prepares of one view that do not chain are refused, not stumbled over', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    const [first, second, third] = chain(0, 0, 0) as [Prepare, Prepare, Prepare];
    const other = prepare(2, 0, first, { body: Buffer.alloc(8, 1) });
    expect(other.header.checksum).not.toBe(second.header.checksum);
    // Of a primary that is out of its mind: the third does not follow from what it says is the second.
    for (const each of [third, other, first])
      backup.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: each });
    expect(backup.replica.state.log.map(({ header }) => header.checksum)).toEqual(
      [first, other].map(({ header }) => header.checksum),
    );
  });
});
