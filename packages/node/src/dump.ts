import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { EventTrace } from './event-trace.ts';

/** Raised with every change of what is written here; the simulator reads it. */
const DUMP_FORMAT = 2;

/** What a dump says about the node that failed. */
interface DumpSubject {
  readonly directory: string;
  readonly node: number;
  readonly trace: EventTrace;
  /** The core's own view of itself; may throw, as its owner just did. */
  readonly stats: () => unknown;
  /** Plain JSON values; null: the error did not come out of a replica. */
  readonly recording: () => unknown;
}

/**
 * Writes what is known about a node that broke a promise to itself: the error with what it says about the state
 * around it, the last events, the statistics. When it came out of a replica, also the replica's state some thousand
 * calls ago and those calls: `npm run simulate -- --dump FILE` goes through them again.
 *
 * @returns the file's path, or null when it could not be written: the process ends all the same.
 */
export function writeDump(
  error: unknown,
  { directory, node, trace, stats, recording }: DumpSubject,
): string | null {
  const time = new Date().toISOString();
  const path = join(directory, `dump-${time.replaceAll(':', '')}-${process.pid}.json`);
  // `inspect`, because what an assertion carries may hold buffers, maps, bigints and cycles.
  const text = (value: unknown) => inspect(value, { depth: 8, maxArrayLength: 200, maxStringLength: 10_000 });
  const dump = {
    format: DUMP_FORMAT,
    time,
    node,
    pid: process.pid,
    runtime: process.version,
    error: error instanceof Error ? { name: error.name, message: error.message, stack: error.stack } : null,
    details: text(error),
    stats: attempt(() => text(stats())),
    events: trace.events(),
    recording: attempt(recording),
  };
  try {
    writeFileSync(path, `${JSON.stringify(dump, null, 1)}\n`, { flag: 'wx' });
    return path;
  } catch {
    return null;
  }
}

function attempt<Value>(read: () => Value): Value | string {
  try {
    return read();
  } catch (error) {
    return `not available: ${String(error)}`;
  }
}
