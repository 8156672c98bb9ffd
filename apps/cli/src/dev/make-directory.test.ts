import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeDirectory } from './make-directory.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'vireo-make-'));
});
afterEach(() => {
  rmSync(scratch, { recursive: true });
});

test('a directory is made with those above it, once', () => {
  const path = join(scratch, 'a', 'b', 'c');
  makeDirectory(path);
  makeDirectory(path);
  expect(statSync(path).isDirectory()).toBe(true);
});

test('below a file none can be made', () => {
  writeFileSync(join(scratch, 'file'), '');
  expect(() => makeDirectory(join(scratch, 'file', 'a'))).toThrow(
    expect.objectContaining({ code: 'directoryDenied' }),
  );
});

test('below /proc none can be made, and that is found out', () => {
  expect(() => makeDirectory('/proc/vireo/a')).toThrow(expect.objectContaining({ code: 'directoryDenied' }));
});
