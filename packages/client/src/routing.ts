import type { Durability, TopicDescription, VireoError } from '@vireo/protocol';
import { type Address, parseAddress } from './addresses.ts';

/** One group of a topic's partition, and what is believed of its primary. */
export interface GroupRoute {
  readonly group: number;
  readonly partition: number;
  /** Node ids in the order in which views pass over them. */
  members: readonly number[];
  /** The newest (epoch, view) heard of; −1, −1 when nothing was. */
  epoch: number;
  view: number;
  /** Node believed to be the primary. */
  primary: number;
}

/** A topic as the metadata describes it. */
export interface TopicRoute {
  readonly id: number;
  readonly stream: string;
  readonly name: string;
  readonly partitions: number;
  /** Modulus of the key hash: what `partitions` was at creation. */
  readonly keyPartitions: number;
  /** Routing version: goes with keyed batches. */
  readonly version: number;
  readonly durability: Durability;
  /** By partition. */
  readonly groups: readonly GroupRoute[];
}

/** Where else to go, as an error's details say it. */
export interface Redirect {
  readonly epoch: number;
  readonly view: number;
  readonly primary: number | null;
  readonly address: string | null;
}

/** The cache of metadata and of who is primary where. A belief is only a hint: a node that is asked wrongly says so. */
export class Routing {
  readonly #nodes = new Map<number, Address>();
  readonly #groups = new Map<number, GroupRoute>();
  /** Highest stamp of metadata seen: a node below it has to catch up before it answers. */
  stamp = 0;

  sawStamp(stamp: number): void {
    if (stamp > this.stamp) this.stamp = stamp;
  }

  /** Takes in nodes; an address that cannot be read is left out (a newer node may speak of other kinds). */
  sawNodes(nodes: readonly { readonly id: number; readonly address: string }[]): void {
    for (const { id, address } of nodes) this.#sawNode(id, address);
  }

  #sawNode(id: number, address: string): void {
    try {
      this.#nodes.set(id, parseAddress(address));
    } catch {
      return;
    }
  }

  address(node: number): Address | undefined {
    return this.#nodes.get(node);
  }

  get nodes(): readonly number[] {
    return [...this.#nodes.keys()];
  }

  get addresses(): readonly Address[] {
    return [...this.#nodes.values()];
  }

  /** Takes in a topic; beliefs about the primaries of groups known before are kept. */
  sawTopic(stream: string, topic: TopicDescription): TopicRoute {
    const groups: GroupRoute[] = [];
    for (const { group, partition, members } of topic.groups) {
      let route = this.#groups.get(group);
      if (route === undefined) {
        route = { group, partition, members, epoch: -1, view: -1, primary: members[0] ?? -1 };
        this.#groups.set(group, route);
      } else {
        route.members = members;
      }
      groups[partition] = route;
    }
    const { id, name, partitions, keyPartitions, version, durability } = topic;
    return { id, stream, name, partitions, keyPartitions, version, durability, groups };
  }

  /**
   * Takes a hint about a group. Counts only if its (epoch, view) is higher than what is known: redirects of nodes
   * that are behind would send the client in circles. Returns whether it counted.
   */
  hint(route: GroupRoute, redirect: Redirect): boolean {
    const { epoch, view, primary, address } = redirect;
    if (epoch < route.epoch || (epoch === route.epoch && view <= route.view)) return false;
    route.epoch = epoch;
    route.view = view;
    const computed = route.members[view % Math.max(1, route.members.length)];
    route.primary = primary ?? computed ?? route.primary;
    if (primary !== null && address !== null) this.#sawNode(primary, address);
    return true;
  }

  /** A node has answered as primary of `view`. */
  served(route: GroupRoute, view: number, node: number): void {
    if (view < route.view) return;
    route.view = view;
    route.primary = node;
    if (route.epoch < 0) route.epoch = 0;
  }
}

/** Reads `{view, epoch, primary, address}` from an error's details; null when it names no view. */
export function redirectOf(error: VireoError): Redirect | null {
  const { details } = error;
  if (details === undefined) return null;
  const { view, epoch, primary, address } = details;
  if (!isCount(view)) return null;
  return {
    view,
    epoch: isCount(epoch) ? epoch : 0,
    primary: isCount(primary) ? primary : null,
    address: typeof address === 'string' ? address : null,
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
