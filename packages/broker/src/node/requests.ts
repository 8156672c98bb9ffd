import type { ReplyOutcome } from '@vireo/vsr';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { HostedGroup } from './hosted-group.ts';

/** A request that was handed to a replica and is not answered yet. */
export interface PendingRequest {
  /** Whose bytes in flight it counts for; null: a request of the node itself. */
  readonly connection: Connection | null;
  readonly correlation: number;
  readonly group: HostedGroup;
  /** Bytes that it holds. */
  readonly bytes: number;
  readonly startedMs: number;
  /** What becomes of the outcome: one object for each kind of request, none for each request. */
  readonly handler: RequestHandler;
  /** Only for the handler. */
  readonly context: unknown;
}

export interface RequestHandler {
  finished(request: PendingRequest, outcome: ReplyOutcome): void;
}

/** All requests in flight at this node, by the id under which their replica knows them. */
export class Requests {
  readonly #connections: Connections;
  readonly #byId = new Map<number, PendingRequest>();
  #nextId = 1;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Takes note of a request; the id goes to the replica. */
  add(request: PendingRequest): number {
    const id = this.#nextId++;
    this.#byId.set(id, request);
    if (request.connection !== null) this.#connections.started(request.connection, request.bytes);
    return id;
  }

  /** A replica answered. */
  reply(id: number, outcome: ReplyOutcome): void {
    const request = this.#byId.get(id);
    if (request === undefined) return;
    this.#byId.delete(id);
    if (request.connection !== null) this.#connections.finished(request.connection, request.bytes);
    request.handler.finished(request, outcome);
  }

  /** Ends every request of a group (all: null) whose replica will answer no more. */
  endAll(group: HostedGroup | null, outcome: ReplyOutcome): void {
    for (const [id, request] of this.#byId)
      if (group === null || request.group === group) this.reply(id, outcome);
  }
}
