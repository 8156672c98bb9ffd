import { describe, expect, it } from 'vitest';
import { type FinalLog, History, verifyHistory } from './index.ts';

const logs = (ids: string[], start = 0): Map<string, FinalLog> => new Map([['t/0', { start, ids }]]);
const rules = (history: History, final: Map<string, FinalLog>, complete = true) =>
  verifyHistory(history, final, complete).map((problem) => problem.rule);

function twoAcked(): History {
  const history = new History();
  history.produced('a', 'p');
  history.produced('b', 'p');
  history.acked('a', 't/0', 0);
  history.acked('b', 't/0', 1);
  return history;
}

describe('verifyHistory', () => {
  it('is content with a log that holds what was acked, where it was acked', () => {
    expect(verifyHistory(twoAcked(), logs(['a', 'b']), true)).toEqual([]);
  });

  it('finds an acked record that is lost', () => {
    expect(rules(twoAcked(), logs(['a']))).toEqual(['acked is kept']);
  });

  it('finds an acked record of a partition that is gone', () => {
    expect(rules(twoAcked(), new Map())).toEqual(['acked is kept', 'acked is kept']);
  });

  it('finds an offset that holds another record', () => {
    const history = twoAcked();
    history.produced('x', 'q');
    history.unknown('x');
    expect(rules(history, logs(['x', 'a', 'b']))).toEqual([
      'acked offset holds the record',
      'acked offset holds the record',
    ]);
  });

  it('finds a duplicate', () => {
    expect(rules(twoAcked(), logs(['a', 'b', 'b']))).toContain('no duplicate');
  });

  it('finds a record of one lane ahead of an earlier one, but allows any order across lanes', () => {
    const history = new History();
    for (const id of ['a', 'b']) history.produced(id, 'p');
    history.produced('x', 'q');
    for (const id of ['a', 'b', 'x']) history.unknown(id);
    expect(rules(history, logs(['b', 'x', 'a']))).toEqual(['order within a lane']);
    expect(rules(history, logs(['x', 'a', 'b']))).toEqual([]);
  });

  it('finds a request reported notApplied in the log', () => {
    const history = new History();
    history.produced('a', 'p');
    history.notApplied('a', 'notPrimary');
    expect(rules(history, logs(['a']))).toEqual(['notApplied is in no log']);
    expect(rules(history, logs([]))).toEqual([]);
  });

  it('finds a record that nobody produced', () => {
    expect(rules(new History(), logs(['z']))).toEqual(['nothing foreign']);
  });

  it('allows an unknown outcome either way, and wants an answer only from a complete run', () => {
    const history = new History();
    history.produced('a', 'p');
    expect(rules(history, logs([]), false)).toEqual([]);
    expect(rules(history, logs([]))).toEqual(['every request is answered']);
    history.unknown('a');
    expect(rules(history, logs(['a']))).toEqual([]);
    expect(rules(history, logs([]))).toEqual([]);
  });

  it('finds reads that skip, and reads of what the log does not hold', () => {
    const history = twoAcked();
    const reading = history.reading('r', 't/0');
    history.consumed(reading, 0, 'a');
    history.consumed(reading, 2, 'c');
    expect(rules(history, logs(['a', 'b']))).toEqual(['reads are dense', 'reads agree with the log']);
  });

  it('looks only at what retention has left', () => {
    expect(verifyHistory(twoAcked(), logs(['b'], 1), true)).toEqual([]);
  });

  it('finds two different answers to one record', () => {
    const history = new History();
    history.produced('a', 'p');
    history.notApplied('a', 'notPrimary');
    history.acked('a', 't/0', 0);
    history.acked('a', 't/0', 7);
    expect(rules(history, logs(['a']))).toEqual(['one answer', 'one answer']);
  });

  it('names the first problems of a rule and counts the rest', () => {
    const history = new History();
    const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
    for (const id of ids) history.produced(id, id);
    for (const [index, id] of ids.entries()) history.acked(id, 't/0', index);
    const problems = verifyHistory(history, logs([]), true);
    expect(problems).toHaveLength(6);
    expect(problems.at(-1)?.text).toBe('and 15 more');
  });
});
