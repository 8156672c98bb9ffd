import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as dial } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { output } from './child-output.ts';
import type { Figures, Load } from './loads.ts';

/**
 * The bare path: three processes on ports 9200 to 9202 that do what the data path must do and nothing else. Given
 * as a directory with `node.mjs` and `load.mjs`; it needs `@node-rs/crc32` in a `node_modules` above itself.
 */
export class Baseline {
  readonly #directory: string;
  readonly #nodes: ChildProcess[];
  readonly #data: string;

  private constructor(directory: string, nodes: ChildProcess[], data: string) {
    this.#directory = directory;
    this.#nodes = nodes;
    this.#data = data;
  }

  static async start(directory: string, scratch: string, mode: 'disk' | 'memory'): Promise<Baseline> {
    const data = await mkdtemp(join(scratch, 'bare-path-'));
    const nodes: ChildProcess[] = [];
    const baseline = new Baseline(directory, nodes, data);
    try {
      for (const id of [1, 2, 0]) {
        nodes.push(
          spawn(process.execPath, ['node.mjs', String(id), mode], {
            cwd: directory,
            env: { ...process.env, DATA: data },
            stdio: ['ignore', 'ignore', 'inherit'],
          }),
        );
        await listening(9200 + id);
      }
    } catch (error) {
      await baseline.stop();
      throw error;
    }
    await sleep(500);
    return baseline;
  }

  async run(load: Load, seconds: number): Promise<Figures> {
    const args = ['load.mjs', load.recordBytes, load.batchRecords, load.inFlight, seconds].map(String);
    const text = await output(process.execPath, args, this.#directory);
    const line = text.trim().split('\n').at(-1) ?? '';
    const found =
      /: (?<records>\d+)k rec\/s (?<mb>\d+)MB\/s p50 (?<p50>[\d.]+)ms p99 (?<p99>[\d.]+)ms p999 (?<p999>[\d.]+)ms/.exec(
        line,
      )?.groups;
    if (found === undefined) throw new Error(`the bare path printed: ${line}`);
    const p50Ms = Number(found.p50);
    return {
      // It prints thousands; with one record at a time the latency tells more.
      recordsPerSecond: load.inFlight === 1 ? 1000 / p50Ms : Number(found.records) * 1000,
      megabytesPerSecond: Number(found.mb),
      p50Ms,
      p99Ms: Number(found.p99),
      p999Ms: Number(found.p999),
    };
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) {
      node.kill('SIGTERM');
      if (node.exitCode === null && node.signalCode === null) await once(node, 'exit');
    }
    await rm(this.#data, { recursive: true, force: true });
  }
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = dial(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}
