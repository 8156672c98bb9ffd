import { type Prepare, ZERO_CHECKSUM } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, type ReplayItem, type ReplicaRecovery, replayJournal } from './replay.ts';
import type { StateRecord } from './state-record.ts';
import { chain, prepare, promise } from './testing/bench.ts';

/** Damage in the journal is never taken for absence (erratum E15), and never for more than it is. */

const start: Checkpoint = { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0, mode: 'disk', lossEpoch: 0 };
const log = chain(0, 0, 0, 0);
const [one, two, three, four] = log as [Prepare, Prepare, Prepare, Prepare];

const item = (each: Prepare): ReplayItem => ({ type: 'prepare', prepare: each });
const record = (prepares: Prepare[], over: Partial<StateRecord> = {}): ReplayItem => ({
  type: 'state',
  record: { ...promise(1, 1, prepares), ...over },
});
/** The body is damaged, its header is whole. */
const body = ({ header }: Prepare): ReplayItem => ({
  type: 'faulty',
  firstOp: header.op,
  lastOp: header.op,
  lastChecksum: header.checksum,
  header,
});
/** Nothing is known but the ops and the last checksum. */
const range = (first: Prepare, last: Prepare = first): ReplayItem => ({
  type: 'faulty',
  firstOp: first.header.op,
  lastOp: last.header.op,
  lastChecksum: last.header.checksum,
});

function replayed(items: ReplayItem[], checkpoint = start): ReplicaRecovery {
  const recovery = replayJournal(items, checkpoint);
  expect(recovery).not.toBeNull();
  return recovery!;
}

/** `h` held, `F` faulty, `-` missing; then whether the end is lost. */
function told(items: ReplayItem[], checkpoint = start): string {
  const { entries, headLost } = replayed(items, checkpoint);
  const letters = entries.map(({ prepare: held, faulty }) => (held !== null ? 'h' : faulty ? 'F' : '-'));
  return letters.join('') + (headLost ? '?' : '');
}

describe('a journal with damage', () => {
  it('a damaged body whose header is whole is faulty, and what follows it is kept', () => {
    expect(told([item(one), body(two), item(three)])).toBe('hFh');
    expect(told([item(one), body(two)])).toBe('hF');
  });

  it('a damaged body that a record names is faulty', () => {
    expect(told([item(one), range(two), record([one, two]), item(three)])).toBe('hFh');
  });

  it('damage whose header nothing names loses the end of the log, with what stands behind it', () => {
    expect(told([item(one), range(two), item(three)])).toBe('h?');
    expect(told([range(one, three)])).toBe('?');
    expect(replayed([item(one), range(two), item(three)]).salvaged).toEqual([three]);
  });

  it('damage over what stands there already is not the older content: that goes, with what was above it', () => {
    const other = prepare(2, 1, one);
    expect(told([...log.map(item), range(other)])).toBe('h?');
    expect(replayed([...log.map(item), range(other)]).salvaged).toEqual([two, three, four]);
  });

  it('a whole copy is as good as the damaged one, before it or after it', () => {
    expect(told([item(one), item(two), range(two)])).toBe('hh');
    expect(told([item(one), item(two), body(two), item(three)])).toBe('hhh');
    expect(told([item(one), body(two), item(two)])).toBe('hh');
  });

  it('damage of a stretch that ends like the log is a copy of it', () => {
    expect(told([item(one), item(two), item(three), range(one, three)])).toBe('hhh');
  });

  it('a record that states the whole log makes an end of what is not known; a copy does not', () => {
    const other = prepare(2, 1, one);
    expect(told([item(one), range(two), item(other), record([one, other])])).toBe('hh');
    expect(told([item(one), range(two), record([one], { copied: true })])).toBe('h?');
    // Of a log that ends further on it says nothing of the end.
    expect(told([item(one), range(two, three), record([one, two], { anchorOp: 2, headers: [] })])).toBe('h?');
  });

  it('copies behind the damage that reach its end say all that it took', () => {
    // A clean stop copied the log once more behind a damaged copy, and the files with the first one were reused.
    const copy = record([one, two], { copied: true });
    expect(told([range(one, two), copy, item(one), item(two), copy])).toBe('hh');
    expect(told([range(one, two), copy])).toBe('FF');
    expect(told([range(one, two), item(one)])).toBe('h?');
    expect(told([range(one, three), copy, item(one), item(two), copy])).toBe('hh?');
  });

  it('damage behind that record counts again', () => {
    expect(told([item(one), record([one]), range(two)])).toBe('h?');
  });

  it('what the checkpoint covers is not missed', () => {
    const at = { ...start, op: 2, checksum: two.header.checksum };
    expect(told([range(one, two), item(three)], at)).toBe('h');
    expect(told([range(one, three), item(four)], at)).toBe('?');
  });

  it('a header that a record names as never held is missing, not faulty', () => {
    const named = record([one, two], { present: [true, false], nack: [false, true] });
    expect(told([item(one), named])).toBe('h-');
  });

  it('what a record said was held, or was faulty, and is not there, is faulty', () => {
    expect(told([item(one), record([one, two])])).toBe('hF');
    const lost = record([one, two], { present: [true, false], faulty: [false, true] });
    expect(told([item(one), lost])).toBe('hF');
    // Also by a copy of that record in a younger file.
    expect(told([item(one), record([one, two], { copied: true })])).toBe('hF');
    expect(told([item(one), lost, item(two)])).toBe('hh');
  });

  it('a record of one who recovers, or of mode memory, neither cuts nor names anything', () => {
    expect(told([item(one), item(two), record([one], { mark: true })])).toBe('hh');
    expect(told([item(one), item(two), record([one], { verdict: 'recoveringHead' })])).toBe('hh');
    expect(told([item(one), record([one, two], { mark: true })])).toBe('h');
  });

  it('a gap below a record is unreadable state without damage, and a lost end with it', () => {
    const beyond = record([three], { anchorOp: 2, anchorChecksum: two.header.checksum });
    expect(replayJournal([item(one), beyond], start)).toBeNull();
    expect(told([item(one), range(two), beyond])).toBe('h?');
  });
});
