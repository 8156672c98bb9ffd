import { expect, test } from 'vitest';
import { Silence } from './silence.ts';

const ticks = (silence: Silence, count: number, awaited = true) =>
  Array.from({ length: count }, () => silence.tick(awaited));

test('asks once after a second of silence, and is sure after four', () => {
  const silence = new Silence();
  expect(ticks(silence, 9)).toEqual(['ok', 'ok', 'ask', 'ok', 'ok', 'ok', 'ok', 'ok', 'lost']);
});

test('any byte starts it anew; where nothing is awaited there is no silence', () => {
  const silence = new Silence();
  ticks(silence, 7);
  silence.heard();
  expect(ticks(silence, 8)).not.toContain('lost');
  expect(ticks(new Silence(), 100, false)).not.toContain('ask');
});
