import { createHash } from 'node:crypto';
import {
  type Checksums,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  prepareBody,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  DEFAULT_TIMEOUTS,
  decodeMessage,
  decodeStateRecord,
  encodeMessage,
  encodeStateRecord,
  type NodeId,
  type PersistWrite,
  type PrepareOk,
  type Random,
  type ReplayItem,
  Replica,
  type ReplicaEffects,
  type ReplicaRecovery,
  type ReplyOutcome,
  replayJournal,
  type StateMachine,
  type StateRecord,
} from './index.ts';

/** Small random walks of one group over the message and journal codecs; the simulator does it at full size. */

const checksums: Checksums = {
  crc32: () => 0,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

function mulberry(seed: number): Random {
  let a = seed >>> 0;
  const u32 = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { u32, below: (bound) => u32() % bound, fork: (label) => mulberry(u32() ^ label.length) };
}

/** A machine that lists the texts it was given. */
class ListMachine implements StateMachine {
  readonly applied: Prepare[] = [];
  admit() {
    return {
      type: 'prepare' as const,
      context: { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 },
    };
  }
  prepared(): void {}
  rebuildHead(): void {}
  nextOffset(): number {
    return 0;
  }
  apply(prepare: Prepare): number {
    this.applied.push(prepare);
    return prepare.header.op;
  }
  snapshot(): Buffer {
    return Buffer.alloc(0);
  }
  restore(): void {}
}

interface Flight {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly bytes: Buffer;
  readonly covered: number;
}

class Cluster {
  readonly nodes: Node[] = [];
  readonly random: Random;
  flights: Flight[] = [];
  /** Some of what was ever sent: delivered again at any time, to later lives of a replica too. */
  readonly archive: Flight[] = [];
  /** op → checksum, as any replica applied it. */
  readonly canonical = new Map<number, string>();
  /** Request id → body; and → the op whose reply it got. */
  readonly requests = new Map<number, string>();
  readonly acked = new Map<number, number>();
  problems: string[] = [];
  time = 0;
  readonly pipeline: number;

  constructor(n: number, seed: number) {
    this.random = mulberry(seed);
    this.pipeline = [1, 4, 32][this.random.below(3)] as number;
    for (let id = 0; id < n; id++) this.nodes.push(new Node(this, id, n));
    for (const node of this.nodes) node.start();
  }

  deliver(flight: Flight): void {
    const node = this.nodes[flight.to] as Node;
    if (node.replica === null) return;
    const message = decodeMessage(flight.bytes, flight.covered, checksums);
    if (!message.ok) throw new Error(message.error.message);
    node.replica.step({ type: 'message', from: flight.from, message: message.value }, node);
  }
}

class Node implements ReplicaEffects {
  replica: Replica | null = null;
  machine = new ListMachine();
  durable: ReplayItem[] = [];
  /** Writes under way, in order; those without a token are a checkpoint's or a part of a large write. */
  pending: { token: number | null; items: ReplayItem[]; after?: () => void }[] = [];
  checkpoint: Checkpoint = { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0, mode: 'disk', lossEpoch: 0 };
  /** The ops that the checkpoint covers. */
  segments: Prepare[] = [];
  checked = 0;
  loads: { token: number; first: number; last: number }[] = [];
  starts = 0;
  readonly cluster: Cluster;
  readonly id: NodeId;
  readonly n: number;

  constructor(cluster: Cluster, id: NodeId, n: number) {
    this.cluster = cluster;
    this.id = id;
    this.n = n;
  }

  start(): void {
    this.starts++;
    this.machine = new ListMachine();
    this.machine.applied.push(...this.segments);
    const recovery = this.replay();
    this.replica = new Replica(
      {
        group: 1,
        epoch: 0,
        members: Array.from({ length: this.n }, (_, i) => i),
        self: this.id,
        startCounter: this.starts,
        pipeline: this.cluster.pipeline,
        pipelineBytes: 1 << 20,
        queueMax: 8,
        queueBytesMax: 1 << 20,
        coldStart: 'wait',
        digestEvery: 16,
        timeouts: DEFAULT_TIMEOUTS,
      },
      this.machine,
      {
        clock: { monotonicMs: () => this.cluster.time, wallMicros: () => this.cluster.time * 1000 },
        random: this.cluster.random.fork(`node ${this.id}`),
        checksums,
      },
      recovery,
      this,
    );
  }

  replay(): ReplicaRecovery {
    const isAbove = (item: ReplayItem) =>
      item.type !== 'prepare' || item.prepare.header.op > this.checkpoint.op;
    const recovery = replayJournal(this.durable.filter(isAbove), this.checkpoint);
    if (recovery === null) throw new Error(`unreadable journal at node ${this.id}`);
    return recovery;
  }

  /**
   * As the broker does it: promise and uncommitted ops are copied, then comes a snapshot of what is applied by
   * then, then what the journal held before may go. A crash may come between any two.
   */
  beginCheckpoint(): void {
    const { replica, pending, durable, cluster } = this;
    if (replica === null || pending.some((write) => write.after !== undefined)) return;
    const record = replica.stateRecord();
    const old = cluster.random.below(durable.length + 1);
    const pieces = [replica.uncommitted().slice(0, 2), replica.uncommitted().slice(2)];
    for (const prepares of pieces) pending.push({ token: null, items: this.items(record, prepares) });
    const release = () => void this.durable.splice(0, old);
    const snapshot = () => {
      const { applied } = this.machine;
      const last = applied.at(-1);
      // A crash while the copies were under way ends the attempt; what has replaced the replica knows nothing of it.
      if (this.replica !== replica || last === undefined) return;
      const { op, checksum, timestamp } = last.header;
      this.segments = applied.slice();
      this.checkpoint = { ...this.checkpoint, op, checksum, timestamp };
      pending.push({ token: null, items: [], after: release });
    };
    pending.push({ token: null, items: [], after: snapshot });
  }

  /** What a write puts into the journal: prepares first, as storage does. */
  items(record: StateRecord | null, prepares: readonly Prepare[]): ReplayItem[] {
    const items: ReplayItem[] = prepares.map((prepare) => ({ type: 'prepare', prepare }));
    if (record !== null) {
      const read = decodeStateRecord(encodeStateRecord(record), checksums);
      if (!read.ok) throw new Error(read.error.message);
      items.push({ type: 'state', record: read.value });
    }
    return items;
  }

  crash(): void {
    const kept = this.cluster.random.below(this.pending.length + 1);
    for (const write of this.pending.slice(0, kept)) this.durable.push(...write.items);
    this.pending = [];
    this.loads = [];
    this.replica = null;
  }

  settle(): void {
    this.replica?.settle(this);
    const { canonical, problems } = this.cluster;
    const { applied } = this.machine;
    if (this.checked > applied.length) this.checked = 0;
    while (this.checked < applied.length) {
      const { header } = applied[this.checked++] as Prepare;
      const known = canonical.get(header.op);
      if (known === undefined) canonical.set(header.op, header.checksum);
      else if (known !== header.checksum) problems.push(`op ${header.op} differs at node ${this.id}`);
    }
  }

  flush(): void {
    const write = this.pending.shift();
    if (write === undefined || this.replica === null) return;
    this.durable.push(...write.items);
    write.after?.();
    if (write.token !== null) this.replica.step({ type: 'persisted', token: write.token, ok: true }, this);
  }

  serveLoad(): void {
    const load = this.loads.shift();
    if (load === undefined || this.replica === null) return;
    const prepares = this.machine.applied.slice(load.first - 1, Math.min(load.last, load.first + 2));
    this.replica.step({ type: 'loaded', token: load.token, prepares }, this);
  }

  send(to: NodeId, message: Parameters<ReplicaEffects['send']>[1]): void {
    const { covered, bodies } = encodeMessage(message);
    const bytes = Buffer.concat([covered, ...bodies]);
    const flight = { from: this.id, to, bytes, covered: covered.length };
    const { flights, archive, random } = this.cluster;
    flights.push(flight);
    if (random.below(10) === 0) archive[random.below(100)] = flight;
    if (message.type === 'prepareOk' && random.below(4) === 0) this.checkAck(message);
  }

  /** A crash right now would leave the chain up to the op that is acked, every body above what is committed. */
  checkAck({ op, checksum, commitMin, view }: PrepareOk): void {
    const { record, entries } = this.replay();
    const upTo = entries.slice(0, Math.max(0, op - this.checkpoint.op));
    const isHeld = upTo.every((entry) => entry.prepare !== null || entry.header.op <= commitMin);
    const isThere = op <= this.checkpoint.op || upTo.at(-1)?.header.checksum === checksum;
    if (!isHeld || !isThere || record?.view !== view)
      this.cluster.problems.push(`node ${this.id} acks op ${op} before it is durable`);
  }

  persist(token: number, write: PersistWrite): void {
    const [first, ...rest] = write.prepares;
    // A write that is large is cut: only the last part is answered.
    if (rest.length > 0 && this.cluster.random.below(3) === 0)
      this.pending.push({ token: null, items: this.items(null, [first as Prepare]) });
    this.pending.push({
      token,
      items: this.items(write.type === 'state' ? write.record : null, write.prepares),
    });
  }

  load(token: number, first: number, last: number): void {
    this.loads.push({ token, first, last });
  }

  reply(requestId: number, outcome: ReplyOutcome): void {
    if (outcome.type !== 'reply') return;
    const op = outcome.reply as number;
    const prepare = this.machine.applied[op - 1];
    const { requests, acked, problems } = this.cluster;
    if (prepare === undefined) problems.push(`op ${op} answered before it was applied`);
    else if (prepareBody(prepare).toString() !== requests.get(requestId))
      problems.push(`request ${requestId} got the reply of another one's op ${op}`);
    else acked.set(requestId, op);
  }
}

function walk(n: number, seed: number, steps: number): Cluster {
  const cluster = new Cluster(n, seed);
  const { random } = cluster;
  let request = 0;
  let faults = true;
  const one = (): void => {
    const draw = random.below(100);
    const node = cluster.nodes[random.below(n)] as Node;
    if (draw < 50 && cluster.flights.length > 0) {
      const at = faults ? random.below(cluster.flights.length) : 0;
      const flight = cluster.flights[at] as Flight;
      const fate = faults ? random.below(20) : 19;
      if (fate !== 0) cluster.flights.splice(at, 1);
      if (fate !== 1) cluster.deliver(flight);
    } else if (draw < 75) {
      node.flush();
      node.serveLoad();
    } else if (draw < 84) {
      cluster.time += 10;
      node.replica?.step({ type: 'tick' }, node);
    } else if (draw < 95) {
      const body = Buffer.from(`request ${++request}`);
      cluster.requests.set(request, body.toString());
      const bytes = Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), body]);
      node.replica?.step(
        { type: 'request', request: { id: request, kind: PrepareKind.metadata, bytes, context: null } },
        node,
      );
    } else if (faults && draw < 97 && random.below(3) === 0) {
      if (node.replica === null) {
        node.start();
      } else {
        node.crash();
        if (random.below(2) === 0)
          for (const each of cluster.nodes) each.replica?.step({ type: 'peerLost', node: node.id }, each);
      }
    } else if (faults && draw === 98 && random.below(2) === 0) {
      if (random.below(2) === 0) node.beginCheckpoint();
      const late = cluster.archive[random.below(100)];
      if (late !== undefined) cluster.deliver(late);
    } else if (faults && draw === 97 && random.below(10) === 0) {
      // Silence: what is under way is lost, and time passes until somebody suspects.
      cluster.flights = [];
      for (let i = 0; i < 70; i++)
        for (const each of cluster.nodes) each.replica?.step({ type: 'tick' }, each);
    }
    for (const each of cluster.nodes) each.settle();
  };
  for (let i = 0; i < steps; i++) one();
  faults = false;
  for (const node of cluster.nodes) if (node.replica === null) node.start();
  for (let round = 0; round < 1000 && !(round % 20 === 0 && hasConverged(cluster)); round++) {
    for (const node of cluster.nodes) node.replica?.step({ type: 'tick' }, node);
    for (let i = 0; i < 4; i++) {
      const flights = cluster.flights;
      cluster.flights = [];
      for (const flight of flights) cluster.deliver(flight);
      for (const node of cluster.nodes) {
        node.settle();
        while (node.pending.length > 0) node.flush();
        while (node.loads.length > 0) node.serveLoad();
        node.settle();
      }
    }
  }
  return cluster;
}

function hasConverged({ nodes }: Cluster): boolean {
  const heads = new Set(nodes.map((node) => node.replica?.state.commitMin));
  const idle = nodes.every(
    (node) => node.replica?.state.status === 'normal' && node.replica.state.fetch === null,
  );
  return idle && heads.size === 1 && nodes.some((node) => node.replica?.leading);
}

function verify(cluster: Cluster, seed: number): void {
  expect(cluster.problems, `seed ${seed}`).toEqual([]);
  const heads = cluster.nodes.map((node) => node.replica?.state.commitMin);
  const states = cluster.nodes.map(
    (node) => `${node.replica?.state.status} ${node.replica?.state.view} ${node.replica?.op}`,
  );
  expect(new Set(heads).size, `seed ${seed}: ${heads} ${states}`).toBe(1);
  expect(
    cluster.nodes.some((node) => node.replica?.leading),
    `seed ${seed}: ${states}`,
  ).toBe(true);
  for (const [id, op] of cluster.acked) {
    for (const { machine } of cluster.nodes) {
      const body = prepareBody(machine.applied[op - 1] as Prepare).toString();
      expect(body, `seed ${seed}`).toBe(cluster.requests.get(id));
    }
  }
}

describe('random walks of one group', () => {
  for (const n of [1, 2, 3, 4, 5]) {
    it(`n = ${n}: one chain, nothing acked is lost, everyone converges`, () => {
      let acked = 0;
      let views = 0;
      for (let seed = 1; seed <= 100; seed++) {
        const cluster = walk(n, seed * 1000 + n, 1500);
        verify(cluster, seed * 1000 + n);
        acked += cluster.acked.size;
        views += cluster.nodes[0]?.replica?.state.view ?? 0;
      }
      expect(acked).toBeGreaterThan(100);
      expect(views).toBeGreaterThan(20);
    });
  }
});
