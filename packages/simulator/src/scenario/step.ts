import type { Message, ReplicaStatus } from '@vireo/vsr';
import type { Fault } from '../cluster/faults.ts';

/**
 * A node: its id, or a name that an earlier step gave it, or `primary` or `backup`: what the replica takes itself for
 * in its present view. With `!` in front of a name: any other.
 */
export type Who = number | string;

/** Something that happens in the cluster and can be waited for. `group` 0 is metadata, 1 the first partition. */
export type Trigger =
  /** A message between replicas leaves its replica, or was taken up. `batch`: only a Prepare that carries records. */
  | {
      readonly event: 'sends' | 'receives';
      readonly message: Message['type'];
      readonly group: number;
      readonly node?: Who;
      /** To whom, or from whom. */
      readonly peer?: Who;
      readonly view?: number;
      readonly batch?: boolean;
    }
  /** A replica hands a write to its journal; or is told that the write is durable. */
  | {
      readonly event: 'writes' | 'durable';
      readonly what: 'prepares' | 'state';
      readonly group: number;
      readonly node?: Who;
      /** View of a state record. */
      readonly view?: number;
    }
  /** A replica executes an op that carries records. */
  | { readonly event: 'executes'; readonly group: number; readonly node?: Who }
  /** A replica is in this status, in this view or a later one. */
  | {
      readonly event: 'is';
      readonly status: ReplicaStatus;
      readonly group: number;
      readonly node?: Who;
      readonly view?: number;
    }
  /** A replica leads its group, in this view or a later one, and the first op of its view is committed. */
  | { readonly event: 'leads'; readonly group: number; readonly node?: Who; readonly view?: number }
  /** So many records were acked to clients since this was waited for. */
  | { readonly event: 'acked'; readonly records: number };

/** What is done. Times in µs. */
export type Action =
  /** The process ends and stays away until it is restarted. `powerLost`: with what its disk has not synced. */
  | { readonly type: 'kill'; readonly node: Who; readonly powerLost?: boolean }
  | { readonly type: 'killAll'; readonly powerLost?: boolean }
  | { readonly type: 'restart'; readonly node: Who }
  | { readonly type: 'restartAll' }
  | { readonly type: 'pause' | 'resume'; readonly node: Who }
  /** What the process gives its disk from now on waits outside of it; it is lost with the process. */
  | { readonly type: 'holdDisk' | 'releaseDisk'; readonly node: Who }
  /** Nothing from these reaches those; `both`: nor the other way. `clients` are all clients. */
  | {
      readonly type: 'cut';
      readonly from: readonly Who[];
      readonly to: readonly Who[];
      readonly both?: boolean;
    }
  /** All links work again. */
  | { readonly type: 'heal' }
  /** Gives names to the members of a group that do not lead it, in the order of their ids. */
  | { readonly type: 'nameBackups'; readonly group: number; readonly names: readonly string[] }
  /** Any fault that the swarm draws. */
  | { readonly type: 'fault'; readonly fault: FaultAction };

type FaultAction = Fault extends infer Each ? Omit<Each, 'at'> : never;

/** One step of a scenario: waits for something, then does something. The next step waits from then on. */
export interface Step {
  /** Absent: at once. */
  readonly when?: Trigger;
  /** How often it must have come. Default 1. */
  readonly times?: number;
  /** µs to wait after that. Default 0: when the turn in which it came is over and its effects are on their way. */
  readonly after?: number;
  /** Done in the middle of the step that was waited for: before the message leaves, before the write is handed over. */
  readonly before?: boolean;
  /** Name for the node at which it came. */
  readonly as?: string;
  /** Name for the prepare that was sent, taken up or executed. */
  readonly note?: string;
  readonly do?: readonly Action[];
}

/** A step in a few words, for messages. */
export function describeStep(step: Step): string {
  const { when, after } = step;
  const parts: string[] = [];
  if (when !== undefined) {
    const { event, ...rest } = when;
    const words = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
    parts.push(`${event} ${words.join(', ')}`);
  }
  if (after !== undefined) parts.push(`after ${after} µs`);
  return parts.length === 0 ? 'at once' : parts.join(', ');
}
