import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { CommandContext } from '../context.ts';
import { serverEntry } from '../server-process.ts';

/** The server ends when this process does, however that comes about. */
const WITH_PARENT = '--exit-with-parent';

/**
 * `server …`: one node in the foreground, with this terminal as its own. Settings are the server's to judge; so are
 * its messages and its exit code.
 */
export async function runServer(context: CommandContext, settings: readonly string[]): Promise<void> {
  const { signal } = context;
  // A group of its own, so that Ctrl-C reaches it once: from here.
  const args = settings.includes(WITH_PARENT) ? settings : [...settings, WITH_PARENT];
  const child = spawn(process.execPath, [serverEntry(), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  const stop = (): void => void child.kill('SIGTERM');
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, ended] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    context.exitCode = code ?? 128 + (ended === null ? 0 : constants.signals[ended]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
