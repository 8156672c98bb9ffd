import { assert } from './assert.ts';

/** Identifies a node of the cluster: a small integer, unique, given when its data directory is formatted. */
export type NodeId = number;

/** How many replicas must agree, by the size of the group. */
export interface Quorums {
  /** Durable copies (the primary's own may be one) that commit an op. */
  readonly replication: number;
  /** Replicas whose logs a new primary must have seen. */
  readonly viewChange: number;
  /** Replicas that certainly never acked an op, so that it may be dropped: n − replication + 1. */
  readonly nack: number;
}

/** Largest group that the tables cover. */
export const MEMBERS_MAX = 6;

const REPLICATION = [0, 1, 2, 2, 2, 3, 3] as const;
const VIEW_CHANGE = [0, 1, 2, 2, 3, 3, 4] as const;

/**
 * Quorums for a group of `n` members, 1 to 6. Replication and view change quorums always intersect, and so do
 * two view change quorums; for even n the replication quorum is smaller (flexible quorums), which makes writes
 * cheaper and view changes dearer.
 */
export function quorums(n: number): Quorums {
  assert(n >= 1 && n <= MEMBERS_MAX, 'group size out of range', n);
  const replication = REPLICATION[n] as number;
  return { replication, viewChange: VIEW_CHANGE[n] as number, nack: n - replication + 1 };
}

/** The primary of a view, known from the view number alone (VR Revisited, section 4). */
export function primaryOf(members: readonly NodeId[], view: number): NodeId {
  return members[view % members.length] as NodeId;
}
