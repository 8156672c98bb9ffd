import type { Random } from '@vireo/vsr';
import { describe, expect, test } from 'vitest';
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import { TurnClock } from './clock.ts';
import { EventTrace, TRACE_EVENTS } from './event-trace.ts';
import { nodeCrypto } from './node-crypto.ts';
import { openFilesMax } from './open-files.ts';
import { nodeRandom } from './random.ts';
import { readsInFlightMax } from './thread-pool.ts';

describe('addresses', () => {
  test.each(['127.0.0.1:7400', 'node-1.example:0', '[::1]:65535'])('%s reads and writes back', (text) => {
    const address = parseAddress(text);
    expect(address).not.toBeNull();
    expect(formatAddress(address!)).toBe(text);
  });

  test.each([
    '',
    '7400',
    'host',
    'host:',
    ':7400',
    'host:65536',
    '::1:7400',
    '[::x]:1',
    'a b:1',
    'http://a:1',
  ])('%j is none', (text) => expect(parseAddress(text)).toBeNull());

  test('loopback is what only this machine can reach', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', 'localhost'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', 'localhost.example'].some(isLoopback)).toBe(false);
  });
});

test('the clock stands still within a turn and goes on with the next', () => {
  const clock = new TurnClock();
  const [monotonic, wall] = [clock.monotonicMs(), clock.wallMicros()];
  const until = performance.now() + 3;
  while (performance.now() < until);
  expect(clock.monotonicMs()).toBe(monotonic);
  expect(clock.wallMicros()).toBe(wall);
  clock.refresh();
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(monotonic + 3);
  expect(Math.abs(clock.wallMicros() / 1000 - Date.now())).toBeLessThan(1_000);
});

describe('random numbers', () => {
  const seed = Buffer.from('0123456789abcdef');

  test('follow from the seed, and differ between processes', () => {
    const draw = (random: Random) => Array.from({ length: 4 }, () => random.u32());
    expect(draw(nodeRandom(seed))).toEqual(draw(nodeRandom(seed)));
    expect(draw(nodeRandom())).not.toEqual(draw(nodeRandom()));
  });

  test('a fork depends on its label and not on what was drawn before', () => {
    const drawn = nodeRandom(seed);
    for (let count = 0; count < 10; count++) drawn.u32();
    expect(drawn.fork('a').u32()).toBe(nodeRandom(seed).fork('a').u32());
    expect(drawn.fork('a').u32()).not.toBe(drawn.fork('b').u32());
  });

  test('below stays within its bound and reaches all of it', () => {
    const random = nodeRandom(seed);
    const seen = new Set(Array.from({ length: 500 }, () => random.below(5)));
    expect([...seen].toSorted()).toEqual([0, 1, 2, 3, 4]);
  });
});

test('HMAC-SHA-256 as in RFC 4231, case 2', () => {
  const mac = nodeCrypto.hmacSha256(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'));
  expect(Buffer.from(mac).toString('hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
  expect(nodeCrypto.randomBytes(16)).toHaveLength(16);
});

test('the trace keeps the last events, oldest first', () => {
  const trace = new EventTrace();
  for (let count = 0; count < TRACE_EVENTS + 5; count++) trace.record('tick', count, count, -1);
  const events = trace.events();
  expect(events).toHaveLength(TRACE_EVENTS);
  expect(events[0]).toEqual({ name: 'tick', timeMs: 5, first: 5, second: -1 });
  expect(events.at(-1)).toMatchObject({ timeMs: TRACE_EVENTS + 4 });
});

test('reads leave four threads to writes, and one read is always possible', () => {
  const reads = (size?: string) => readsInFlightMax(size === undefined ? {} : { UV_THREADPOOL_SIZE: size });
  expect([reads(), reads('4'), reads('16'), reads('100000'), reads('x'), reads('0')]).toEqual([
    1, 1, 12, 1020, 1, 1,
  ]);
});

test('open files are half of what the process may have, within reason', () => {
  const limit = (value: string) =>
    openFilesMax(() => `Limit  Soft Limit\nMax open files            ${value}  ${value}  files\n`);
  const unknown = openFilesMax(() => {
    throw new Error('no procfs');
  });
  expect([limit('1024'), limit('1048576'), limit('unlimited'), limit('16'), unknown]).toEqual([
    512, 16_384, 16_384, 64, 2_048,
  ]);
});
