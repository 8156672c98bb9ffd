import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What is started for one node. */
export interface ProcessSpec {
  /** JavaScript file of the server. */
  readonly entry: string;
  readonly args: readonly string[];
  /** Gets standard output and error, appended. */
  readonly log: string;
}

/**
 * One run of a node: an operating system process of its own. It tells over IPC when it listens, and ends itself
 * when that channel closes, so it never outlives whoever started it, not even after SIGKILL.
 */
export class NodeProcess {
  readonly #child: ChildProcess;
  /** Resolves when it accepts connections; rejects with its end, if that comes first. Handle one of the two. */
  readonly listening: Promise<void>;
  readonly ended: Promise<ProcessEnd>;
  #end: ProcessEnd | null = null;

  constructor({ entry, args, log }: ProcessSpec) {
    const file = openSync(log, 'a');
    // A group of its own: Ctrl-C reaches only the parent, which stops its nodes in its own way.
    this.#child = spawn(process.execPath, [entry, ...args], {
      stdio: ['ignore', file, file, 'ipc'],
      detached: true,
    });
    closeSync(file);
    this.ended = once(this.#child, 'exit').then(
      ([code, signal]) =>
        this.#over({ code: code as number | null, signal: signal as NodeJS.Signals | null }),
      // It could not even be started.
      () => this.#over({ code: null, signal: null }),
    );
    this.listening = new Promise((resolve, reject) => {
      this.#child.on('message', (message: unknown) => {
        if (
          typeof message === 'object' &&
          message !== null &&
          'type' in message &&
          message.type === 'listening'
        ) {
          resolve();
        }
      });
      this.ended.then(reject);
    });
    // Whoever does not wait for it learns of the end from `ended`.
    this.listening.catch(() => {});
  }

  #over(end: ProcessEnd): ProcessEnd {
    this.#end = end;
    return end;
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#end === null;
  }

  kill(signal: NodeJS.Signals): void {
    // Also right for a stopped process: SIGKILL ends it, SIGTERM waits until it is continued.
    if (this.running) this.#child.kill(signal);
  }
}

/** `ended with code 1`, `was ended by SIGKILL`. */
export function describeEnd({ code, signal }: ProcessEnd): string {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? 'could not be started' : `ended with code ${code}`;
}
