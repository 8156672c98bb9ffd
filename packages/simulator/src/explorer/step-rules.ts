import type { Message, ReplicaState } from '@vireo/vsr';
import type { Durable } from './local-state.ts';

/** Rules that one step of one node can break. */

/** What went back that must not: commit numbers, views, the log's rank. Null: nothing. */
export function stepProblem(before: ReplicaState, after: ReplicaState): string | null {
  if (after.commitMin < before.commitMin || after.commitMax < before.commitMax)
    return 'a commit number went back';
  if (after.view < before.view || after.logView < before.logView) return 'a view went back';
  return null;
}

/** Why a frame must not leave a node whose storage holds what `durable` says. Null: it may. */
export function frameProblem(message: Message, durable: Durable): string | null {
  const { record, entries, checkpoint } = durable.recovery;
  if ('view' in message && message.type !== 'requestStartView' && message.view > (record?.view ?? -1))
    return `${message.type} names view ${message.view}, which is not durable`;
  if (message.type !== 'prepareOk') return null;
  if (checkpoint.mode === 'memory')
    return record?.mark === true || message.op <= checkpoint.op
      ? null
      : `op ${message.op} is acked from memory, and no mark says so`;
  const upTo = entries.slice(0, Math.max(0, message.op - checkpoint.op));
  const isHeld = upTo.every(({ header, prepare }) => prepare !== null || header.op <= message.commitMin);
  const isThere = message.op <= checkpoint.op || upTo.at(-1)?.header.checksum === message.checksum;
  if (isHeld && isThere && record?.logView === message.view) return null;
  return `op ${message.op} is acked before it is durable`;
}
