import {
  type ControlRequest,
  decodeError,
  decodeRequest,
  decodeResponse,
  type ErrorCode,
  encodeRequest,
  encodeResponse,
  type Frame,
  FrameKind,
  type Limits,
  PrepareKind,
} from '@vireo/protocol';
import type { ReplyOutcome } from '@vireo/vsr';
import { encodeMetadataOp, type MetadataReply, type Plan } from '../metadata/index.ts';
import type { Connection } from './connection.ts';
import { type Connections, isClosed } from './connections.ts';
import { answerLocally, type LocalSources } from './control-local.ts';
import type { ControlCall } from './control-request.ts';
import type { Peers } from './peers.ts';
import { redirectDetails } from './produce.ts';
import type { PendingRequest, RequestHandler, Requests } from './requests.ts';

/** How long a request waits here for a metadata primary or for metadata that it names. Milliseconds. */
const WAIT_MS = 2_000;
/** How long the answer of another node is waited for. Milliseconds. */
const DEADLINE_MS = 10_000;
/** How long a passed-on answer is held back until this node has applied what it tells of. Milliseconds. */
const HOLD_ANSWER_MS = 1_000;
/** Control requests of all connections at once; each connection has its own bound beside. */
const CALLS_MAX = 16_384;

interface ControlOptions {
  readonly limits: Limits;
  readonly tickMs: number;
  readonly connections: Connections;
  readonly requests: Requests;
  readonly peers: Peers;
  readonly local: LocalSources;
  nowMs(): number;
  refusing(): ErrorCode | null;
}

/** An answer that waits until this node's metadata has reached its stamp, so that "create, then use" works here. */
interface HeldAnswer {
  readonly call: ControlCall;
  readonly payload: Buffer;
  readonly stamp: number;
  readonly untilTick: number;
}

/**
 * Control requests. Reads are answered from this node's copy; what changes metadata is proposed where the
 * metadata primary is, passed on at most once and marked.
 */
export class Control implements RequestHandler {
  readonly #options: ControlOptions;
  /** Not answered and not passed on: waiting for a primary, or for metadata to catch up. */
  readonly #waiting = new Set<ControlCall>();
  readonly #passedOn = new Map<number, ControlCall>();
  readonly #held = new Set<HeldAnswer>();
  /** Their replica is asked whether it leads still. */
  readonly #reading = new Set<ControlCall>();
  #calls = 0;
  #tick = 0;
  #nextCorrelation = 1;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#calls;
  }

  /** A `request` frame of a client, or of a peer that passes one on. */
  frame(connection: Connection, frame: Frame): void {
    const { connections, local } = this.#options;
    local.stats.controlRequests++;
    const decoded = decodeRequest(frame.payload.subarray(0, frame.covered));
    const refuse = (code: ErrorCode, message?: string) => {
      local.stats.controlErrors++;
      connections.sendError(connection, frame.correlation, 0, code, message);
    };
    if (!decoded.ok) {
      refuse(decoded.error.code, decoded.error.message);
      return;
    }
    const request = decoded.value;
    if (this.#calls >= CALLS_MAX || (connection.role === 'client' && connections.isOver(connection))) {
      refuse('overloaded');
      return;
    }
    const refusing = this.#options.refusing();
    if (refusing !== null) {
      refuse(refusing);
      return;
    }
    const call: ControlCall = {
      connection,
      correlation: frame.correlation,
      request,
      bytes: frame.bytes.length,
      startedMs: this.#options.nowMs(),
      waitUntilTick: this.#tick + this.#ticks(WAIT_MS),
      deadlineTick: this.#tick + this.#ticks(DEADLINE_MS),
      passedOn: null,
      answered: false,
    };
    this.#calls++;
    if (connection.role === 'client') connections.started(connection, call.bytes);
    if (!this.#attempt(call)) this.#waiting.add(call);
  }

  /** A `response` or `error` frame of a peer, to a request that was passed on to it. */
  answer(connection: Connection, frame: Frame): void {
    const call = this.#passedOn.get(frame.correlation);
    if (call === undefined || call.passedOn?.node !== connection.peer?.node) return;
    this.#passedOn.delete(frame.correlation);
    call.passedOn = null;
    const payload = frame.payload.subarray(0, frame.covered);
    if (frame.kind === FrameKind.error) {
      const error = decodeError(payload);
      if (!error.ok) {
        this.#fail(call, 'internal', 'the answer of another node is malformed');
        return;
      }
      const { code, message, details } = error.value;
      // Not applied there, for it is no longer the primary: wait for the next one.
      if (code === 'notPrimary' || code === 'notReady') {
        this.#waiting.add(call);
        return;
      }
      this.#fail(call, code, message, details as Record<string, unknown> | undefined);
      return;
    }
    const response = decodeResponse(call.request.op, payload);
    if (!response.ok) {
      this.#fail(call, 'internal', response.error.message);
      return;
    }
    const stamp = 'stamp' in response.value ? response.value.stamp : 0;
    this.#succeed(call, payload, stamp);
  }

  /** A peer's connection is gone: whether it carried out what was passed on is not known. */
  peerGone(node: number): void {
    for (const [correlation, call] of this.#passedOn) {
      if (call.passedOn?.node !== node) continue;
      this.#passedOn.delete(correlation);
      this.#fail(call, 'connectionLost');
    }
  }

  /** Metadata ops were applied, or the metadata view changed. */
  metadataChanged(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    // A refusal may come from within the attempt and put the call back: so it is taken out first.
    for (const call of waiting) if (!this.#attempt(call)) this.#waiting.add(call);
    const { stamp } = this.#options.local.groups.metadata;
    for (const held of this.#held) if (held.stamp <= stamp) this.#release(held);
  }

  tick(): void {
    const tick = ++this.#tick;
    if (tick % 5 === 0 && this.#waiting.size > 0) this.metadataChanged();
    for (const call of this.#waiting) {
      if (tick < call.waitUntilTick) continue;
      this.#waiting.delete(call);
      this.#fail(call, this.#isBehind(call.request) ? 'metadataBehind' : 'notReady');
    }
    for (const call of this.#reading) {
      if (tick < call.waitUntilTick) continue;
      this.#reading.delete(call);
      this.#fail(call, 'notReady');
    }
    for (const [correlation, call] of this.#passedOn) {
      if (tick < call.deadlineTick) continue;
      this.#passedOn.delete(correlation);
      this.#fail(call, 'timeout');
    }
    for (const held of this.#held) if (tick >= held.untilTick) this.#release(held);
  }

  /** The node stops: what waits is refused, what is under way elsewhere is of unknown outcome. */
  stop(): void {
    for (const call of this.#waiting) this.#fail(call, 'goingAway');
    this.#waiting.clear();
    for (const call of this.#reading) this.#fail(call, 'goingAway');
    this.#reading.clear();
    for (const call of this.#passedOn.values()) this.#fail(call, 'connectionLost', 'the node stops');
    this.#passedOn.clear();
    for (const held of this.#held) this.#release(held);
  }

  /** Bounds are the group's own only if this node leads it still: a replication quorum says so, or they are not told. */
  #confirmBounds(call: ControlCall, id: number): boolean {
    const { local, requests } = this.#options;
    const group = local.groups.get(id);
    if (group === undefined) return false;
    this.#reading.add(call);
    const finished = (_pending: PendingRequest, outcome: ReplyOutcome): void => {
      // Its time may have been over before.
      if (!this.#reading.delete(call)) return;
      const answer = answerLocally(call.request, local);
      if (answer?.ok === false) this.#fail(call, answer.code, answer.message, answer.details);
      else if (outcome.type === 'reply' && answer !== null) this.#succeed(call, answer.payload, 0);
      else this.#fail(call, 'notReady');
    };
    const { startedMs } = call;
    const handler = { finished };
    group.read(
      requests.add({ connection: null, correlation: 0, group, bytes: 0, startedMs, handler, context: null }),
    );
    return true;
  }

  /** The metadata replica answered an op proposed here. */
  finished(pending: PendingRequest, outcome: ReplyOutcome): void {
    const call = pending.context as ControlCall;
    if (outcome.type === 'refused') {
      // Not applied: wait for the next primary, here or elsewhere.
      if (outcome.code === 'overloaded') this.#fail(call, 'overloaded');
      else if (call.request.forwarded) this.#fail(call, outcome.code);
      else this.#waiting.add(call);
      return;
    }
    if (outcome.type === 'unknown') {
      this.#fail(call, outcome.code);
      return;
    }
    const reply = outcome.reply as MetadataReply;
    if (!reply.ok) {
      this.#fail(call, reply.code, reply.message);
      return;
    }
    this.#succeed(call, encodeReply(reply), reply.stamp);
  }

  /** Answers, proposes or passes on; false: not possible now, try again. */
  #attempt(call: ControlCall): boolean {
    const { request } = call;
    if (this.#isBehind(request)) return false;
    const answer = answerLocally(request, this.#options.local);
    if (answer === null) return this.#change(call);
    if (answer.ok && request.op === 'partitionInfo' && this.#confirmBounds(call, request.group)) return true;
    if (answer.ok) this.#succeed(call, answer.payload, 0);
    else this.#fail(call, answer.code, answer.message, answer.details);
    return true;
  }

  #isBehind({ stamp }: ControlRequest): boolean {
    return stamp !== undefined && stamp > this.#options.local.groups.metadata.stamp;
  }

  /** A change of metadata. */
  #change(call: ControlCall): boolean {
    const { local, requests } = this.#options;
    const { metadata } = local.groups;
    const group = local.groups.get(0);
    if (group === undefined) return false;
    if (!group.leading || !metadata.founded) {
      if (call.request.forwarded) {
        const { view, epoch } = group.replica.state;
        const details = redirectDetails(group, { view, epoch }, local.address);
        this.#fail(call, group.leads ? 'notReady' : 'notPrimary', undefined, details);
        return true;
      }
      return !group.leads && this.#passOn(call, group.primary);
    }
    const plan = this.#plan(call.request);
    if (!plan.ok) {
      this.#fail(call, plan.code, plan.message);
      return true;
    }
    const bytes = encodeMetadataOp(plan.op);
    const id = requests.add({
      connection: null,
      correlation: 0,
      group,
      bytes: bytes.length,
      startedMs: call.startedMs,
      handler: this,
      context: call,
    });
    group.request({ id, kind: PrepareKind.metadata, bytes, context: null });
    return true;
  }

  #plan(request: ControlRequest): Plan {
    const { limits, local } = this.#options;
    const { metadata } = local.groups;
    switch (request.op) {
      case 'createStream':
        return { ok: true, op: { op: 'createStream', name: request.name, streamsMax: limits.streamsMax } };
      case 'deleteStream':
        return metadata.planDeleteStream(request.stream, request.cascade);
      case 'createTopic':
        return metadata.planCreateTopic(request, limits);
      case 'alterTopic':
        return metadata.planAlterTopic(request.target, request.durability);
      case 'deleteTopic': {
        const { target } = request;
        if ('topicId' in target) return { ok: true, op: { op: 'deleteTopic', topicId: target.topicId } };
        return metadata.planDeleteTopic(target.stream, target.topic);
      }
      case 'register': {
        const nonce = request.nonce.toString('hex');
        return { ok: true, op: { op: 'register', nonce, sessionsMax: limits.sessionsMax } };
      }
      default:
        return { ok: false, code: 'invalidRequest', message: `${request.op} is not offered by this version` };
    }
  }

  /** Passes the request on to the metadata primary, once. */
  #passOn(call: ControlCall, node: number): boolean {
    const { connections, local, peers } = this.#options;
    const connection = peers.connectionOf(node);
    if (connection === null) return false;
    const correlation = this.#nextCorrelation++;
    call.passedOn = { node, correlation };
    this.#passedOn.set(correlation, call);
    local.stats.controlForwarded++;
    // The stamp is this node's business and was waited for here.
    const { stamp: _, ...request } = call.request;
    const payload = encodeRequest({ ...request, forwarded: true } as ControlRequest);
    connections.send(connection, FrameKind.request, correlation, 0, payload);
    return true;
  }

  #succeed(call: ControlCall, payload: Buffer, stamp: number): void {
    const held = { call, payload, stamp, untilTick: this.#tick + this.#ticks(HOLD_ANSWER_MS) };
    if (stamp > this.#options.local.groups.metadata.stamp) this.#held.add(held);
    else this.#release(held);
  }

  #release(held: HeldAnswer): void {
    this.#held.delete(held);
    const { call, payload } = held;
    if (!this.#finish(call)) return;
    this.#options.connections.send(call.connection, FrameKind.response, call.correlation, 0, payload);
  }

  #fail(call: ControlCall, code: ErrorCode, message?: string, details?: Record<string, unknown>): void {
    if (!this.#finish(call)) return;
    this.#options.local.stats.controlErrors++;
    this.#options.connections.sendError(call.connection, call.correlation, 0, code, message, details);
  }

  /** Takes the call off the books; false when nobody waits for its answer any more. */
  #finish(call: ControlCall): boolean {
    if (call.answered) return false;
    call.answered = true;
    this.#calls--;
    const { connection } = call;
    if (connection.role === 'client') this.#options.connections.finished(connection, call.bytes);
    return !isClosed(connection);
  }

  #ticks(ms: number): number {
    return Math.ceil(ms / this.#options.tickMs);
  }
}

/** The payload of a successful change's response. */
function encodeReply(reply: MetadataReply & { readonly ok: true }): Buffer {
  const { stamp } = reply;
  switch (reply.type) {
    case 'streamCreated':
      return encodeResponse('createStream', { streamId: reply.streamId, stamp });
    case 'topicCreated':
      return encodeResponse('createTopic', { topicId: reply.topic.id, stamp });
    case 'registered':
      return encodeResponse('register', { sessionId: reply.sessionId, stamp });
    case 'topicAltered':
    case 'deleted':
    case 'founded':
    case 'nodeRegistered':
      return encodeResponse('deleteTopic', { stamp });
  }
}
