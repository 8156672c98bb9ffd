import { hostname } from 'node:os';
import { formatNode } from '@vireo/node';
import { ConfigError } from './config.ts';

/** Flags of `--format`, all with a value. */
const FLAGS = ['--data', '--cluster', '--node', '--founders'] as const;

/**
 * `--format --data DIR --cluster NAME --node I --founders 0=host:port,1=host:port@host-label`: makes a data
 * directory. A label names the machine of a founder: a group never has two replicas on one. Default: the host of its
 * address, for loopback this machine's name.
 *
 * @returns what stands in its `node.json`.
 * @throws ConfigError, NodeStartError
 */
export function runFormat(argv: readonly string[]): ReturnType<typeof formatNode> {
  const values = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--format') continue;
    const [flag = '', inline] = argument.split(/=(.*)/s);
    if (!(FLAGS as readonly string[]).includes(flag)) {
      throw new ConfigError(`unknown flag ${flag} beside --format, known are ${FLAGS.join(', ')}`);
    }
    const value = inline ?? argv[++index];
    if (value === undefined) throw new ConfigError(`${flag} needs a value`);
    values.set(flag, value);
  }
  const required = (flag: (typeof FLAGS)[number]) => {
    const value = values.get(flag);
    if (value === undefined) throw new ConfigError(`--format needs ${flag}`);
    return value;
  };
  const node = required('--node');
  if (!/^\d{1,10}$/.test(node)) throw new ConfigError(`--node must be a node id, is ${JSON.stringify(node)}`);
  return formatNode({
    directory: required('--data'),
    cluster: required('--cluster'),
    node: Number(node),
    founders: required('--founders').split(',').map(parseFounder),
  });
}

function parseFounder(text: string): { id: number; address: string; host: string } {
  const match = /^(\d{1,10})=([^@]+)(?:@(.+))?$/.exec(text);
  if (match === null) {
    throw new ConfigError(
      `--founders must list id=host:port or id=host:port@label, is ${JSON.stringify(text)}`,
    );
  }
  const [, id, address = '', label] = match;
  const name = address.slice(0, address.lastIndexOf(':'));
  const loopback = name.startsWith('127.') || name === 'localhost' || name === '[::1]';
  return { id: Number(id), address, host: label ?? (loopback ? hostname() : name) };
}
