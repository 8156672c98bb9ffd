import { execFile } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../architecture/workspaces.ts';

const readme = readFileSync(join(repositoryRoot, 'packages', 'vsr', 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
const [, output = ''] = /^```text\n([\s\S]*?)^```$/m.exec(readme) ?? [];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the program over the journals in `directory`. */
function run(): Promise<{ code: number; out: string; err: string }> {
  return node(join('examples', 'dist', 'replicated-store.js'), directory);
}

function node(...command: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: repositoryRoot }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

// May have to wait for another build.
beforeAll(async () => {
  const { code, err } = await node(join('scripts', 'ensure-built.mjs'));
  expect(code, err).toBe(0);
}, 180_000);

/** Which server leads first, and who takes over, is for the protocol to decide: only the rest is compared. */
const anyServer = (text: string) => text.replaceAll(/server: [012]/g, 'server: N');

describe('the key-value store of the README of vsr', () => {
  test('is the one in examples, letter for letter', () => {
    const program = readFileSync(join(repositoryRoot, 'examples', 'src', 'replicated-store.ts'), 'utf8');
    expect(blocks.join('\n')).toBe(program);
  });

  test('survives its primary, and a restart from its journals; a second run goes on from them', {
    timeout: 60_000,
  }, async () => {
    for (const time of ['first', 'second']) {
      const { code, out, err } = await run();
      expect(code, `${time} run: ${err}`).toBe(0);
      expect(anyServer(out)).toBe(anyServer(output));
      const [before, after] = [...out.matchAll(/server: (\d)/g)].map(([, server]) => server);
      expect(after, 'another server answered after the death of the first').not.toBe(before);
    }
    // The log was taken up where it ended: each start left its mark, two in the first run of the server that died.
    const starts = [0, 1, 2].map((id) => journal(id).filter((line) => line.endsWith(' []')).length);
    expect(starts.reduce((sum, count) => sum + count, 0)).toBe(14);
  });

  test('cuts the torn end of a journal, and refuses one that is damaged before its end', {
    timeout: 60_000,
  }, async () => {
    expect((await run()).code).toBe(0);
    const whole = journal(1);
    appendFileSync(path(1), `${'0'.repeat(32)} ["prepare AAA`);
    const torn = await run();
    expect(torn.code, torn.err).toBe(0);
    expect(journal(1).slice(0, whole.length)).toEqual(whole);

    const [first = '', second = '', ...rest] = journal(1);
    writeFileSync(path(1), [first, second.replace(/.$/, '?'), ...rest, ''].join('\n'));
    const damaged = await run();
    expect(damaged.code).toBe(1);
    expect(damaged.err).toContain('1.journal: line 2 is damaged');
  });
});

const path = (id: number) => join(directory, `${id}.journal`);
const journal = (id: number) => readFileSync(path(id), 'utf8').trimEnd().split('\n');
