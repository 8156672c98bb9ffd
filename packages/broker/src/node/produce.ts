import {
  type Checksums,
  DurabilityCode,
  decodeProduce,
  type ErrorCode,
  encodeProduceAck,
  type Frame,
  PrepareKind,
} from '@vireo/protocol';
import { type NodeId, primaryOf, type ReplyOutcome } from '@vireo/vsr';
import type { ProduceContext, ProduceReply } from '../partition/index.ts';
import type { Connection } from './connection.ts';
import { type Connections, isClosed } from './connections.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { PendingRequest, RequestHandler, Requests } from './requests.ts';
import type { Stats } from './stats.ts';

interface ProduceOptions {
  readonly node: NodeId;
  readonly checksums: Checksums;
  readonly connections: Connections;
  readonly requests: Requests;
  readonly stats: Stats;
  nowMs(): number;
  /** The group, or the code that says why it is not served here. */
  find(group: number): HostedGroup | ErrorCode;
  /** `host:port` of a node, null when unknown. */
  address(node: NodeId): string | null;
  /** A code that refuses new work of clients (stopping, journal full), or null. */
  refusing(): ErrorCode | null;
}

/** Committed bytes that wait to be written to a partition's segments, above which it takes no more batches. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;

/** Durability wishes of the wire are handed to the partition as they are: one frozen object each. */
const CONTEXTS: readonly ProduceContext[] = [
  DurabilityCode.topic,
  DurabilityCode.memory,
  DurabilityCode.disk,
].map((durabilityWanted) => Object.freeze({ durabilityWanted }));

/**
 * Produce requests: from frame to replica, from outcome to ack. The batch stays where it arrived; the primary's
 * replica writes the prepare header into the room in front of it.
 */
export class Produce implements RequestHandler {
  readonly #options: ProduceOptions;

  constructor(options: ProduceOptions) {
    this.#options = options;
  }

  /** A `produce` frame. */
  frame(connection: Connection, frame: Frame): void {
    const { connections, requests, stats } = this.#options;
    stats.produceRequests++;
    const decoded = decodeProduce(frame);
    if (!decoded.ok) {
      this.#refuse(connection, frame.correlation, frame.group, decoded.error.code, decoded.error.message);
      return;
    }
    const { prepare, durability } = decoded.value;
    const group = this.#options.find(frame.group);
    if (typeof group === 'string') {
      this.#refuse(connection, frame.correlation, frame.group, group);
      return;
    }
    if (group.id === 0) {
      this.#refuse(connection, frame.correlation, 0, 'invalidRequest', 'group 0 takes no batches');
      return;
    }
    // A control connection is never paused, so what is over its bounds can only be refused.
    const over = connection.control && connections.isOver(connection);
    // Duplicates of what has not committed wait too: they have a bound of their own.
    if (over && connections.isOver(connection, 2)) {
      this.#refuse(connection, frame.correlation, frame.group, 'overloaded');
      return;
    }
    const behind = group.log.pendingBytes > PENDING_BYTES_MAX;
    // Whatever refuses new batches, one that is in the log already is answered: only the replica knows.
    const refusing = over || behind ? 'overloaded' : this.#options.refusing();
    stats.produceBytes += prepare.length;
    const id = requests.add({
      connection,
      correlation: frame.correlation,
      group,
      bytes: frame.bytes.length,
      startedMs: this.#options.nowMs(),
      handler: this,
      context: null,
    });
    group.request({
      id,
      kind: PrepareKind.batch,
      bytes: prepare,
      context: CONTEXTS[durability],
      duplicatesOnly: refusing ?? undefined,
    });
  }

  /** What became of it. */
  finished(request: PendingRequest, outcome: ReplyOutcome): void {
    const { connection, correlation, group } = request;
    if (connection === null || isClosed(connection)) return;
    if (outcome.type === 'refused') {
      this.#redirect(connection, correlation, group, outcome);
      return;
    }
    if (outcome.type === 'unknown') {
      this.#options.stats.produceUnknown++;
      this.#options.connections.sendError(connection, correlation, group.id, 'viewChanged');
      return;
    }
    const reply = outcome.reply as ProduceReply;
    if (!reply.ok) {
      this.#refuse(connection, correlation, group.id, reply.code, reply.message);
      return;
    }
    const { stats, node, checksums, connections } = this.#options;
    stats.produceAcks++;
    if (reply.duplicate) stats.produceDuplicates++;
    else stats.produceRecords += reply.count;
    stats.produceLatency.record(this.#options.nowMs() - request.startedMs);
    const ack = encodeProduceAck(
      correlation,
      group.id,
      {
        baseOffset: reply.baseOffset,
        timestamp: reply.timestamp,
        op: reply.op,
        count: reply.count,
        lossEpoch: group.lossEpoch,
        duplicate: reply.duplicate,
        durability: DurabilityCode[group.durabilityOf(reply.op)],
        view: group.replica.state.view,
        node,
      },
      checksums,
    );
    connections.sendRaw(connection, [ack], ack.length);
  }

  /** Tells the client where the primary is, by the (epoch, view) that this replica knows. */
  #redirect(
    connection: Connection,
    correlation: number,
    group: HostedGroup,
    outcome: ReplyOutcome & { readonly type: 'refused' },
  ): void {
    this.#options.stats.produceRefused++;
    this.#options.connections.sendError(
      connection,
      correlation,
      group.id,
      outcome.code,
      undefined,
      redirectDetails(group, outcome, (node) => this.#options.address(node)),
    );
  }

  #refuse(
    connection: Connection,
    correlation: number,
    group: number,
    code: ErrorCode,
    message?: string,
  ): void {
    this.#options.stats.produceRefused++;
    this.#options.connections.sendError(connection, correlation, group, code, message);
  }
}

/** Details of `notPrimary` and `notReady`: enough for a client to compute and reach the primary. */
export function redirectDetails(
  group: HostedGroup,
  outcome: { readonly view: number; readonly epoch: number },
  address: (node: NodeId) => string | null,
): Record<string, unknown> {
  const primary = primaryOf(group.identity.members, outcome.view);
  return { view: outcome.view, epoch: outcome.epoch, primary, address: address(primary) };
}
