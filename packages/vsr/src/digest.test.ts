import { type Prepare, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { Bench, chain, prepare, promise } from './testing/bench.ts';
import { plainChecksums } from './testing/plain-checksums.ts';

/** The state of the bench's machine is always the same; what the others report is ours to say. */
const own = plainChecksums.identity(Buffer.alloc(0));
const other = '7'.repeat(32);
const third = '3'.repeat(32);

/** Primary of view 1, which has applied a digest op: op 2, between its noop and the first request. */
function primaryAtDigest(): Bench {
  const primary = new Bench(3, 1, promise(1, 0, []), [], { digestEvery: 2 });
  primary.vote(0, 1, 0, []);
  primary.flush();
  primary.request(1);
  primary.flush();
  const kinds = primary.replica.state.log.map(({ header }) => header.kind);
  expect(kinds).toEqual([PrepareKind.noop, PrepareKind.digest, PrepareKind.metadata]);
  const { checksum } = primary.replica.state.log[2]!.header;
  primary.receive(0, { type: 'prepareOk', epoch: 0, view: 1, op: 3, checksum, commitMin: 0 });
  expect(primary.replica.state.commitMin).toBe(3);
  return primary;
}

function report(primary: Bench, from: number, value: string): void {
  primary.receive(from, { type: 'digest', epoch: 0, view: 1, op: 2, value });
}

describe('a digest op', () => {
  it('comes by its number, and each replica says what it has', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    const [one] = chain(0) as [Prepare];
    const digest = prepare(2, 0, one, { kind: PrepareKind.digest, body: Buffer.alloc(0) });
    const message = { type: 'prepare', epoch: 0, view: 0 } as const;
    backup.receive(0, { ...message, commitMax: 0, prepare: one });
    backup.receive(0, { ...message, commitMax: 2, prepare: digest });
    expect(backup.of('digest')).toEqual([{ type: 'digest', epoch: 0, view: 0, op: 2, value: own }]);
  });

  it('the primary tells what the majority has; who has it goes on', () => {
    const primary = primaryAtDigest();
    report(primary, 2, other);
    expect(primary.of('digest')).toEqual([]);
    report(primary, 0, own);
    const said = primary.sent.filter(({ message }) => message.type === 'digest');
    const agreed = { type: 'digest', epoch: 0, view: 1, op: 2, value: own };
    expect(said).toEqual([0, 2].map((to) => ({ to, message: agreed })));
    expect(primary.replica.state).toMatchObject({ diverged: 'no', failed: false });
  });

  it('who differs from the majority stops: no ack, no vote, no suspicion any more', () => {
    const [one] = chain(0) as [Prepare];
    const digest = prepare(2, 0, one, { kind: PrepareKind.digest, body: Buffer.alloc(0) });
    const backup = new Bench(3, 2, promise(0, 0, [one]), [one]);
    const message = { type: 'prepare', epoch: 0, view: 0 } as const;
    backup.receive(0, { ...message, commitMax: 2, prepare: digest });
    backup.receive(0, { type: 'digest', epoch: 0, view: 0, op: 2, value: other });
    expect(backup.replica.state.diverged).toBe('self');
    backup.sent = [];
    backup.receive(0, { ...message, commitMax: 2, prepare: prepare(3, 0, digest) });
    backup.vote(0, 1, 0, []);
    backup.tick(200);
    backup.flush();
    expect(backup.sent).toEqual([]);
  });

  it('so does a primary', () => {
    const primary = primaryAtDigest();
    report(primary, 0, other);
    report(primary, 2, other);
    expect(primary.replica.state).toMatchObject({ diverged: 'self', failed: true });
    primary.sent = [];
    primary.request(2);
    primary.tick(200);
    expect(primary.sent).toEqual([]);
    expect(primary.replies.at(-1)).toMatchObject({ outcome: { type: 'refused', code: 'notReady' } });
  });

  it('without a majority nothing is taken on, until there is one', () => {
    const primary = primaryAtDigest();
    report(primary, 0, other);
    report(primary, 2, third);
    expect(primary.replica.state).toMatchObject({ diverged: 'group', failed: false });
    primary.request(2);
    expect(primary.replies.at(-1)).toMatchObject({ outcome: { type: 'refused', code: 'notReady' } });
    expect(primary.replica.op).toBe(3);
    report(primary, 2, own);
    primary.request(3);
    expect(primary.replica.op).toBeGreaterThan(3);
  });
});
