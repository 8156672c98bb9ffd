import { expect, test } from 'vitest';
import { progressText, summarize, summaryText } from './produce-summary.ts';

test('a summary has the rate of what was acknowledged', () => {
  const summary = summarize(1_234_567, 1_234_567, 2, 246_913_400);
  expect(summary).toEqual({
    records: 1_234_567,
    acked: 1_234_567,
    failed: 0,
    bytes: 246_913_400,
    seconds: 2,
    recordsPerSecond: 617_284,
  });
  expect(summaryText(summary)).toBe('1,234,567 records acknowledged in 2 s (617,284 records/s, 123.5 MB/s)');
});

test('a summary of a failure says how many of how many', () => {
  const summary = summarize(1_000, 400, 0.123_4, 10);
  expect(summary).toMatchObject({ acked: 400, failed: 600, seconds: 0.123 });
  expect(summaryText(summary)).toBe('400 of 1,000 records acknowledged in 0.123 s');
});

test('nothing sent in no time has a rate of 0', () => {
  expect(summarize(0, 0, 0, 0)).toMatchObject({ recordsPerSecond: 0, failed: 0 });
});

test('progress names the total where there is one', () => {
  expect(progressText(12_000, 0.5, 100_000)).toBe('12,000 of 100,000 records acknowledged, 24,000 records/s');
  expect(progressText(999, 1, undefined)).toBe('999 records acknowledged, 999 records/s');
});
