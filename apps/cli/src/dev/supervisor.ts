import { setTimeout as sleep } from 'node:timers/promises';
import { describeEnd, NodeProcess, type ProcessEnd, type ProcessSpec } from './node-process.ts';

/** How a set of nodes is kept. */
export interface SupervisorOptions {
  /** A node that ended is started again. */
  readonly restart: boolean;
  /** Wait before that, ms. */
  readonly restartDelayMs: number;
  /** After SIGTERM, ms; then SIGKILL. */
  readonly stopGraceMs: number;
}

/** 1 s before a restart, 10 s for a graceful end. */
export const SUPERVISOR_DEFAULTS = { restartDelayMs: 1_000, stopGraceMs: 10_000 } as const;

/** A node to be run. */
export interface SupervisedNode {
  readonly id: number;
  readonly spec: ProcessSpec;
}

/** A node ended before it listened for the first time. */
export class StartFailure extends Error {
  readonly node: number;
  readonly end: ProcessEnd;

  constructor(node: number, end: ProcessEnd) {
    super(`node ${node} ${describeEnd(end)} before it listened`);
    this.name = 'StartFailure';
    this.node = node;
    this.end = end;
  }
}

/** Starts nodes, starts them again when they end, stops them all. */
export class Supervisor {
  readonly #nodes: readonly SupervisedNode[];
  readonly #options: SupervisorOptions;
  readonly #talk: (text: string) => void;
  readonly #running = new Map<number, NodeProcess>();
  readonly #stopping = new AbortController();
  readonly #keepers: Promise<void>[] = [];

  constructor(nodes: readonly SupervisedNode[], options: SupervisorOptions, talk: (text: string) => void) {
    this.#nodes = nodes;
    this.#options = options;
    this.#talk = talk;
  }

  /** The process of a node; 0 while it has none. */
  pidOf(node: number): number {
    const run = this.#running.get(node);
    return run?.running === true ? run.pid : 0;
  }

  /** Starts all and waits until all listen. @throws StartFailure; the others are then still running: `stop`. */
  async start(): Promise<void> {
    const runs = this.#nodes.map((node) => ({ node, run: this.#startNode(node) }));
    await Promise.all(
      runs.map(async ({ node, run }) => {
        try {
          await run.listening;
        } catch (end) {
          throw new StartFailure(node.id, end as ProcessEnd);
        }
        this.#keepers.push(this.#keep(node, run));
      }),
    );
  }

  /** Resolves when no node runs and none will be started: all have ended without restart, or after `stop`. */
  async finished(): Promise<void> {
    await Promise.all(this.#keepers);
  }

  /** Asks all to end, waits, and kills what is left. Resolves when all are gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const runs = [...this.#running.values()];
    for (const run of runs) run.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), this.#options.stopGraceMs);
    await Promise.all(runs.map((run) => run.ended));
    clearTimeout(timer);
    await this.finished();
  }

  /** Ends all at once, without their consent. */
  kill(): void {
    this.#stopping.abort();
    for (const [id, run] of this.#running) {
      if (!run.running) continue;
      this.#talk(`node ${id} (pid ${run.pid}) did not end in time: killed`);
      run.kill('SIGKILL');
    }
  }

  #startNode(node: SupervisedNode): NodeProcess {
    const run = new NodeProcess(node.spec);
    this.#running.set(node.id, run);
    return run;
  }

  /** Follows one node through its runs. */
  async #keep(node: SupervisedNode, first: NodeProcess): Promise<void> {
    const { restart, restartDelayMs } = this.#options;
    for (let run = first; ; ) {
      const { pid } = run;
      const end = await run.ended;
      if (this.#stopping.signal.aborted) return;
      const what = `node ${node.id} (pid ${pid}) ${describeEnd(end)}`;
      if (!restart) {
        this.#talk(`${what}; it is not restarted`);
        return;
      }
      this.#talk(`${what}; it is restarted in ${restartDelayMs / 1_000} s`);
      try {
        await sleep(restartDelayMs, undefined, { signal: this.#stopping.signal });
      } catch {
        return;
      }
      run = this.#startNode(node);
      const { pid: newPid } = run;
      run.listening.then(
        () => this.#talk(`node ${node.id} runs again, pid ${newPid}`),
        // The end is told by the next turn of the loop.
        () => {},
      );
    }
  }
}
