import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Output } from './output.ts';

function textOf(stream: PassThrough): string {
  return (stream.read() as Buffer | null)?.toString('utf8') ?? '';
}

function failing(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: on purpose`), { code })),
  });
}

describe('data', () => {
  test('is written by itself soon after, so that a slow topic can be watched', async () => {
    const data = new PassThrough();
    const output = new Output(data, new PassThrough(), false);
    expect(output.line('a')).toBeUndefined();
    expect(output.jsonLine({ b: 1 })).toBeUndefined();
    await turn();
    expect(textOf(data)).toBe('a\n{"b":1}\n');
  });

  test('waits for a reader that is behind', async () => {
    const data = new PassThrough({ highWaterMark: 1_000 });
    const output = new Output(data, new PassThrough(), false);
    const behind = output.line('x'.repeat(100_000));
    expect(behind).toBeInstanceOf(Promise);
    data.resume();
    await behind;
  });

  test('is dropped quietly when its reader has left, and the command is told to stop', async () => {
    const output = new Output(failing('EPIPE'), new PassThrough(), false);
    expect(output.signal.aborted).toBe(false);
    output.line('a');
    await output.flush();
    await turn();
    expect(output.signal.aborted).toBe(true);
    expect(output.failure).toBeUndefined();
    expect(output.line('x'.repeat(100_000))).toBeUndefined();
    await output.flush();
  });

  test('that cannot be written for another reason is a failure', async () => {
    const output = new Output(failing('ENOSPC'), new PassThrough(), false);
    output.line('a');
    await output.flush();
    await turn();
    expect(output.failure?.message).toBe('ENOSPC: on purpose');
  });

  test('does not wait for ever on a reader that leaves while it is behind', async () => {
    const data = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        setTimeout(() => done(Object.assign(new Error('gone'), { code: 'EPIPE' })), 20);
      },
    });
    const output = new Output(data, new PassThrough(), false);
    await output.line('x'.repeat(100_000));
    expect(output.signal.aborted).toBe(true);
  });
});

describe('talk', () => {
  test('is separate from data, and progress is shown on a terminal only', () => {
    const talk = new PassThrough();
    const output = new Output(new PassThrough(), talk, false);
    expect(output.progress('1 %')).toBe(false);
    output.talk('done');
    expect(textOf(talk)).toBe('done\n');
  });

  test('takes the place of progress on a terminal', () => {
    const talk = Object.assign(new PassThrough(), { isTTY: true });
    const output = new Output(new PassThrough(), talk, false);
    expect(output.progress('1 %')).toBe(true);
    output.talk('done');
    output.talk('more');
    expect(textOf(talk)).toBe('\r\x1b[K1 %\r\x1b[Kdone\nmore\n');
  });
});

test('lines are as wide as the terminal, and 80 columns elsewhere', () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  expect(new Output(terminal, new PassThrough(), false)).toMatchObject({ width: 120, terminal: true });
  const file = Object.assign(new PassThrough(), { columns: 120 });
  expect(new Output(file, new PassThrough(), false)).toMatchObject({ width: 80, terminal: false });
});
