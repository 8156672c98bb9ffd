import {
  type Checksums,
  ModeFlag,
  PREPARE_HEADER_SIZE,
  PrepareKind,
  type PrepareKindValue,
} from '@vireo/protocol';
import type { Message } from '../message.ts';
import { decodeMessage } from '../message-codec.ts';
import type { Mode } from '../mode.ts';
import { type NodeId, quorums } from '../quorums.ts';
import type { ReplayItem } from '../replay.ts';
import type { Random } from '../world.ts';
import { Ghost } from './ghost.ts';
import { Node } from './node.ts';

interface Flight {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly bytes: Buffer;
  readonly covered: number;
  readonly type: Message['type'];
}

export interface ClusterOptions {
  readonly n: number;
  /** In which the group is born. */
  readonly mode: Mode;
  readonly pipeline: number;
  readonly coldStart: 'wait' | 'allPresent';
  readonly digestEvery: number;
  /** More faults than the group can bear: then loss is allowed that is said by a raised loss epoch. */
  readonly beyond: boolean;
}

export function mulberry(seed: number): Random {
  let a = seed >>> 0;
  const u32 = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { u32, below: (bound) => u32() % bound, fork: (label) => mulberry(u32() ^ label.length) };
}

const ARCHIVE_SIZE = 200;

/** The nodes of one group, the network between them, and the budget of faults. */
export class Cluster {
  readonly nodes: Node[] = [];
  readonly ghost: Ghost;
  flights: Flight[] = [];
  /** Some of what was ever sent: delivered again at any time, to later lives of a replica too. */
  readonly archive: Flight[] = [];
  /** Request id → body; and → the op whose reply it got. */
  readonly requests = new Map<number, string>();
  readonly acked = new Map<number, { op: number; lossEpoch: number }>();
  time = 0;
  /** Most of these messages are lost. */
  muted: Message['type'] | null = null;
  /** Gone for good. */
  dead: Node | null = null;
  readonly options: ClusterOptions;
  readonly random: Random;
  readonly checksums: Checksums;

  constructor(options: ClusterOptions, random: Random, checksums: Checksums) {
    this.options = options;
    this.random = random;
    this.checksums = checksums;
    this.ghost = new Ghost(options.n);
    for (let id = 0; id < options.n; id++) this.nodes.push(new Node(this, id));
    for (const node of this.nodes) node.start();
  }

  get alive(): Node[] {
    return this.nodes.filter((node) => node !== this.dead);
  }

  send(flight: Flight): void {
    if (flight.type !== this.muted || this.random.below(8) === 0) this.flights.push(flight);
    if (this.random.below(10) === 0) this.archive[this.random.below(ARCHIVE_SIZE)] = flight;
  }

  deliver(flight: Flight): void {
    const node = this.nodes[flight.to] as Node;
    if (node.replica === null) return;
    const message = decodeMessage(flight.bytes, flight.covered, this.checksums);
    if (!message.ok) throw new Error(message.error.message);
    node.step({ type: 'message', from: flight.from, message: message.value });
  }

  request(node: Node): void {
    this.#hand(node, PrepareKind.metadata, `request ${this.requests.size + 1}`);
  }

  switchMode(node: Node, mode: Mode): void {
    this.#hand(node, PrepareKind.mode, '', mode === 'memory' ? ModeFlag.memory : ModeFlag.disk);
  }

  #hand(node: Node, kind: PrepareKindValue, text: string, flags = 0): void {
    const id = this.requests.size + 1;
    this.requests.set(id, text);
    const bytes = Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), Buffer.from(text)]);
    node.step({ type: 'request', request: { id, kind, bytes, flags, context: null } });
  }

  /** Faults that the group bears: members that may have lost something acked, or are gone. */
  #mayFail(node: Node): boolean {
    if (this.options.beyond) return true;
    const { n } = this.options;
    const others = this.nodes.filter((other) => other !== node && (other === this.dead || other.isFaulty));
    return others.length + 1 <= n - quorums(n).viewChange;
  }

  crash(node: Node): void {
    if (node.replica === null || (node.mayForget && !this.#mayFail(node))) return;
    node.crash();
    if (this.random.below(2) === 0)
      for (const each of this.nodes) each.step({ type: 'peerLost', node: node.id });
  }

  bury(node: Node): void {
    if (!this.#mayFail(node)) return;
    if (node.replica !== null) node.crash();
    this.dead = node;
  }

  /** Bit rot in the journal of a node that is down: found at its next start. */
  damage(node: Node): void {
    if (node.replica !== null || node.flushes.length === 0 || !this.#mayFail(node)) return;
    const { random } = this;
    // The end of the journal is where it hurts.
    const at = random.below(2) === 0 ? node.flushes.length - 1 : random.below(node.flushes.length);
    const items = node.flushes[at] as ReplayItem[];
    const prepares = items.flatMap((item) => (item.type === 'prepare' ? [item.prepare.header] : []));
    if (prepares.length === 0) return;
    const start = items.findIndex((item) => item.type === 'prepare');
    const first = random.below(prepares.length);
    const last = random.below(3) === 0 ? first + random.below(prepares.length - first) : first;
    const isRun = prepares.slice(first, last + 1).every(({ op }, i) => op === (prepares[first]?.op ?? 0) + i);
    if (!isRun || items.slice(start, start + prepares.length).some(({ type }) => type !== 'prepare')) return;
    const needed = new Set(node.replay().entries.map(({ header }) => header.checksum));
    const isElsewhere = prepares
      .slice(first, last + 1)
      .every(({ checksum }) => !needed.has(checksum) || this.#isWholeElsewhere(node, checksum));
    if (isElsewhere || this.options.beyond)
      node.damage(at, start + first, start + last, random.below(2) === 0);
  }

  #isWholeElsewhere(node: Node, checksum: string): boolean {
    return this.alive.some((other) => other !== node && other.wholeOnDisk().has(checksum));
  }
}
