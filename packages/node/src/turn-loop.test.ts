import { afterEach, describe, expect, test } from 'vitest';
import { TurnClock } from './clock.ts';
import type { NodeCore } from './node-core.ts';
import { TurnLoop } from './turn-loop.ts';

const loops: TurnLoop[] = [];
afterEach(() => {
  for (const loop of loops.splice(0)) loop.stop();
});

/** A loop around a core that writes down its calls. */
function setup(tickMs = 60_000) {
  const log: string[] = [];
  const failures: unknown[] = [];
  const clock = new TurnClock();
  const loop = new TurnLoop({
    clock,
    tickMs,
    flush: () => log.push('flush'),
    failed: (error) => failures.push(error),
  });
  const core: NodeCore = {
    accepted: () => log.push('accepted'),
    dialed: () => log.push('dialed'),
    dialFailed: () => log.push('dialFailed'),
    received: () => log.push('received'),
    queued: () => log.push('queued'),
    closed: () => log.push('closed'),
    tick: () => log.push('tick'),
    settle: () => log.push('settle'),
  };
  loops.push(loop);
  return { loop, core, log, failures, clock };
}

const immediate = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  test('all events of one turn of the event loop are settled and flushed once, after the last', async () => {
    const { loop, core, log } = setup();
    loop.start(core);
    loop.accepted(1);
    loop.received(1, Buffer.alloc(1));
    loop.run('written', () => log.push('written'));
    process.nextTick(() => loop.dialed(2, 1, 'bulk'));
    await immediate();
    expect(log).toEqual(['accepted', 'received', 'written', 'dialed', 'settle', 'flush']);
    loop.queued(1, 5);
    loop.dialFailed(1, 'bulk', true);
    loop.closed(1);
    await immediate();
    expect(log.slice(6)).toEqual(['queued', 'dialFailed', 'closed', 'settle', 'flush']);
  });

  test('without events nothing is settled', async () => {
    const { loop, core, log } = setup();
    loop.start(core);
    await immediate();
    await immediate();
    expect(log).toEqual([]);
  });

  test('the clock is read once a turn', async () => {
    const { loop, core, clock } = setup();
    loop.start(core);
    loop.accepted(1);
    const first = clock.monotonicMs();
    const until = performance.now() + 2;
    while (performance.now() < until);
    loop.closed(1);
    expect(clock.monotonicMs()).toBe(first);
    await immediate();
    loop.accepted(2);
    expect(clock.monotonicMs()).toBeGreaterThan(first);
  });

  test('ticks come at their interval, and a blocked loop shows as lag', async () => {
    const { loop, core, log } = setup(5);
    loop.start(core);
    await expect.poll(() => log.filter((name) => name === 'tick').length).toBeGreaterThanOrEqual(3);
    const until = performance.now() + 60;
    while (performance.now() < until);
    await expect.poll(() => loop.lag.max / 1000).toBeGreaterThan(40);
  });

  test('events before the start and after the stop are dropped', async () => {
    const { loop, core, log } = setup();
    loop.accepted(1);
    loop.start(core);
    loop.stop();
    loop.received(1, Buffer.alloc(1));
    loop.run('written', () => log.push('written'));
    await immediate();
    expect(log).toEqual([]);
  });

  test('the trace tells what went in', () => {
    const { loop, core } = setup();
    loop.start(core);
    loop.received(7, Buffer.alloc(3));
    expect(loop.trace.events()).toMatchObject([{ name: 'received', first: 7, second: 3 }]);
  });
});

describe('a core that throws', () => {
  test.each([
    ['in an event', (loop: TurnLoop) => loop.received(1, Buffer.alloc(1)), { received: boom }],
    ['in a completion', (loop: TurnLoop) => loop.run('written', boom), {}],
    ['in settle', (loop: TurnLoop) => loop.accepted(1), { settle: boom }],
    ['in a tick', () => {}, { tick: boom }],
  ])('%s is reported once and never called again', async (_where, act, broken) => {
    const { loop, core, log, failures } = setup(5);
    loop.start({ ...core, ...broken });
    act(loop);
    await expect.poll(() => failures.length).toBe(1);
    const calls = log.length;
    loop.accepted(2);
    loop.run('written', () => log.push('written'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(log.slice(calls).filter((name) => name !== 'flush')).toEqual([]);
    expect(failures).toEqual([expect.objectContaining({ message: 'boom' })]);
  });
});

function boom(): never {
  throw new Error('boom');
}
