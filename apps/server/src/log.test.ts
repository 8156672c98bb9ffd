import { describe, expect, test } from 'vitest';
import { fatalLine, type LogOptions, ServerLog } from './log.ts';

function written(options: Partial<LogOptions>, write: (log: ServerLog) => void): string[] {
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line) };
  write(new ServerLog({ level: 'info', format: 'auto', terminal: false, output, ...options }));
  return lines;
}

describe('log', () => {
  test('one event is one JSON line with its name, its level as a word and its time', () => {
    const lines = written({}, (log) => log.event('warn', 'view.changed', { node: 1, group: 3, view: 7 }));
    expect(lines).toHaveLength(1);
    const event = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(event).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      event: 'view.changed',
      node: 1,
      group: 3,
      view: 7,
    });
  });

  test('events below the level are not written', () => {
    const lines = written({ level: 'warn' }, (log) => {
      log.event('info', 'server.starting', {});
      log.event('error', 'disk.failed', {});
    });
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['disk.failed']);
  });

  test('people get it in their form when asked for, JSON is the form of everything that is no terminal', () => {
    const pretty = written({ format: 'pretty' }, (log) =>
      log.event('info', 'server.starting', { pid: 5 }),
    ).join('');
    expect(pretty).toContain('server.starting');
    expect(() => JSON.parse(pretty)).toThrow();
    const json = written({ format: 'json', terminal: true }, (log) =>
      log.event('info', 'server.starting', { pid: 5 }),
    );
    expect(JSON.parse(json.join(''))).toMatchObject({ pid: 5 });
  });
});

test('the last line of a process is an event with code and message, and plain text for people', () => {
  const fields = { code: 'addressInUse', message: '127.0.0.1:7400 is taken' };
  expect(JSON.parse(fatalLine('server.refused', fields, false))).toMatchObject({
    level: 'fatal',
    event: 'server.refused',
    ...fields,
  });
  expect(fatalLine('server.refused', fields, true)).toBe('vireo: addressInUse: 127.0.0.1:7400 is taken\n');
});
