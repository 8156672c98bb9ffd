import { type Checksums, prepareBody } from '@vireo/protocol';
import type { Message } from '../message.ts';
import { quorums } from '../quorums.ts';
import { Cluster, type ClusterOptions, mulberry } from './cluster.ts';
import type { Node } from './node.ts';

/** How often what is drawn; drawn itself for each walk. */
interface Weights {
  readonly deliver: number;
  readonly flush: number;
  readonly tick: number;
  readonly request: number;
  readonly crash: number;
  readonly stop: number;
  readonly silence: number;
  readonly checkpoint: number;
  readonly mode: number;
  readonly damage: number;
  readonly late: number;
  readonly jump: number;
  readonly suspicion: number;
  readonly transfer: number;
  readonly handOver: number;
}

/** In half of the walks one of these gets through seldom. */
const MUTED: readonly Message['type'][] = [
  'repair',
  'prepare',
  'prepareOk',
  'commit',
  'startView',
  'getPrepare',
];

const HEAL_ROUNDS = 1500;

/** Chance for `steps` steps, then peace: everything is delivered, whoever may run runs. */
export function walk(options: ClusterOptions, seed: number, steps: number, checksums: Checksums): Cluster {
  const draw = mulberry(seed ^ 0x5eed);
  const cluster = new Cluster(options, mulberry(seed), checksums);
  const weights: Weights = {
    deliver: 40 + draw.below(50),
    flush: 10 + draw.below(30),
    tick: 3 + draw.below(25),
    request: 2 + draw.below(15),
    crash: draw.below(4),
    stop: draw.below(3),
    silence: draw.below(2),
    checkpoint: 1 + draw.below(2),
    mode: draw.below(3),
    damage: draw.below(3),
    late: draw.below(3),
    jump: draw.below(3),
    suspicion: draw.below(3),
    transfer: 2 * draw.below(4),
    handOver: draw.below(3),
  };
  const lossy = [1, 5, 20][draw.below(3)] as number;
  const isOrderly = draw.below(3) > 0;
  const muted = MUTED[draw.below(2 * MUTED.length)] ?? null;
  const phases = 1 + draw.below(3);
  for (let phase = 1; phase <= phases; phase++) {
    cluster.muted = muted;
    for (let i = 0; i < steps / phases && cluster.ghost.problems.length === 0; i++) {
      step(cluster, weights, lossy, isOrderly);
      for (const node of cluster.nodes) node.settle();
      if (cluster.flights.length > 400) cluster.flights.splice(0, 100);
    }
    if (cluster.ghost.problems.length > 0) return cluster;
    cluster.muted = null;
    heal(cluster, phase === phases && draw.below(3) === 0);
    if (cluster.ghost.problems.length > 0) return cluster;
  }
  return cluster;
}

function step(cluster: Cluster, weights: Weights, lossy: number, isOrderly: boolean): void {
  const { random, flights, nodes, options } = cluster;
  const node = nodes[random.below(nodes.length)] as Node;
  switch (pick(weights, random.below)) {
    case 'deliver': {
      if (flights.length === 0) return;
      const at = random.below(isOrderly ? Math.min(4, flights.length) : flights.length);
      const fate = random.below(100);
      const flight = flights[at]!;
      if (fate >= 3) flights.splice(at, 1);
      if (fate < 100 - lossy) cluster.deliver(flight);
      return;
    }
    case 'flush':
      node.flush();
      node.serveLoad();
      return;
    case 'tick':
      cluster.time += 10;
      node.step({ type: 'tick' });
      return;
    case 'request':
      cluster.request(node);
      return;
    case 'crash':
      if (node.replica === null) node.start();
      else if (random.below(4) === 0) cluster.crash(node);
      return;
    case 'stop':
      if (node.replica !== null && random.below(12) === 0) node.shutDown();
      return;
    case 'silence':
      if (random.below(30) > 0) return;
      if (random.below(2) === 0) cluster.flights = [];
      for (let i = 0; i < 70; i++) for (const each of nodes) each.step({ type: 'tick' });
      return;
    case 'checkpoint':
      if (random.below(2) === 0) node.syncSegments();
      else if (random.below(3) === 0 || node.replica?.wantsCheckpoint) node.beginCheckpoint();
      return;
    case 'mode':
      if (random.below(3) === 0) cluster.switchMode(node, random.below(2) === 0 ? 'memory' : 'disk');
      return;
    case 'damage':
      cluster.damage(node);
      return;
    case 'late': {
      const flight = cluster.archive[random.below(Math.max(1, cluster.archive.length))];
      if (flight !== undefined) cluster.deliver(flight);
      return;
    }
    case 'suspicion':
      // Somebody believes that the primary is gone, and others with him.
      if (random.below(4) === 0)
        for (const each of nodes)
          if (each.replica !== null && random.below(4) > 0)
            each.step({ type: 'peerLost', node: each.replica.primary });
      return;
    case 'transfer':
      if (random.below(3) === 0) node.step({ type: 'transferring', on: random.below(2) === 0 });
      else
        node.transferFrom(
          nodes.reduce((best, each) => (each.checkpoint.op > best.checkpoint.op ? each : best)),
        );
      return;
    case 'handOver':
      node.step({ type: 'handOver', to: random.below(nodes.length) });
      return;
    case 'jump':
      if (random.below(10) === 0) for (let i = 0; i < 30; i++) node.step({ type: 'tick' });
      return;
  }
  void options;
}

function pick(weights: Weights, below: (bound: number) => number): keyof Weights {
  const all = Object.entries(weights) as [keyof Weights, number][];
  let at = below(all.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [name, weight] of all) {
    if (at < weight) return name;
    at -= weight;
  }
  return 'tick';
}

/** Nothing fails any more: in the end all agree, and a new request is answered. */
function heal(cluster: Cluster, buries: boolean): void {
  const { nodes } = cluster;
  if (buries && nodes.length > quorums(nodes.length).replication)
    cluster.bury(cluster.nodes[cluster.random.below(cluster.nodes.length)] as Node);
  const { alive } = cluster;
  for (const node of alive) {
    if (node.replica === null) node.start();
    node.step({ type: 'transferring', on: false });
  }
  for (let round = 0; round < HEAL_ROUNDS; round++) {
    // With all members there the policy may do it alone, or there may be no need; an operator watches that.
    if (round === 400 && cluster.options.beyond && !hasConverged(cluster))
      for (const node of alive) node.step({ type: 'coldStart', without: cluster.dead !== null });
    for (const node of alive) node.step({ type: 'tick' });
    exchange(cluster);
    if (cluster.ghost.problems.length > 0) return;
    if (round % 20 === 19 && hasConverged(cluster)) {
      if (cluster.acked.has(cluster.requests.size)) break;
      for (const node of alive) if (node.replica?.leading) cluster.request(node);
    }
  }
  if (alive.some((node) => isLeftBehind(node, alive))) return;
  if (!hasConverged(cluster)) cluster.ghost.blame(`no agreement: ${alive.map(describe).join(' | ')}`);
  else if (!cluster.acked.has(cluster.requests.size)) cluster.ghost.blame('no request is answered any more');
  for (const [id, { op, lossEpoch }] of cluster.acked) {
    for (const node of alive) {
      const prepare = node.machine.applied[op - 1];
      const isThere = prepare !== undefined && prepareBody(prepare).toString() === cluster.requests.get(id);
      if (!isThere && (node.replica?.state.lossEpoch ?? 0) <= lossEpoch)
        cluster.ghost.blame(`request ${id}, op ${op}, was acked and is not at node ${node.id}`);
    }
  }
}

/** It was absent from a cold start, and has applied what that left out: it can not follow. */
function isLeftBehind({ machine, replica }: Node, alive: readonly Node[]): boolean {
  const last = machine.applied.at(-1);
  return alive.some(
    (other) =>
      (other.replica?.state.lossEpoch ?? 0) > (replica?.state.lossEpoch ?? 0) &&
      last !== undefined &&
      other.checksumAt(last.header.op) !== last.header.checksum,
  );
}

function exchange(cluster: Cluster): void {
  for (let i = 0; i < 4; i++) {
    const { flights } = cluster;
    cluster.flights = [];
    for (const flight of flights) cluster.deliver(flight);
    for (const node of cluster.alive) {
      node.settle();
      if (node.replica?.wantsCheckpoint) node.beginCheckpoint();
      while (node.pending.length > 0) node.flush();
      while (node.loads.length > 0) node.serveLoad();
      node.settle();
    }
  }
}

function hasConverged({ alive }: Cluster): boolean {
  const heads = new Set(alive.map((node) => node.machine.applied.at(-1)?.header.checksum));
  const isIdle = alive.every(
    ({ replica }) =>
      replica?.state.status === 'normal' && replica.state.fetch === null && replica.state.log.length === 0,
  );
  return isIdle && heads.size === 1 && alive.some((node) => node.replica?.leading);
}

function describe({ id, replica }: Node): string {
  if (replica === null) return `${id} is down`;
  const { status, epoch, view, logView, commitMin, commitMax, mode } = replica.state;
  return `${id} ${status} ${epoch}/${view}/${logView} ${mode} ${commitMin}..${commitMax}..${replica.op}`;
}
