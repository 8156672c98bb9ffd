import type { Limits } from '@vireo/protocol';
import type { Ghost } from '../checkers/ghost.ts';
import type { SimNode } from './sim-node.ts';

/** What is empty at a node that has nothing to do. */
const emptyAtRest = [
  'requestsInFlight',
  'bytesInFlight',
  'journalQueuedBytes',
  'journalWaiting',
  'transfers',
] as const;
/** A ring grows to so many times its configured files, in its last resort. */
const ringGrowthMax = 2;

/**
 * Checker 18, looked at when the run has come to rest: queues are empty again and files are no larger, and no more,
 * than their limits say. (That reserved bytes and padding are zero is what every decoder insists on.) Null: all is so.
 */
export function firstExcess(ghost: Ghost, nodes: readonly SimNode[], limits: Limits): string | null {
  for (const node of nodes) {
    const { broker } = node;
    if (ghost.gone.has(node.id) || broker === null) continue;
    const { counters } = broker.stats();
    for (const name of emptyAtRest) {
      if (counters[name] !== 0) return `node ${node.id}: ${name} is ${counters[name]} at rest`;
    }
    for (const { id, replica } of broker.groups()) {
      const { queue, queueBytes, waiters, staging, stagingBytes, loads, log, logBytes } = replica.state;
      const levels = [queue.length, queueBytes, waiters.size, staging.size, stagingBytes, loads.size];
      const isAtRest = levels.every((level) => level === 0) && log.length === 0 && logBytes === 0;
      if (!isAtRest) return `node ${node.id}, group ${id}: holds ${levels.join(', ')}, ${log.length} at rest`;
    }
    const problem = firstLarge(node, limits);
    if (problem !== null) return `node ${node.id}: ${problem}`;
  }
  return null;
}

function firstLarge(node: SimNode, limits: Limits): string | null {
  let journals = 0;
  for (const { path, bytes } of node.disk.contents()) {
    if (path.endsWith('.journal')) {
      journals += 1;
      if (bytes.length !== limits.journalFileBytes) return `${path} has ${bytes.length} bytes`;
    }
    if (path.endsWith('.segment') && bytes.length > limits.segmentBytes + limits.batchBytesMax)
      return `${path} has ${bytes.length} bytes`;
  }
  const journalsMax = ringGrowthMax * limits.journalFiles;
  return journals <= journalsMax
    ? null
    : `there are ${journals} journal files, at most ${journalsMax} may be`;
}
