import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const VIREO = fileURLToPath(new URL('../../bin/vireo.mjs', import.meta.url));

/** A small journal: nodes of the default size make files of 64 MiB for a handful of records. */
const ENVIRONMENT = {
  ...process.env,
  NO_COLOR: '1',
  VIREO_SERVER: undefined,
  VIREO_LIMITS_JOURNAL_FILES: '4',
  VIREO_LIMITS_JOURNAL_FILE_BYTES: String(16 * 1024 * 1024),
};

/** What a process has written so far. */
export interface ProcessText {
  out: string;
  err: string;
}

/** A command that has ended. */
export interface Ended extends ProcessText {
  readonly code: number | null;
}

const started = new Set<ChildProcess>();

/** Starts the real command in a process of its own. */
export function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [VIREO, ...args], { env: ENVIRONMENT, stdio: 'pipe' });
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
}

/** Also after a failed test nothing stays behind: what a command has started ends with it. */
export function killStarted(): void {
  for (const child of started) child.kill('SIGKILL');
}

/** Keeps what the process writes; the object grows with it. */
export function collect(child: ChildProcess): ProcessText {
  const text = { out: '', err: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    text.out += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    text.err += chunk.toString('utf8');
  });
  return text;
}

/** Runs one command to its end. */
export async function runCommand(args: readonly string[], input = ''): Promise<Ended> {
  const child = start(args);
  const text = collect(child);
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...text };
}

/** Whether a process of this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A port P such that P … P + 22 are free as nodes need them: 10 apart, each with its health two above. */
export async function freePorts(): Promise<number> {
  for (;;) {
    // Below the range that the system gives to outgoing connections.
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const ports = [0, 10, 20].flatMap((step) => [port + step, port + step + 2]);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const free = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]);
  server.close();
  return free;
}
