import {
  type ControlRequest,
  type ControlResponses,
  type ErrorCode,
  encodeResponse,
  type GroupState,
} from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import type { Groups } from './groups.ts';
import type { HostedGroup } from './hosted-group.ts';
import { redirectDetails } from './produce.ts';
import type { Stats } from './stats.ts';

/** An answer that is ready, or an error of the table. */
export type LocalAnswer =
  | { readonly ok: true; readonly payload: Buffer }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message?: string | undefined;
      readonly details?: Record<string, unknown>;
    };

/** What the local answers are made of. */
export interface LocalSources {
  readonly node: NodeId;
  readonly groups: Groups;
  readonly stats: Stats;
  address(node: NodeId): string | null;
  /** Gauges that are not counted but looked up: connections, subscriptions, journal. */
  gauges(): Record<string, number>;
}

/** Answers what a node answers from its own copy of things; null: the request changes metadata. */
export function answerLocally(request: ControlRequest, sources: LocalSources): LocalAnswer | null {
  const { groups, node } = sources;
  const { metadata } = groups;
  switch (request.op) {
    case 'describe':
      return { ok: true, payload: encodeResponse('describe', metadata.describe()) };
    case 'lookupTopic': {
      const found = metadata.lookupTopic(request.stream, request.topic);
      if (!found.ok) return { ok: false, code: found.code, message: found.message };
      const { stamp, nodes, streamId, topic } = found;
      return { ok: true, payload: encodeResponse('lookupTopic', { stamp, nodes, streamId, topic }) };
    }
    case 'groupStates':
      return {
        ok: true,
        payload: encodeResponse('groupStates', { node, groups: [...groups.all()].map(describeGroup) }),
      };
    case 'stats': {
      const { counters, histograms } = sources.stats.snapshot();
      const all = { ...counters, ...sources.gauges() };
      return { ok: true, payload: encodeResponse('stats', { node, counters: all, histograms }) };
    }
    case 'partitionInfo':
      return partitionInfo(request.group, sources);
    case 'coldStart':
      return coldStart(request.group, request.without, sources);
    case 'transfer':
      return transfer(request.group, request.target, sources);
    default:
      return null;
  }
}

/** The operator's order, for the replica of this node. A group that has a primary does not need it. */
function coldStart(id: number, without: boolean, { groups, node }: LocalSources): LocalAnswer {
  const group = groups.find(id);
  if (typeof group === 'string') return { ok: false, code: group };
  if (group.hasPrimary) {
    const message = `group ${id} has a primary, node ${group.primary}: it needs no cold start`;
    return { ok: false, code: 'invalid', message };
  }
  group.coldStart(without);
  const { status } = group.replica.state;
  return { ok: true, payload: encodeResponse('coldStart', { node, status }) };
}

/** A primary is asked to hand over: it does so when its successor has all of the log, or goes on after a moment. */
function transfer(id: number, target: number | undefined, sources: LocalSources): LocalAnswer {
  const { groups, node } = sources;
  const group = groups.find(id);
  if (typeof group === 'string') return { ok: false, code: group };
  const refused = notLeading(group, sources);
  if (refused !== null) return refused;
  const { view } = group.replica.state;
  const { members } = group.identity;
  const answer: LocalAnswer = { ok: true, payload: encodeResponse('transfer', { view }) };
  if (target === node) return answer;
  if (target !== undefined && !members.includes(target)) {
    const message = `node ${target} has no replica of group ${id}: its members are ${members.join(', ')}`;
    return { ok: false, code: 'invalid', message };
  }
  if (members.length === 1) {
    return { ok: false, code: 'invalid', message: `group ${id} has no other replica that could lead it` };
  }
  const { successors } = group.replica;
  const to = target ?? successors[0];
  if (to === undefined || !successors.includes(to)) {
    const who = target === undefined ? 'no other replica has' : `node ${target} has not`;
    return {
      ok: false,
      code: 'behind',
      message: `${who} acknowledged enough of group ${id} to take over now`,
    };
  }
  group.handOver(to);
  return answer;
}

function notLeading(group: HostedGroup, { address }: LocalSources): LocalAnswer | null {
  if (group.leading) return null;
  const { view, epoch, status } = group.replica.state;
  const code = group.leads || status !== 'normal' ? 'notReady' : 'notPrimary';
  return { ok: false, code, details: redirectDetails(group, { view, epoch }, address) };
}

/** The bounds of a partition, told only by a primary that knows them: this view's noop is committed. */
function partitionInfo(id: number, sources: LocalSources): LocalAnswer {
  const { groups, node } = sources;
  const group = groups.find(id);
  if (typeof group === 'string') return { ok: false, code: group };
  const refused = notLeading(group, sources);
  if (refused !== null) return refused;
  const { view } = group.replica.state;
  const info: ControlResponses['partitionInfo'] = {
    start: group.log.startOffset,
    end: group.log.endOffset,
    lossEpoch: group.lossEpoch,
    view,
    node,
    mode: group.mode,
  };
  return { ok: true, payload: encodeResponse('partitionInfo', info) };
}

function describeGroup(group: HostedGroup): GroupState {
  const { status, view, epoch, commitMin, commitMax } = group.replica.state;
  return {
    group: group.id,
    // Not before the first op of its view has committed: only then it can serve, and knows what became of its log.
    role: group.leading ? 'primary' : 'backup',
    status,
    view,
    epoch,
    op: group.replica.op,
    commitMin,
    commitMax,
    primary: group.primary,
    offset: group.log.endOffset,
    start: group.log.startOffset,
    members: group.identity.members,
    mode: group.mode,
    lossEpoch: group.lossEpoch,
  };
}
