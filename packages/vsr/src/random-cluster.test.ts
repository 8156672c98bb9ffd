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
  DEFAULT_TIMEOUTS,
  decodeMessage,
  decodeStateRecord,
  encodeMessage,
  encodeStateRecord,
  type NodeId,
  type PersistWrite,
  type Random,
  type ReplayItem,
  Replica,
  type ReplicaEffects,
  type ReplyOutcome,
  replayJournal,
  type StateMachine,
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
  /** op → checksum, as any replica applied it. */
  readonly canonical = new Map<number, string>();
  readonly acked = new Map<string, number>();
  problems: string[] = [];
  time = 0;

  constructor(n: number, seed: number) {
    this.random = mulberry(seed);
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
  pending: { token: number; items: ReplayItem[] }[] = [];
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
    const recovery = replayJournal(this.durable, { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0 });
    if (recovery === null) throw new Error('unreadable journal');
    this.replica = new Replica(
      {
        group: 1,
        epoch: 0,
        members: Array.from({ length: this.n }, (_, i) => i),
        self: this.id,
        startCounter: this.starts,
        pipeline: 4,
        pipelineBytes: 1 << 20,
        queueMax: 8,
        queueBytesMax: 1 << 20,
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
    for (const { header } of this.machine.applied) {
      const known = canonical.get(header.op);
      if (known === undefined) canonical.set(header.op, header.checksum);
      else if (known !== header.checksum) problems.push(`op ${header.op} differs at node ${this.id}`);
    }
  }

  flush(): void {
    const write = this.pending.shift();
    if (write === undefined || this.replica === null) return;
    this.durable.push(...write.items);
    this.replica.step({ type: 'persisted', token: write.token, ok: true }, this);
  }

  serveLoad(): void {
    const load = this.loads.shift();
    if (load === undefined || this.replica === null) return;
    const prepares = this.machine.applied.slice(load.first - 1, load.last);
    this.replica.step({ type: 'loaded', token: load.token, prepares }, this);
  }

  send(to: NodeId, message: Parameters<ReplicaEffects['send']>[1]): void {
    const { covered, bodies } = encodeMessage(message);
    this.cluster.flights.push({
      from: this.id,
      to,
      bytes: Buffer.concat([covered, ...bodies]),
      covered: covered.length,
    });
  }

  persist(token: number, write: PersistWrite): void {
    const items: ReplayItem[] = [];
    if (write.type === 'state') {
      const record = decodeStateRecord(encodeStateRecord(write.record), checksums);
      if (!record.ok) throw new Error(record.error.message);
      items.push({ type: 'state', record: record.value });
    }
    for (const prepare of write.prepares) items.push({ type: 'prepare', prepare });
    this.pending.push({ token, items });
  }

  load(token: number, first: number, last: number): void {
    this.loads.push({ token, first, last });
  }

  reply(_requestId: number, outcome: ReplyOutcome): void {
    if (outcome.type !== 'reply') return;
    const op = outcome.reply as number;
    const prepare = this.machine.applied[op - 1];
    if (prepare === undefined) this.cluster.problems.push(`op ${op} answered before it was applied`);
    else this.cluster.acked.set(prepareBody(prepare).toString(), op);
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
      node.replica?.step({ type: 'tick', late: false }, node);
    } else if (draw < 96) {
      const body = Buffer.from(`request ${request++}`);
      const bytes = Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), body]);
      node.replica?.step(
        { type: 'request', request: { id: request, kind: PrepareKind.metadata, bytes, context: null } },
        node,
      );
    } else if (faults && draw === 96 && random.below(4) === 0) {
      if (node.replica === null) node.start();
      else node.crash();
    } else if (faults && draw === 97 && random.below(10) === 0) {
      // Silence: what is under way is lost, and time passes until somebody suspects.
      cluster.flights = [];
      for (let i = 0; i < 70; i++)
        for (const each of cluster.nodes) each.replica?.step({ type: 'tick', late: false }, each);
    }
    for (const each of cluster.nodes) each.settle();
  };
  for (let i = 0; i < steps; i++) one();
  faults = false;
  for (const node of cluster.nodes) if (node.replica === null) node.start();
  for (let round = 0; round < 600; round++) {
    for (const node of cluster.nodes) node.replica?.step({ type: 'tick', late: false }, node);
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
  for (const [body, op] of cluster.acked) {
    for (const node of cluster.nodes) {
      expect(prepareBody(node.machine.applied[op - 1] as Prepare).toString(), `seed ${seed}`).toBe(body);
    }
  }
}

describe('random walks of one group', () => {
  for (const n of [1, 2, 3, 4, 5]) {
    it(`n = ${n}: one chain, nothing acked is lost, everyone converges`, () => {
      let acked = 0;
      let views = 0;
      for (let seed = 1; seed <= 40; seed++) {
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
