import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const serverEntry = fileURLToPath(new URL('../../../apps/server/bin/vireo-server.cjs', import.meta.url));

/** One run of a node as an operating system process: the built server, its log in a file. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly ended: Promise<number | null>;
  readonly listening: Promise<void>;

  constructor(args: readonly string[], log: string, entry = serverEntry) {
    this.#log = log;
    const file = openSync(log, 'a');
    this.#child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', file, file, 'ipc'] });
    closeSync(file);
    this.ended = once(this.#child, 'exit').then(([code]) => code as number | null);
    this.listening = new Promise((resolve, reject) => {
      this.#child.on('message', (message: unknown) => {
        if ((message as { type?: unknown } | null)?.type === 'listening') resolve();
      });
      this.ended.then((code) => reject(new Error(`the node ended with code ${code}:\n${this.logTail()}`)));
    });
    this.listening.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  logTail(): string {
    return readFileSync(this.#log, 'utf8').split('\n').slice(-30).join('\n');
  }
}
