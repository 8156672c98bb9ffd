import { describe, expect, test } from 'vitest';
import { findDeterminismViolations } from './determinism-rules.ts';
import { readSources, workspaces } from './workspaces.ts';

const pure = Object.entries(workspaces).filter(([, workspace]) => workspace.pure);

describe('pure packages are deterministic', () => {
  for (const [name, { directory }] of pure) {
    test(`${name} has no clock, chance, promise or input and output of its own`, () => {
      const sources = readSources(directory).filter(({ path }) => !path.endsWith('.test.ts'));
      // Zero files would pass every rule.
      expect(sources.length).toBeGreaterThan(0);
      expect(sources.flatMap(findDeterminismViolations)).toEqual([]);
    });
  }
});

/** One bad example a rule: without it a rule that matches nothing would look like clean code. */
const refused: readonly (readonly [rule: string, example: string])[] = [
  ['Math.random', 'const n = Math.random();'],
  ['Math.random', "const n = Math['random']();"],
  ['Math as a value', 'const { random } = Math;'],
  ['Math as a value', 'const m = Math;'],
  ['async', 'async function f() {}'],
  ['async', 'const f = async () => 1;'],
  ['async', 'class A { async f() {} }'],
  ['await', 'await f();'],
  ['await', 'for await (const x of y) g(x);'],
  ['.then', 'f().then(g);'],
  ['.then', "f()['then'](g);"],
  ['.then', 'const { then } = f();'],
  ['node:fs', "import { readFileSync } from 'node:fs';"],
  ['node:zlib', "export { crc32 } from 'node:zlib';"],
  ['node:net', "export * from 'node:net';"],
  ['node:net', "type S = import('node:net').Socket;"],
  ['fs', "import fs from 'fs';"],
  ['fs/promises', "import { open } from 'fs/promises';"],
  ['import()', "const m = import('./late.ts');"],
  ['import.meta', 'const here = import.meta.url;'],
  ['require', "const fs = require('x');"],
  ['Date', 'const now = Date.now();'],
  ['Date', 'const now = new Date();'],
  ['Date', 'function f(at: Date) {}'],
  ['performance', 'const now = performance.now();'],
  ['setTimeout', 'setTimeout(f, 1);'],
  ['clearTimeout', 'clearTimeout(t);'],
  ['setInterval', 'setInterval(f, 1);'],
  ['clearInterval', 'clearInterval(t);'],
  ['setImmediate', 'setImmediate(f);'],
  ['clearImmediate', 'clearImmediate(t);'],
  ['process', 'const e = process.env.X;'],
  ['queueMicrotask', 'queueMicrotask(f);'],
  ['Promise', 'const p = Promise.resolve(1);'],
  ['Promise', 'function f(): Promise<void> { return g(); }'],
  ['crypto', 'const u = crypto.randomUUID();'],
  ['Worker', "const w = new Worker('x');"],
  ['BroadcastChannel', "const c = new BroadcastChannel('x');"],
  ['MessageChannel', 'const c = new MessageChannel();'],
  ['WebSocket', "const s = new WebSocket('ws://x');"],
  ['EventSource', "const s = new EventSource('http://x');"],
  ['Atomics', 'Atomics.wait(a, 0, 0);'],
  ['SharedArrayBuffer', 'const s = new SharedArrayBuffer(8);'],
  ['WeakRef', 'const r = new WeakRef(o);'],
  ['FinalizationRegistry', 'const r = new FinalizationRegistry(f);'],
  ['fetch', "const r = fetch('http://x');"],
  ['Intl', 'const f = new Intl.NumberFormat();'],
  ['.toLocaleString', 'const s = n.toLocaleString();'],
  ['.toLocaleLowerCase', 'const s = t.toLocaleLowerCase();'],
  ['.localeCompare', 'names.sort((a, b) => a.localeCompare(b));'],
  ['console', "console.log('x');"],
  ['globalThis', "const D = globalThis['Da' + 'te'];"],
  ['global', 'const p = global.x;'],
  ['eval', "eval('1');"],
];

describe('each determinism rule refuses its bad example', () => {
  test.each(refused)('%s: %s', (rule, example) => {
    expect(findDeterminismViolations({ path: 'bad.ts', text: `\n${example}\n` })).toContain(
      `bad.ts:2 ${rule}`,
    );
  });
});

test('the determinism rules let names pass that only look like the banned ones', () => {
  const text = `
    import { encode } from './encode.ts';
    interface Event { readonly process: number; Date(): void; }
    const table = { fetch: 1, crypto: 2, 'node:fs': 3 };
    class Host { process(event: Event) { return event.process + table.fetch; } then = 1; }
    const bytes = Buffer.alloc(Math.max(1, Math['min'](2, 3)));
    // Date.now() in a comment, and in a string:
    const text = 'await setTimeout(Math.random())';
  `;
  expect(findDeterminismViolations({ path: 'good.ts', text })).toEqual([]);
});
