/** Size of libuv's pool when nothing is set. */
const DEFAULT_SIZE = 4;
const SIZE_MAX = 1024;
/**
 * Threads that reads never take: for the journal write, a segment write, a sync and the making of a file. A
 * journal write that waits behind four slow reads stops every group of the node.
 */
const NEVER_FOR_READS = 4;

/** What the environment of a server process should say; see `readsInFlightMax`. */
export const THREAD_POOL_ENVIRONMENT = { UV_THREADPOOL_SIZE: '16' } as const;

/**
 * Reads that may be in flight at once. libuv reads `UV_THREADPOOL_SIZE` when the pool is first used, and Node's
 * loader of ES modules uses it before the first line of a program: only who starts the process can set it. So
 * the bound is derived from what was set, and is 1 with the default of four threads.
 */
export function readsInFlightMax(environment: NodeJS.ProcessEnv = process.env): number {
  const size = Number(environment.UV_THREADPOOL_SIZE ?? DEFAULT_SIZE);
  if (!Number.isInteger(size) || size < 1) return 1;
  return Math.max(1, Math.min(size, SIZE_MAX) - NEVER_FOR_READS);
}
