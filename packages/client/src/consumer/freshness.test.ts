import { AGE_UNKNOWN } from '@vireo/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Freshness } from './freshness.ts';

describe('what a replica says of its age', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('is stale above 5 s, and told once until it is fresh again', () => {
    const freshness = new Freshness();
    expect(freshness.isFresh(5_000)).toBe(true);
    expect(freshness.isFresh(5_001)).toBe(false);
    expect(freshness.tell()).toBe(5_001);
    expect(freshness.isFresh(6_000)).toBe(false);
    expect(freshness.tell()).toBeNull();
    expect(freshness.isFresh(10)).toBe(true);
    expect(freshness.isFresh(7_000)).toBe(false);
    expect(freshness.tell()).toBe(7_000);
  });

  test('that it cannot tell is borne for as long as an age that it can', () => {
    const freshness = new Freshness();
    expect(freshness.isFresh(AGE_UNKNOWN)).toBe(true);
    vi.advanceTimersByTime(5_000);
    expect(freshness.isFresh(AGE_UNKNOWN)).toBe(true);
    vi.advanceTimersByTime(1);
    expect(freshness.isFresh(AGE_UNKNOWN)).toBe(false);
    expect(freshness.tell()).toBe(Number.POSITIVE_INFINITY);
    freshness.subscribed();
    expect(freshness.isFresh(AGE_UNKNOWN)).toBe(true);
  });
});
