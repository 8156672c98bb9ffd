import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LOCK_FILE, lockDirectory, takeOver } from './lock.ts';
import { thisProcess } from './process-identity.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-lock-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** The pid of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.on('exit', resolve));
  return child.pid ?? 0;
}

function writeLock(holder: object): void {
  writeFileSync(join(directory, LOCK_FILE), JSON.stringify(holder));
}

describe('lock of a data directory', () => {
  test('a second opening is refused and names the pid of the first', () => {
    const lock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(
      expect.objectContaining({
        code: 'directoryInUse',
        message: expect.stringContaining(`pid ${process.pid}`),
      }),
    );
    lock.release();
    lockDirectory(directory).release();
  });

  test('is the only file it leaves, and none after release', () => {
    const lock = lockDirectory(directory);
    expect(readdirSync(directory)).toEqual([LOCK_FILE]);
    lock.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('of a dead process is taken over', async () => {
    writeLock({ pid: await deadPid(), started: null, nonce: '0123456789abcdef' });
    const lock = lockDirectory(directory);
    expect(JSON.parse(readFileSync(join(directory, LOCK_FILE), 'utf8'))).toMatchObject({ pid: process.pid });
    expect(readdirSync(directory)).toEqual([LOCK_FILE]);
    lock.release();
  });

  test('of a process whose pid another one has now is taken over', () => {
    writeLock({ pid: process.pid, started: 'an-earlier-boot/1', nonce: '0123456789abcdef' });
    lockDirectory(directory).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a takeover that died in the middle is taken over too', async () => {
    const nonce = '0123456789abcdef';
    writeLock({ pid: await deadPid(), started: null, nonce });
    const claim = { pid: await deadPid(), started: null, nonce: 'fedcba9876543210' };
    writeFileSync(join(directory, `${LOCK_FILE}.${nonce}.1`), JSON.stringify(claim));
    const lock = lockDirectory(directory);
    expect(readdirSync(directory)).toEqual([LOCK_FILE]);
    lock.release();
  });

  test('a takeover by a process that runs is left to it', async () => {
    const nonce = '0123456789abcdef';
    writeLock({ pid: await deadPid(), started: null, nonce });
    const claim = { ...thisProcess(), nonce: 'fedcba9876543210' };
    writeFileSync(join(directory, `${LOCK_FILE}.${nonce}.1`), JSON.stringify(claim));
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'directoryInUse' }));
    expect(JSON.parse(readFileSync(join(directory, LOCK_FILE), 'utf8'))).toMatchObject({ nonce });
  });

  test('one that does not read is taken over', () => {
    writeFileSync(join(directory, LOCK_FILE), '');
    lockDirectory(directory).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('release leaves the lock of a successor alone', () => {
    const lock = lockDirectory(directory);
    writeLock({ ...thisProcess(), nonce: '0123456789abcdef' });
    lock.release();
    expect(readdirSync(directory)).toEqual([LOCK_FILE]);
  });

  test('a missing directory has its own code', () => {
    expect(() => lockDirectory(join(directory, 'none'))).toThrow(
      expect.objectContaining({
        code: 'directoryMissing',
        message: expect.stringContaining('vireo node format'),
      }),
    );
  });

  test('who found a lock stale that another has taken over meanwhile changes nothing', async () => {
    const stale = { pid: await deadPid(), started: null, nonce: '0123456789abcdef' };
    writeLock(stale);
    const path = join(directory, LOCK_FILE);
    const faster = lockDirectory(directory);
    const before = readFileSync(path, 'utf8');
    writeFileSync(`${path}.slower`, JSON.stringify({ ...thisProcess(), nonce: 'fedcba9876543210' }));
    expect(takeOver(directory, path, `${path}.slower`, stale)).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe(before);
    faster.release();
  });
});
