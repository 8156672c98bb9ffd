import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Founder } from '../arguments.ts';
import { CommandError } from '../errors.ts';
import { serverEntry } from '../server-process.ts';

/** What a data directory is made of. */
export interface FormatRequest {
  readonly directory: string;
  readonly node: number;
  readonly cluster: string;
  /** All founders, in the order that all of them have. */
  readonly founders: readonly Founder[];
}

/** Output of a formatting that is kept, characters: it is one line when it works, a few when it does not. */
const OUTPUT_MAX = 16_384;

/**
 * Makes a data directory. The server does it, in a process: whoever writes the file is whoever reads it, of the
 * same version.
 *
 * @throws CommandError with the server's code, e.g. `directoryNotEmpty`
 */
export async function formatDirectory({ directory, node, cluster, founders }: FormatRequest): Promise<void> {
  const list = founders.map(founderText).join(',');
  const args = [
    '--format',
    '--data',
    directory,
    '--node',
    String(node),
    '--cluster',
    cluster,
    '--founders',
    list,
  ];
  const child = spawn(process.execPath, [serverEntry(), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const collect = (chunk: Buffer): void => {
    if (text.length < OUTPUT_MAX) text += chunk.toString('utf8');
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const [code] = await once(child, 'close');
  if (code !== 0) throw startError(text, `node ${node} could not be formatted`);
}

function founderText({ id, address, host }: Founder): string {
  return host === undefined ? `${id}=${address}` : `${id}=${address}@${host}`;
}

/** Lines from the end in which the reason is looked for. */
const LINES_MAX = 50;

/**
 * What a server said before it ended, as an error: its last log event with a code, or its last line
 * `error CODE: message`, or its last line.
 */
export function startError(log: string, what: string): CommandError {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  for (const line of lines.slice(-LINES_MAX).reverse()) {
    const said = readEvent(line) ?? readText(line);
    if (said !== null) return new CommandError(said.code, `${what}: ${said.message}`);
  }
  return new CommandError('startFailed', `${what}: ${lines.at(-1)?.trim() ?? 'it said nothing'}`);
}

interface Said {
  readonly code: string;
  readonly message: string;
}

function readEvent(line: string): Said | null {
  if (!line.startsWith('{')) return null;
  try {
    const { code, message, msg } = JSON.parse(line) as Record<string, unknown>;
    const text = typeof message === 'string' ? message : msg;
    return typeof code === 'string' && typeof text === 'string' ? { code, message: text } : null;
  } catch {
    return null;
  }
}

function readText(line: string): Said | null {
  const match = /\b(?:error |vireo: )([a-z][A-Za-z]+): (.+)$/.exec(line);
  return match === null ? null : { code: match[1]!, message: match[2]! };
}
