import type {
  ClusterDescription,
  ControlOp,
  ControlRequest,
  ControlResponse,
  ControlResponses,
  Durability,
  NodeDescription,
  TopicDescription,
} from '@vireo/protocol';
import { VireoError, validateName } from '@vireo/protocol';
import { backoffMs, Call, type CallOptions } from './call.ts';
import type { Control } from './control.ts';
import type { Links } from './links.ts';
import { type GroupRoute, type Routing, redirectOf, type TopicRoute } from './routing.ts';

export interface TopicSettings {
  /** Default 1. */
  readonly partitions?: number;
  /** Replicas of each partition. Default 3. */
  readonly replication?: number;
  /** What an ack promises. Default `disk`. */
  readonly durability?: Durability;
}

/** Bounds of a partition as its primary knows them: `end` is one past the last committed record. */
export type PartitionBounds = ControlResponses['partitionInfo'];

/** Streams, topics, and what nodes say of themselves. Topics are named `stream/topic`. */
export class Admin {
  readonly #control: Control;
  readonly #links: Links;
  readonly #routing: Routing;

  constructor(control: Control, links: Links, routing: Routing) {
    this.#control = control;
    this.#links = links;
    this.#routing = routing;
  }

  /** @throws VireoError `alreadyExists`, `invalidName`, `limit` */
  async createStream(name: string, options: CallOptions = {}): Promise<{ readonly streamId: number }> {
    checkName(name);
    return this.#request({ op: 'createStream', name }, options, false);
  }

  /** @throws VireoError `unknownStream`; `streamNotEmpty` without `cascade` */
  async deleteStream(
    name: string,
    options: CallOptions & { readonly cascade?: boolean } = {},
  ): Promise<void> {
    checkName(name);
    await this.#request(
      { op: 'deleteStream', stream: name, cascade: options.cascade ?? false },
      options,
      false,
    );
  }

  /** @throws VireoError `alreadyExists`, `unknownStream`, `tooManyReplicas`, `invalidName`, `limit` */
  async createTopic(
    topic: string,
    settings: TopicSettings = {},
    options: CallOptions = {},
  ): Promise<{ readonly topicId: number }> {
    const { stream, name } = splitTopic(topic);
    const { partitions = 1, replication = 3, durability = 'disk' } = settings;
    return this.#request(
      { op: 'createTopic', stream, name, partitions, replication, durability },
      options,
      false,
    );
  }

  /**
   * Changes what acks of a topic promise. The metadata says so at once; each partition follows with an op in its own
   * log, and `partitionInfo` says when it has. From then on an ack tells the new durability. Again with the same: no
   * effect. @throws VireoError `unknownTopic`
   */
  async alterTopic(
    topic: string | { readonly topicId: number },
    change: { readonly durability: Durability },
    options: CallOptions = {},
  ): Promise<void> {
    const { durability } = change;
    const target = typeof topic === 'string' ? targetOf(topic) : ({ topicId: topic.topicId } as const);
    await this.#request({ op: 'alterTopic', target, durability }, options, true);
  }

  /** By name, or by id: then a repeated delete cannot hit a successor of the same name. @throws VireoError `unknownTopic` */
  async deleteTopic(topic: string | { readonly topicId: number }, options: CallOptions = {}): Promise<void> {
    if (typeof topic !== 'string') {
      await this.#request({ op: 'deleteTopic', target: { topicId: topic.topicId } }, options, true);
      return;
    }
    await this.#request({ op: 'deleteTopic', target: targetOf(topic) }, options, false);
  }

  /** All streams, topics and nodes. */
  async describe(options: CallOptions = {}): Promise<ClusterDescription> {
    const description = await this.#request({ op: 'describe' }, options, true);
    this.#routing.sawNodes(description.nodes);
    for (const { name, topics } of description.streams) {
      for (const topic of topics) this.#routing.sawTopic(name, topic);
    }
    return description;
  }

  /** One topic. @throws VireoError `unknownStream`, `unknownTopic` */
  async lookupTopic(
    topic: string,
    options: CallOptions = {},
  ): Promise<{ readonly topic: TopicDescription; readonly nodes: readonly NodeDescription[] }> {
    const { stream, name } = splitTopic(topic);
    const found = await this.#request({ op: 'lookupTopic', stream, topic: name }, options, true);
    this.#routing.sawNodes(found.nodes);
    return { topic: found.topic, nodes: found.nodes };
  }

  /** The replicas of one node. */
  groupStates(node: number, options: CallOptions = {}): Promise<ControlResponse<'groupStates'>> {
    return this.#ask(node, { op: 'groupStates' }, options);
  }

  /**
   * Orders the replica of one node to take part in a cold start of its group: for a group of which so many members lost
   * what they acknowledged that it has no primary and never will by itself. It goes on from the best log that is left;
   * what was acknowledged beyond is gone, and every ack and read says so by a raised `lossEpoch`. Each member has to be
   * ordered. @throws VireoError `invalid` when the group has a primary, `unknownGroup`
   */
  coldStart(
    node: number,
    group: number,
    options: CallOptions & {
      /** Also without members that do not answer: what they alone hold is given up. Default false. */
      readonly without?: boolean;
    } = {},
  ): Promise<ControlResponse<'coldStart'>> {
    return this.#ask(node, { op: 'coldStart', group, without: options.without ?? false }, options);
  }

  /**
   * Asks the primary of a group to let another member lead: `target`, or whichever has most of the log. The primary takes no
   * more on, and goes when its successor has everything: some ten milliseconds without acks. The answer says that it
   * has been asked, and the view it led then; one that does not come along within 300 ms is given up.
   * @throws VireoError `notPrimary`, `notReady`, `behind` (the target lacks too much of the log), `invalid` (it is no member)
   */
  transfer(
    node: number,
    group: number,
    target: number | undefined,
    options: CallOptions = {},
  ): Promise<ControlResponse<'transfer'>> {
    return this.#ask(node, { op: 'transfer', group, target }, options);
  }

  /** Counters and histograms of one node. */
  stats(node: number, options: CallOptions = {}): Promise<ControlResponse<'stats'>> {
    return this.#ask(node, { op: 'stats' }, options);
  }

  /** Bounds of a partition, from its primary. @throws VireoError `unknownPartition` */
  async partitionInfo(topic: string, partition: number, options: CallOptions = {}): Promise<PartitionBounds> {
    const call = new Call(options);
    try {
      const route = await this.route(topic, call);
      const group = route.groups[partition];
      if (group === undefined) throw unknownPartition(topic, partition, route.partitions);
      return await this.bounds(group, call);
    } finally {
      call.dispose();
    }
  }

  /** @internal The topic, with its routing. */
  async route(topic: string, call: Call): Promise<TopicRoute> {
    const { stream, name } = splitTopic(topic);
    const found = await this.#control.request<'lookupTopic'>(
      { op: 'lookupTopic', stream, topic: name },
      call,
      true,
    );
    this.#routing.sawNodes(found.nodes);
    return this.#routing.sawTopic(stream, found.topic);
  }

  /** @internal Asks the primary of a group, wherever it is by now. */
  async bounds(route: GroupRoute, call: Call): Promise<PartitionBounds> {
    let failures = 0;
    let hops = 0;
    let node = route.primary;
    for (;;) {
      call.throwIfOver();
      try {
        const connection = await call.wait(this.#links.data(node), 'notApplied');
        const bounds = await connection.request<'partitionInfo'>(
          { op: 'partitionInfo', group: route.group, stamp: this.#routing.stamp },
          call,
          'notApplied',
        );
        this.#routing.served(route, bounds.view, bounds.node);
        return bounds;
      } catch (cause) {
        if (!VireoError.is(cause) || call.over || !cause.retryable) throw cause;
        const redirect = redirectOf(cause);
        const counted = redirect !== null && this.#routing.hint(route, redirect);
        if (counted && hops++ < HOPS_MAX) {
          node = route.primary;
          continue;
        }
        hops = 0;
        await call.sleep(backoffMs(failures++));
        const { members } = route;
        node = counted
          ? route.primary
          : (members[(members.indexOf(node) + 1) % members.length] ?? route.primary);
      }
    }
  }

  async #request<Op extends ControlOp>(
    request: Extract<ControlRequest, { op: Op }>,
    options: CallOptions,
    repeatable: boolean,
  ): Promise<ControlResponse<Op>> {
    const call = new Call(options);
    try {
      return await this.#control.request<Op>(request, call, repeatable);
    } finally {
      call.dispose();
    }
  }

  /** Asks one node for what only it knows. Not repeated: who asks a node wants to know whether it answers. */
  async #ask<Op extends ControlOp>(
    node: number,
    request: Extract<ControlRequest, { op: Op }>,
    options: CallOptions,
  ): Promise<ControlResponse<Op>> {
    const call = new Call(options);
    try {
      const connection = await call.wait(this.#links.data(node), 'notApplied');
      return await connection.request<Op>(request, call, 'notApplied');
    } finally {
      call.dispose();
    }
  }
}

const HOPS_MAX = 5;

/** Splits `stream/topic`. @throws VireoError `invalidName` */
export function splitTopic(topic: string): { stream: string; name: string } {
  const slash = topic.indexOf('/');
  if (slash < 0)
    throw new VireoError('invalidName', `a topic is named stream/topic, not ${JSON.stringify(topic)}`);
  const stream = topic.slice(0, slash);
  const name = topic.slice(slash + 1);
  checkName(stream);
  checkName(name);
  return { stream, name };
}

function targetOf(topic: string): { readonly stream: string; readonly topic: string } {
  const { stream, name } = splitTopic(topic);
  return { stream, topic: name };
}

function checkName(name: string): void {
  const error = validateName(name);
  if (error !== null)
    throw new VireoError(error.code, `${error.message}: ${JSON.stringify(name.slice(0, 64))}`);
}

export function unknownPartition(topic: string, partition: number, partitions: number): VireoError {
  return new VireoError(
    'unknownPartition',
    `${topic} has partitions 0 to ${partitions - 1}, not ${partition}`,
  );
}
