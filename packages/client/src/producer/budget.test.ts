import { VireoError } from '@vireo/protocol';
import { expect, test } from 'vitest';
import { Call } from '../call.ts';
import { Budget } from './budget.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('room is given in the order of asking: small ones do not overtake a large one', async () => {
  const budget = new Budget(100, 100);
  expect(budget.tryTake(80, 1)).toBe(true);
  const call = new Call();
  const entered: string[] = [];
  const large = budget.take(60, 1, call).then(() => entered.push('large'));
  const small = budget.take(10, 1, call).then(() => entered.push('small'));
  expect(budget.tryTake(1, 1)).toBe(false);
  await turn();
  expect(entered).toEqual([]);
  budget.give(80, 1);
  await Promise.all([large, small]);
  expect(entered).toEqual(['large', 'small']);
  expect([budget.bytes, budget.records]).toEqual([70, 2]);
  call.dispose();
});

test('what is larger than all the room enters alone', async () => {
  const budget = new Budget(100, 10);
  expect(budget.tryTake(500, 1)).toBe(true);
  expect(budget.tryTake(1, 1)).toBe(false);
  budget.give(500, 1);
  expect(budget.tryTake(100, 10)).toBe(true);
  expect(budget.tryTake(0, 1)).toBe(false);
});

test('a call that ends gives its place up, and those behind it move on', async () => {
  const budget = new Budget(100, 100);
  budget.tryTake(90, 1);
  const controller = new AbortController();
  const ending = new Call({ signal: controller.signal });
  const staying = new Call();
  const large = budget.take(50, 1, ending);
  const small = budget.take(10, 1, staying);
  controller.abort();
  await expect(large).rejects.toMatchObject({ code: 'aborted', outcome: 'notApplied' });
  await small;
  expect([budget.bytes, budget.records]).toEqual([100, 2]);
  ending.dispose();
  staying.dispose();
});

test('closing turns away who waits', async () => {
  const budget = new Budget(10, 10);
  budget.tryTake(10, 1);
  const call = new Call();
  const waiting = budget.take(10, 1, call);
  budget.close(new VireoError('closed'));
  await expect(waiting).rejects.toMatchObject({ code: 'closed' });
  await expect(budget.take(1, 1, call)).rejects.toMatchObject({ code: 'closed' });
  call.dispose();
});
