import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { run } from './run.ts';

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function vireo(...args: string[]): Promise<Outcome> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await run(args, { stdin: new PassThrough(), stdout, stderr }, new AbortController().signal);
  const text = (stream: PassThrough) => (stream.read() as Buffer | null)?.toString('utf8') ?? '';
  return { code, out: text(stdout), err: text(stderr) };
}

const COMMANDS = [
  'dev',
  'server',
  'node format',
  'stream create',
  'stream ls',
  'stream describe',
  'stream rm',
  'topic create',
  'topic ls',
  'topic describe',
  'topic rm',
  'produce',
  'consume',
  'cluster describe',
  'cluster primary',
  'stats',
];

describe('help', () => {
  test('is what vireo alone shows, on standard output', async () => {
    const { code, out, err } = await vireo();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^ {2}${command.split(' ')[0]} `, 'm'));
    expect((await vireo('--help')).out).toBe(out);
  });

  test.each(COMMANDS)('of %s shows the options of all commands and fits into 80 columns', async (command) => {
    const { code, out } = await vireo(...command.split(' '), '--help');
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^Usage: vireo ${command}[ |]`));
    expect(out).toContain('--server <host:port,…>');
    expect(out).toContain('--json');
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

describe('a wrong command line ends with code 2, says why and where to look', () => {
  const refused: readonly (readonly [args: readonly string[], expected: string | RegExp])[] = [
    [['topic', 'crate'], "error usage: unknown command 'crate'\nhint: Did you mean create?\n"],
    [['topic', 'ls', '--jsn'], "error usage: unknown option '--jsn'\nhint: Did you mean --json?\n"],
    [
      ['stream', 'create'],
      "error usage: missing required argument 'name'\nhint: see: vireo stream create --help\n",
    ],
    [['stream', 'ls', 'x', 'y'], /^error usage: too many arguments.*\nhint: see: vireo stream ls --help\n$/],
    [['produce', 'orders'], "error usage: 'orders' is not a topic\nhint: topics are written STREAM/TOPIC"],
    [['--server', 'nowhere', 'stats'], "error usage: 'nowhere' is not an address\n"],
    [
      ['topic', 'create', 'a/b', '--partitions', '0'],
      "error usage: --partitions is '0', allowed are whole numbers",
    ],
    [
      ['topic', 'create', 'a/b', '--durability', 'paper'],
      /^error usage: option '--durability <mode>' argument 'paper'/,
    ],
    [['consume', 'a/b', '--from', '-1'], "error usage: --from is '-1'\n"],
    [['cluster', 'primary', '--topic', 'a/b'], /^error usage: required option '--partition/],
    [
      ['node', 'format', '--data', 'd', '--node', '1', '--cluster', 'c', '--founders', '0=a:1'],
      '--founders does not',
    ],
  ];
  test.each(refused)('%j', async (args, expected) => {
    const { code, out, err } = await vireo(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    if (typeof expected === 'string') expect(err).toContain(expected);
    else expect(err).toMatch(expected);
  });

  test('in JSON, too', async () => {
    const { code, out, err } = await vireo('topic', 'crate', '--json');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(JSON.parse(err)).toEqual({
      error: { code: 'usage', message: "unknown command 'crate'", hint: 'Did you mean create?' },
    });
  });

  test('a group of commands without one shows what there is', async () => {
    const { code, out, err } = await vireo('cluster');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('describe');
    expect(err).toContain('error usage: vireo cluster needs a command\n');
  });
});
