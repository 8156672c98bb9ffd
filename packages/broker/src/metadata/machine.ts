import {
  type ClusterDescription,
  type Durability,
  type Limits,
  type NodeDescription,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  prepareBody,
  type StreamDescription,
  type TopicTarget,
  VireoError,
} from '@vireo/protocol';
import type { Admission, ClientRequest, StateMachine } from '@vireo/vsr';
import { applyOp, type GroupEvents } from './apply.ts';
import { describeNodes, describeStreams, describeTopic, findTopic, type TopicLookup } from './describe.ts';
import { decodeMetadataOp } from './ops.ts';
import {
  type Plan,
  planAlterTopic,
  planCreateTopic,
  planDeleteStream,
  planDeleteTopic,
  type TopicRequest,
} from './plan.ts';
import { type MetadataReply, type Refusal, refusal } from './reply.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts';
import { emptyState, type GroupEntry, type MetadataState, type NodeEntry, skipLost } from './state.ts';

/**
 * What this node's metadata says of a session id: `known`; `behind`: it may be registered by an op that is not
 * applied here yet (wait, then retry); `absent`: no such session, and ids are never given again.
 */
export type SessionStanding = 'known' | 'behind' | 'absent';

/** What this node's metadata says of a group id; `gone` is the tombstone, `behind` means: not applied here yet. */
export type GroupStanding = 'known' | 'behind' | 'gone';

/**
 * The metadata group's state machine: nodes, streams, topics, partitions, sessions. Ops are judged when they
 * are applied, by the state of that moment, so `admit` lets every well-formed op into the log.
 */
export class MetadataMachine implements StateMachine {
  readonly #events: GroupEvents;
  #state: MetadataState = emptyState();
  /** Group ids that the uncommitted ops will take if none is refused; only to place evenly (`nextGroup`). */
  #groupsPending = 0;
  /** Built when asked for, dropped when an op changes something. */
  #nodes: readonly NodeDescription[] | null = null;
  #streams: readonly StreamDescription[] | null = null;

  constructor(events: GroupEvents) {
    this.#events = events;
  }

  // ---- StateMachine

  admit(request: ClientRequest): Admission {
    if (request.kind !== PrepareKind.metadata) {
      return { type: 'refusal', reply: refusal('invalidRequest', `kind ${request.kind} is no metadata op`) };
    }
    const op = decodeMetadataOp(request.bytes.subarray(PREPARE_HEADER_SIZE));
    if (!op.ok) return { type: 'refusal', reply: refusal(op.error.code, op.error.message) };
    return { type: 'prepare', context: noContext };
  }

  prepared(prepare: Prepare): void {
    this.#groupsPending += groupsOf(prepare);
  }

  rebuildHead(suffix: readonly Prepare[]): void {
    this.#groupsPending = 0;
    for (const prepare of suffix) this.prepared(prepare);
  }

  /** Metadata ops hold no records. */
  nextOffset(): number {
    return 0;
  }

  /** @returns a MetadataReply; null for kinds without effect on metadata (the noop that starts a view). */
  apply(prepare: Prepare): MetadataReply | null {
    const { op: number, kind, timestamp } = prepare.header;
    if (number !== this.#state.appliedOp + 1) {
      throw new VireoError('internal', `metadata op ${number} applied behind op ${this.#state.appliedOp}`);
    }
    this.#state.appliedOp = number;
    if (kind === PrepareKind.coldStart) skipLost(this.#state);
    if (kind !== PrepareKind.metadata) return null;
    const op = decodeMetadataOp(prepareBody(prepare));
    // An op of a newer program, or junk that a newer `admit` let in: refused alike by every node of this version.
    if (!op.ok) return refusal(op.error.code, op.error.message);
    if (op.value.op === 'createTopic') {
      this.#groupsPending = Math.max(0, this.#groupsPending - op.value.members.length);
    }
    const reply = applyOp(this.#state, op.value, { stamp: this.stamp, timestamp }, this.#events);
    if (reply.ok && reply.type !== 'registered') {
      this.#nodes = null;
      this.#streams = null;
    }
    return reply;
  }

  snapshot(): Buffer {
    return encodeSnapshot(this.#state);
  }

  /** Tells no events: after a restore the node compares `groups()` with the replicas it has. */
  restore(snapshot: Buffer): void {
    this.#state = decodeSnapshot(snapshot);
    this.#groupsPending = 0;
    this.#nodes = null;
    this.#streams = null;
  }

  // ---- Read side: the committed state of this node, which may be behind; answers bear the stamp.

  /** Stamp of the last applied op. */
  get stamp(): number {
    return this.#state.stampBase + this.#state.appliedOp;
  }

  get appliedOp(): number {
    return this.#state.appliedOp;
  }

  /** Whether the founding op has been applied. */
  get founded(): boolean {
    return this.#state.nodes.size > 0;
  }

  /** How many sessions are kept, for stats. */
  get sessionCount(): number {
    return this.#state.sessions.size;
  }

  describe(): ClusterDescription {
    this.#streams ??= describeStreams(this.#state);
    return { stamp: this.stamp, nodes: this.nodes(), streams: this.#streams };
  }

  /** One topic by names; refusals `unknownStream`, `unknownTopic`. */
  lookupTopic(stream: string, topic: string): TopicLookup | Refusal {
    const found = findTopic(this.#state, stream, topic);
    if ('ok' in found) return found;
    return {
      ok: true,
      stamp: this.stamp,
      nodes: this.nodes(),
      streamId: found.streamId,
      topic: describeTopic(this.#state, found),
    };
  }

  /** What acks of the topic are to promise; null: there is no such topic. */
  durabilityOf(topicId: number): Durability | null {
    return this.#state.topics.get(topicId)?.durability ?? null;
  }

  nodes(): readonly NodeDescription[] {
    this.#nodes ??= describeNodes(this.#state);
    return this.#nodes;
  }

  /** A node with its incarnation: a peer of another incarnation is not this member. */
  node(id: number): NodeEntry | undefined {
    return this.#state.nodes.get(id);
  }

  /** Every partition group, in order of ids: the replicas that should exist. */
  groups(): readonly GroupEntry[] {
    return [...this.#state.groups.values()];
  }

  group(id: number): GroupEntry | undefined {
    return this.#state.groups.get(id);
  }

  /** "Gone" may only be answered for an id below the counter of *this* state: a node that is behind must wait. */
  groupStanding(id: number): GroupStanding {
    if (this.#state.groups.has(id)) return 'known';
    return id < this.#state.nextGroup ? 'gone' : 'behind';
  }

  /**
   * Whether what became of an absent id is known: deleted by an op. Lost with a cold start it may be an id whose
   * creation is not in the log any more, and its records are nowhere else.
   */
  isSurelyGone(group: number): boolean {
    return this.groupStanding(group) === 'gone' && group >= this.#state.groupsFrom;
  }

  sessionStanding(id: number): SessionStanding {
    if (this.#state.sessions.has(id)) return 'known';
    return id <= this.stamp ? 'absent' : 'behind';
  }

  // ---- From request to op, at the primary, where that takes the state.

  planCreateTopic(request: TopicRequest, limits: Limits): Plan {
    return planCreateTopic(this.#state, request, this.#state.nextGroup + this.#groupsPending, limits);
  }

  planAlterTopic(target: TopicTarget, durability: Durability): Plan {
    return planAlterTopic(this.#state, target, durability);
  }

  planDeleteStream(stream: string, cascade: boolean): Plan {
    return planDeleteStream(this.#state, stream, cascade);
  }

  planDeleteTopic(stream: string, topic: string): Plan {
    return planDeleteTopic(this.#state, stream, topic);
  }
}

const noContext = {
  baseOffset: 0,
  count: 0,
  producerId: 0,
  producerEpoch: 0,
  sequence: 0,
  codec: 0,
} as const;

/** How many group ids an op takes if it is not refused. */
function groupsOf(prepare: Prepare): number {
  if (prepare.header.kind !== PrepareKind.metadata) return 0;
  const op = decodeMetadataOp(prepareBody(prepare));
  return op.ok && op.value.op === 'createTopic' ? op.value.members.length : 0;
}
