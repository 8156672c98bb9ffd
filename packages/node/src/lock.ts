import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { NodeStartError, systemCode } from './start-errors.ts';

/** Name of the lock file in a data directory. */
export const LOCK_FILE = 'lock';
/** Takeovers of one stale lock that may have been interrupted before somebody has to look. */
const CLAIMS_MAX = 100;

interface Holder extends ProcessIdentity {
  /** Drawn for each lock taken: tells two locks of one process apart. */
  readonly nonce: string;
}

/** Holds a data directory for this process. */
export interface DirectoryLock {
  /** Lets another process open the directory. Later calls do nothing. */
  release(): void;
}

/**
 * Takes the data directory for this process, or says who has it. The lock of a process that has died is taken
 * over.
 *
 * Node offers no `flock`, so the lock is a file that names its holder. It is made by `link`, which either
 * creates it whole or fails. Taking over a stale one must not race with another process that found the same
 * one: both would first see the dead pid, and the slower one would replace the lock of the faster. So a
 * takeover is claimed by a file named after the stale lock's nonce, made exclusively, and the lock is read
 * again after that: only the holder of the claim may replace that very lock, and it is replaced but once.
 *
 * @throws NodeStartError directoryInUse (with the other's pid), directoryMissing, directoryDenied, diskFailed
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, LOCK_FILE);
  const own: Holder = { ...thisProcess(), nonce: randomBytes(8).toString('hex') };
  const draft = `${path}.${own.nonce}`;
  try {
    writeFileSync(draft, `${JSON.stringify(own)}\n`, { flag: 'wx' });
    try {
      while (!tryLink(draft, path)) {
        const holder = readHolder(path);
        if (holder === null) continue;
        if (isRunning(holder)) throw inUse(directory, holder.pid);
        if (takeOver(directory, path, draft, holder)) break;
      }
    } finally {
      rmSync(draft, { force: true });
    }
  } catch (error) {
    throw asStartError(directory, error);
  }
  let released = false;
  return {
    release: () => {
      if (released) return;
      released = true;
      if (readHolder(path)?.nonce === own.nonce) rmSync(path, { force: true });
    },
  };
}

/** Makes the lock; false when there is one. */
function tryLink(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Replaces the lock of `stale` by `draft`; false when it is no longer that one. Exported for its test. */
export function takeOver(directory: string, path: string, draft: string, stale: Holder): boolean {
  const claims: string[] = [];
  const claimed = () => {
    for (let attempt = 1; attempt <= CLAIMS_MAX; attempt++) {
      const claim = `${path}.${stale.nonce}.${attempt}`;
      claims.push(claim);
      if (tryLink(draft, claim)) return true;
      const other = readHolder(claim);
      // Gone: whoever had it is done, and the lock is another one now.
      if (other === null) return false;
      if (isRunning(other)) throw inUse(directory, other.pid);
      // It died between its claim and the replacement: the next number is the next to decide.
    }
    throw new NodeStartError(
      'directoryInUse',
      `${path} can not be taken over: remove ${path}.* and start again`,
    );
  };
  if (!claimed()) return false;
  const unchanged = readHolder(path)?.nonce === stale.nonce;
  if (unchanged) renameSync(draft, path);
  for (const claim of claims) rmSync(claim, { force: true });
  return unchanged;
}

/**
 * Who holds the lock; null when there is none. An unreadable one is nobody's that runs: it is written before it
 * gets its name, so only a crash of the machine can have left it so.
 */
function readHolder(path: string): Holder | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (
      typeof value === 'object' &&
      value !== null &&
      'pid' in value &&
      'nonce' in value &&
      'started' in value
    ) {
      const { pid, nonce, started } = value;
      if (typeof pid === 'number' && pid > 0 && typeof nonce === 'string' && /^[0-9a-f]{16}$/.test(nonce)) {
        return { pid, nonce, started: typeof started === 'string' ? started : null };
      }
    }
  } catch {
    // Falls through: not JSON.
  }
  // No process has this pid.
  return { pid: 0x7fff_ffff, nonce: 'unreadable', started: null };
}

function inUse(directory: string, pid: number): NodeStartError {
  return new NodeStartError(
    'directoryInUse',
    `${directory} is open in the process with pid ${pid}: stop it first`,
  );
}

function asStartError(directory: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof NodeStartError || code === null) return error;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new NodeStartError(
      'directoryMissing',
      `${directory} is not a directory: make one with \`vireo node format\``,
      error,
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new NodeStartError('directoryDenied', `${directory} can not be written: ${String(error)}`, error);
  }
  return new NodeStartError('diskFailed', `${directory} can not be locked: ${String(error)}`, error);
}
