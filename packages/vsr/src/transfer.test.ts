import { ModeFlag, type Prepare, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from './replay.ts';
import { Bench, chain, prepare, promise, suffix } from './testing/bench.ts';

/** A checkpoint of a peer takes the place of ops that would be fetched one by one. */

function checkpointAt(last: Prepare, over: Partial<Checkpoint> = {}): Checkpoint {
  const { op, checksum, timestamp } = last.header;
  return { op, checksum, timestamp, mode: 'disk', lossEpoch: 0, ...over };
}

/** Backup of view 0 with these ops in its log, none committed. */
function backup(log: Prepare[] = []): Bench {
  return new Bench(3, 1, promise(0, 0, log), log);
}

const TEN = chain(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

describe('a replica that is far behind', () => {
  it('counts what it knows to be committed and has not applied', () => {
    const bench = backup();
    expect(bench.replica.opsBehind).toBe(0);
    bench.receive(0, {
      type: 'ping',
      epoch: 0,
      view: 0,
      op: 10,
      commitMax: 10,
      normal: true,
      sentMs: 0,
      answer: null,
    });
    expect(bench.replica.opsBehind).toBe(10);
    const recovering = new Bench(3, 2, { ...promise(3, 3, []), mark: true }, [], {
      checkpoint: { mode: 'memory' },
    });
    const answer = { epoch: 0, view: 3, lossEpoch: 0, ...suffix(TEN[9]!, [], 10) };
    recovering.receive(0, { type: 'startView', nonce: recovering.replica.state.nonce, ...answer });
    expect(recovering.replica.opsBehind).toBe(10);
  });

  it('fetches nothing op by op while a transfer is under way, and takes nothing that was asked for before', () => {
    const bench = backup();
    const ping = {
      type: 'ping',
      epoch: 0,
      view: 0,
      op: 10,
      commitMax: 10,
      normal: true,
      sentMs: 0,
      answer: null,
    } as const;
    bench.step({ type: 'transferring', on: true });
    bench.receive(0, ping);
    bench.repair(0, 10, TEN);
    bench.tick(200);
    expect(bench.of('getPrepare')).toEqual([]);
    expect(bench.replica.state.commitMin).toBe(0);
    bench.step({ type: 'transferring', on: false });
    expect(bench.of('getPrepare')).toEqual([{ type: 'getPrepare', first: 1, last: 10 }]);
  });

  it('goes on from a checkpoint, and acks what is prepared next', () => {
    const bench = backup();
    const [ten] = TEN.slice(-1) as [Prepare];
    bench.receive(0, {
      type: 'ping',
      epoch: 0,
      view: 0,
      op: 10,
      commitMax: 10,
      normal: true,
      sentMs: 0,
      answer: null,
    });
    expect(bench.replica.takesCheckpoint(checkpointAt(ten), 0)).toBe(true);
    bench.step({ type: 'transferred', checkpoint: checkpointAt(ten) });
    const eleven = prepare(11, 0, ten);
    bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 10, prepare: eleven });
    bench.flush();
    expect(bench.of('prepareOk').at(-1)).toMatchObject({
      op: 11,
      checksum: eleven.header.checksum,
      commitMin: 10,
    });
    bench.receive(0, { type: 'commit', epoch: 0, view: 0, commitMax: 11, checksum: eleven.header.checksum });
    expect(bench.applied).toEqual([eleven]);
  });

  it('keeps what stands on the checkpoint, and what it acked of it', () => {
    const bench = backup(TEN);
    bench.step({ type: 'transferred', checkpoint: checkpointAt(TEN[6]!) });
    expect(bench.replica.op).toBe(10);
    expect(bench.replica.state.log.map(({ header }) => header.op)).toEqual([8, 9, 10]);
    expect(bench.of('prepareOk').at(-1)?.op).toBe(10);
  });

  it('drops what contradicts the checkpoint, and says in its vote what it had promised', () => {
    const old = [...TEN.slice(0, 5), prepare(6, 0, TEN[4]!, { body: Buffer.alloc(9) })];
    old.push(prepare(7, 0, old[5]!));
    const bench = new Bench(3, 2, promise(4, 0, old), old);
    bench.tick(30);
    const before = bench.of('doViewChange').at(-1)!;
    expect(before.headers.map(({ op }) => op)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const checkpoint = checkpointAt(TEN[5]!);
    expect(bench.replica.takesCheckpoint(checkpoint, 0)).toBe(true);
    bench.step({ type: 'transferred', checkpoint });
    expect(bench.replica.op).toBe(6);
    bench.tick(600);
    const after = bench.of('doViewChange').at(-1)!;
    expect(after).toEqual(before);
    expect(bench.replica.stateRecord()).toMatchObject({ view: 4, logView: 0, headers: before.headers });
  });

  it('takes up the StartView that waited for its anchor', () => {
    const bench = backup();
    const [ten] = TEN.slice(-1) as [Prepare];
    const eleven = prepare(11, 3, ten);
    bench.startView(0, 3, ten, [eleven]);
    expect(bench.replica.state.status).toBe('viewChange');
    bench.step({ type: 'transferred', checkpoint: checkpointAt(ten) });
    expect(bench.replica.state).toMatchObject({ status: 'normal', view: 3, logView: 3, commitMin: 10 });
    expect(bench.replica.op).toBe(11);
    expect(bench.of('getPrepare').at(-1)).toEqual({ type: 'getPrepare', first: 11, last: 11 });
  });

  it('completes the log of its view as new primary', () => {
    const bench = new Bench(3, 1, promise(0, 0, []), []);
    const [ten] = TEN.slice(-1) as [Prepare];
    const vote = { epoch: 0, view: 1, logView: 0, ...suffix(ten, [], 10), present: [], nack: [] };
    bench.receive(2, { type: 'startViewChange', epoch: 0, view: 1 });
    bench.flush();
    bench.receive(2, { type: 'doViewChange', ...vote });
    expect(bench.replica.state.formation).not.toBeNull();
    bench.step({ type: 'transferred', checkpoint: checkpointAt(ten) });
    bench.flush();
    expect(bench.of('startView').at(-1)).toMatchObject({
      view: 1,
      anchorOp: 10,
      anchorChecksum: ten.header.checksum,
    });
  });

  it('stays recovering: a checkpoint says nothing of what it acked beyond it', () => {
    const bench = new Bench(3, 2, { ...promise(3, 3, []), mark: true }, [], {
      checkpoint: { mode: 'memory' },
    });
    bench.step({ type: 'transferred', checkpoint: checkpointAt(TEN[9]!, { mode: 'memory' }) });
    bench.receive(0, { type: 'startViewChange', epoch: 0, view: 3 });
    bench.tick(600);
    bench.flush();
    expect(bench.replica.state.status).toBe('amnesiac');
    expect(bench.replica.stateRecord()).toMatchObject({ verdict: 'amnesiac', mark: true });
    expect(bench.sent.every(({ message }) => message.type === 'requestStartView')).toBe(true);
  });

  it('sets its mark before it acks in the mode that the checkpoint brings', () => {
    const bench = backup();
    const [ten] = TEN.slice(-1) as [Prepare];
    bench.step({ type: 'transferred', checkpoint: checkpointAt(ten, { mode: 'memory' }) });
    const eleven = prepare(11, 0, ten);
    bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 10, prepare: eleven });
    expect(bench.of('prepareOk')).toEqual([]);
    expect(bench.writes.map(({ write }) => write.type === 'state' && write.record.mark)).toEqual([true]);
    bench.flush();
    expect(bench.of('prepareOk').at(-1)?.op).toBe(11);
  });

  it('has nothing that waits for the journal any more: all below is in the checkpoint', () => {
    const switched = prepare(1, 0, null, { kind: PrepareKind.mode, flags: ModeFlag.disk });
    const bench = new Bench(3, 1, promise(0, 0, []), []);
    bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 1, prepare: switched });
    expect(bench.replica.state.appliedUnwritten.size).toBe(1);
    const two = prepare(2, 0, switched);
    bench.step({ type: 'transferred', checkpoint: checkpointAt(two) });
    expect(bench.of('prepareOk').at(-1)).toMatchObject({ op: 2, commitMin: 2 });
    bench.flush();
    expect(bench.replica.state.appliedUnwritten.size).toBe(0);
  });
});

describe('a checkpoint is not taken', () => {
  const checkpoint = checkpointAt(TEN[9]!);

  it('of another lossEpoch: what was committed there may have been cut here', () => {
    const bench = backup();
    expect([0, 1].map((lossEpoch) => bench.replica.takesCheckpoint(checkpoint, lossEpoch))).toEqual([
      true,
      false,
    ]);
    const cut = new Bench(3, 1, { ...promise(0, 0, []), lossEpoch: 1 }, []);
    expect([0, 1].map((lossEpoch) => cut.replica.takesCheckpoint(checkpoint, lossEpoch))).toEqual([
      false,
      true,
    ]);
  });

  it('at or behind what is applied', () => {
    const bench = new Bench(3, 1, promise(0, 0, []), [], { checkpoint });
    expect(bench.replica.takesCheckpoint(checkpointAt(TEN[9]!), 0)).toBe(false);
    expect(bench.replica.takesCheckpoint(checkpointAt(TEN[4]!), 0)).toBe(false);
  });

  it('by a primary, one that has stopped, and one that has agreed to another epoch', () => {
    const primary = new Bench(3, 1, promise(0, 0, []), []);
    primary.receive(2, { type: 'startViewChange', epoch: 0, view: 1 });
    primary.flush();
    primary.vote(2, 1, 0, []);
    primary.flush();
    expect(primary.replica.state.status).toBe('normal');
    const halted = backup();
    halted.replica.halt(halted);
    const failed = backup(TEN);
    failed.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: prepare(11, 0, TEN[9]!) });
    failed.step({ type: 'persisted', token: failed.writes[0]!.token, ok: false });
    const agreed = new Bench(3, 1, { ...promise(0, 0, []), grant: { epoch: 1, view: 1, to: 0 } }, []);
    for (const { replica } of [primary, halted, failed, agreed]) {
      expect(replica.takesCheckpoint(checkpoint, 0)).toBe(false);
      expect(replica.opsBehind).toBe(0);
    }
  });

  it('in normal if the own log contradicts it: a later view has to be entered first', () => {
    const other = [...TEN.slice(0, 9), prepare(10, 0, TEN[8]!, { body: Buffer.alloc(9) })];
    expect(backup(other).replica.takesCheckpoint(checkpoint, 0)).toBe(false);
    expect(new Bench(3, 2, promise(4, 0, other), other).replica.takesCheckpoint(checkpoint, 0)).toBe(true);
  });
});
