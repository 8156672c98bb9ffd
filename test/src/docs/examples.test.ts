import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../architecture/workspaces.ts';
import { TestCluster } from '../harness/index.ts';

let cluster: TestCluster;
let seeds: string;

beforeAll(async () => {
  cluster = await TestCluster.start();
  seeds = cluster.nodes.map(({ address }) => address).join(',');
}, 60_000);
afterAll(() => cluster?.stop(), 30_000);

/** A program under way: what it has printed so far. */
interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out: string;
  err: string;
}

/** Starts an example as its first lines say, built first if a source is newer. */
function start(name: string, ...args: readonly string[]): Run {
  const command = [join('scripts', 'ensure-built.mjs'), join('examples', 'dist', `${name}.js`), seeds];
  const child = spawn(process.execPath, [...command, ...args], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const run: Run = { child, ended, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    run.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    run.err += text;
  });
  return run;
}

async function finished(run: Run): Promise<string[]> {
  const code = await run.ended;
  expect(code, run.err).toBe(0);
  return run.out.trimEnd().split('\n');
}

async function until(condition: () => boolean, run: Run): Promise<void> {
  for (const end = Date.now() + 15_000; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`waited in vain; printed so far:\n${run.out}\n${run.err}`);
  }
}

describe("the README's program", () => {
  test('is the one in examples, letter for letter', () => {
    const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8');
    const [, block] = /^```ts\n([\s\S]*?)^```$/m.exec(readme) ?? [];
    expect(block).toBe(readFileSync(join(repositoryRoot, 'examples', 'src', 'quick-start.ts'), 'utf8'));
  });

  test('stores a record and reads it back', { timeout: 30_000 }, async () => {
    const lines = await finished(start('quick-start'));
    expect(lines).toEqual([
      expect.stringMatching(/^stored on disk on a quorum of nodes: partition [012], offset 0$/),
      expect.stringMatching(/^hello world, from node [012] \((primary|backup)\)$/),
    ]);
  });
});

describe("the README's commands", () => {
  test('work as pasted', { timeout: 60_000 }, async () => {
    const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
    const commands = blocks.find((block) => block.includes('npx vireo')) ?? '';
    expect(commands.trimEnd().split(/(?<!&&|\|)\n/)).toHaveLength(3);
    // The default server is another cluster's here: nothing else differs from pasting.
    const shell = spawn('sh', ['-e', '-c', commands], {
      cwd: repositoryRoot,
      env: { ...process.env, VIREO_SERVER: seeds },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    shell.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const [code] = (await once(shell, 'close')) as [number | null];
    expect(code, err).toBe(0);
    for (const value of ['{"country":"DE","total":3}', '{"country":"NO","total":5}']) {
      expect(out).toContain(value);
    }
  });
});

describe('examples', () => {
  test('tail-from-a-backup prints what orders-with-retries stores', { timeout: 60_000 }, async () => {
    // Makes the topic, and tells what went wrong with the one order that can not be stored.
    const first = start('orders-with-retries');
    const before = await finished(first);
    expect(before.filter((line) => / partition \d, offset \d+, acked by node \d$/.test(line))).toHaveLength(
      20,
    );
    expect(first.err).toMatch(/^order-huge: recordTooLarge \(notApplied\): not stored, /);

    const tail = start('tail-from-a-backup', 'shop/orders');
    await until(() => (tail.out.match(/ \(backup\), from \d+\n/g) ?? []).length === 6, tail);
    const second = await finished(start('orders-with-retries'));
    const records = () => tail.out.match(/^partition \d offset \d+ node \d \(backup\): \{.*\}$/gm) ?? [];
    await until(() => records().length === 20, tail);
    tail.child.kill('SIGINT');
    await finished(tail);

    // The same places: what the primary acked is what the backup served.
    const acked = second.map((line) => {
      const [, id, partition, offset] = /^(\S+): partition (\d), offset (\d+),/.exec(line) ?? [];
      return `${partition} ${offset} ${id}`;
    });
    const served = records().map((line) => {
      const [, partition, offset, value = '{}'] =
        /^partition (\d) offset (\d+) [^:]*: (.*)$/.exec(line) ?? [];
      return `${partition} ${offset} ${(JSON.parse(value) as { id: string }).id}`;
    });
    expect(served.toSorted()).toEqual(acked.toSorted());
  });

  test('tail-from-a-backup names the error of a topic that is not there', { timeout: 30_000 }, async () => {
    const run = start('tail-from-a-backup', 'shop/nothing');
    expect(await run.ended).toBe(1);
    expect(run.err).toMatch(/^unknown(Stream|Topic): /);
  });

  test('load-by-key spreads the keys over all partitions and loses none', { timeout: 60_000 }, async () => {
    const lines = await finished(start('load-by-key', '20000'));
    expect(lines[0]).toMatch(/^20000 records in \d+ batches acked in \d+ ms$/);
    const counts = lines.slice(1).map((line) => Number(/^partition \d: (\d+) records$/.exec(line)?.[1]));
    expect(counts).toHaveLength(8);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20_000);
  });
});
