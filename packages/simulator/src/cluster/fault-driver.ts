import type { FailReason, StartError } from '@vireo/broker';
import type { Prng } from '../world/prng.ts';
import type { Scheduler } from '../world/scheduler.ts';
import type { SimNetwork } from '../world/sim-network.ts';
import type { Trace } from '../world/trace.ts';
import { DiskFaultDriver } from './disk-fault-driver.ts';
import type { FaultAtlas } from './fault-atlas.ts';
import type { CutShape, Fault, Target } from './faults.ts';
import type { FloorName } from './floors.ts';
import type { SimNode } from './sim-node.ts';

interface DriverParts {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly random: Prng;
  readonly trace: Trace;
  readonly nodes: readonly SimNode[];
  readonly clients: readonly number[];
  /** Node that leads the n-th group, null when none does. */
  primaryOf(groupIndex: number): number | null;
  readonly atlas: FaultAtlas;
  /** The node's disk is ruined: it may not come back, or the replica of this group alone may not. */
  gone(node: number, group: number | null): void;
  isGone(node: number): boolean;
  broke(error: unknown): void;
  count(name: FloorName, count?: number): void;
}

type Siege = Extract<Fault, { type: 'siege' }>;
type LastCopies = Extract<Fault, { type: 'lastCopies' }>;

/** A process that its disk ended is started again after this time, µs: by whoever watches over it in production. */
const restartAfterFailure = 200_000;

/** Carries out a fault schedule, and ends all of it when the liveness phase begins. */
export class FaultDriver {
  readonly #parts: DriverParts;
  readonly #disks: DiskFaultDriver;
  #over = false;
  /** Of transfers to come. */
  readonly #transferCrashes: Extract<Fault, { type: 'transferCrash' }>[] = [];
  /** Faults that hit something. */
  applied = 0;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    const { atlas, gone, count, trace, scheduler } = parts;
    this.#disks = new DiskFaultDriver({
      atlas,
      count,
      gone: (node, why, group) => {
        trace.event(scheduler.now, 'node.ruined', node.id, why);
        gone(node.id, group);
      },
      restartLater: (node, delay) => this.#restartLater(node, delay),
    });
  }

  /** A process asked to be ended: because of its disk, if the disk was made to refuse something. */
  failed(node: SimNode, { code, message }: FailReason): void {
    const isDisk = (code === 'diskFailed' || code === 'startFailed') && node.disk.errors.handedOut;
    this.#ended(node, isDisk, new Error(`${code}: ${message}`));
  }

  /** A process did not start on what it found. */
  refused(node: SimNode, error: StartError): void {
    this.#ended(node, node.disk.errors.handedOut, error);
  }

  #ended(node: SimNode, isPassing: boolean, error: Error): void {
    const { isGone, broke, count, trace, scheduler } = this.#parts;
    trace.event(scheduler.now, 'node.ended', node.id, error.message);
    if (!isGone(node.id) && !isPassing) {
      broke(error);
      return;
    }
    node.kill(false);
    count(isPassing ? 'process ended by its disk' : 'ruined node refuses');
    // What is unreadable stays so; a disk that refused a call may be asked again by a new process.
    if (isPassing) scheduler.after(restartAfterFailure, () => this.#startIfDown(node));
  }

  #startIfDown(node: SimNode): void {
    if (!node.isUp) node.start();
  }

  schedule(faults: readonly Fault[]): void {
    const { scheduler } = this.#parts;
    const start = scheduler.now;
    for (const fault of faults) scheduler.at(start + fault.at, () => this.apply(fault));
  }

  /** No more faults; whoever is down, stopped or cut off comes back. */
  heal(): void {
    this.#over = true;
    const { network, nodes, trace, scheduler } = this.#parts;
    trace.event(scheduler.now, 'fault.heal');
    network.calm = true;
    network.heal();
    for (const node of nodes) {
      node.disk.slowness = 1;
      node.disk.errors.clear();
      node.hold.release();
      node.disarm();
      if (node.isPaused) node.resume();
      if (!node.isUp) node.start();
    }
  }

  /** A node logs something. */
  logged(node: SimNode, name: string): void {
    const next = this.#transferCrashes.findIndex(({ phase }) => phase === name);
    if (next < 0) return;
    const [fault] = this.#transferCrashes.splice(next, 1);
    if (fault !== undefined) this.apply({ ...fault, type: 'crash', target: { node: node.id } });
  }

  /** Does a fault now, unless faults are over. */
  apply(fault: Fault): void {
    if (this.#over) return;
    const { scheduler, network, nodes, trace, atlas } = this.#parts;
    // A stream of its own: what this fault draws stays the same when another one is left out.
    const random = this.#parts.random.fork(`${fault.type} at ${fault.at}`);
    if (fault.type === 'powerCut' && !atlas.permitsPowerCut()) {
      atlas.skipped += 1;
      return;
    }
    if (fault.type === 'powerCut') {
      trace.event(scheduler.now, 'fault.powerCut');
      this.applied += 1;
      for (const node of nodes) {
        node.kill(true);
        this.#restartLater(node, fault.downFor + random.below(200_000));
      }
      return;
    }
    if (fault.type === 'transferCrash') {
      this.#transferCrashes.push(fault);
      return;
    }
    const node = this.#resolve(fault.target);
    if (node === undefined || !node.isUp) return;
    if (endsProcess(fault) && !atlas.dooms(node.id)) {
      atlas.skipped += 1;
      return;
    }
    this.applied += 1;
    trace.event(scheduler.now, `fault.${fault.type}`, node.id);
    switch (fault.type) {
      case 'crash':
        node.killAfter(fault.effects, () => {
          node.kill(fault.powerLost);
          this.#restartLater(node, fault.downFor);
        });
        return;
      case 'stop':
        node.stop(() => {
          node.kill(false);
          // Also when faults are over by now.
          scheduler.after(fault.downFor, () => this.#startIfDown(node));
        });
        return;
      case 'pause':
        node.pause();
        this.#later(fault.for, () => node.resume());
        return;
      case 'coma':
        this.#cut(node.id, 'isolate', random);
        node.pause();
        this.#later(fault.for, () => node.resume());
        this.#later(fault.for + fault.cutFor, () => network.heal());
        return;
      case 'handOver':
        node.handOver(fault.group, fault.to);
        return;
      case 'rot':
        this.#disks.damage(node, fault, random);
        return;
      case 'siege':
        this.#besiege(node, fault, random);
        return;
      case 'lastCopies':
        this.#takeLastCopies(node, fault, random);
        return;
      case 'ruin':
        this.#disks.ruin(node, fault, random);
        return;
      case 'syncError':
        node.disk.errors.syncs = 1;
        return;
      case 'readError':
        node.disk.errors.reads = fault.count;
        if (!fault.atStart) return;
        node.kill(false);
        this.#restartLater(node, fault.downFor);
        return;
      case 'diskFull':
        node.disk.errors.isFull = true;
        this.#later(fault.for, () => {
          node.disk.errors.isFull = false;
          if (!node.disk.errors.handedOut) atlas.spares(node.id);
        });
        return;
      case 'slowDisk':
        node.disk.slowness = fault.factor;
        this.#later(fault.for, () => {
          node.disk.slowness = 1;
        });
        return;
      case 'clockStep':
        node.clock.step(fault.micros);
        return;
      case 'reset':
        for (const { id, owner, peer } of network.connections()) {
          if ((owner === node.id || peer === node.id) && random.chance(500)) network.reset(id);
        }
        return;
      case 'cut':
        this.#cut(node.id, fault.shape, random);
        this.#later(fault.for, () => network.heal());
        return;
    }
  }

  #besiege(node: SimNode, fault: Siege, random: Prng): void {
    const { network, nodes, atlas } = this.#parts;
    for (const { id } of nodes) if (id !== node.id) this.#both(node.id, id);
    this.#later(fault.for, () => network.heal());
    const restart = (stops: number): void => {
      this.#restartLater(node, fault.downFor);
      if (stops > 0) this.#later(fault.downFor + fault.upFor, () => stop(stops));
    };
    const stop = (stops: number): void => {
      if (network.isWhole || !node.isUp || !atlas.dooms(node.id)) return;
      node.stop(() => {
        node.kill(false);
        // Also when faults are over by now.
        this.#parts.scheduler.after(fault.downFor, () => this.#startIfDown(node));
        restart(stops - 1);
      });
    };
    this.#disks.damage(node, fault, random);
    restart(fault.stops);
  }

  #takeLastCopies(node: SimNode, fault: LastCopies, random: Prng): void {
    const { network, nodes, atlas } = this.#parts;
    const others = nodes.filter((each) => each !== node && each.isUp);
    if (others.length === 0) return;
    const witness = random.pick(others);
    for (const each of others) if (each !== witness) network.cut(node.id, each.id);
    this.#later(fault.cutFor, () => {
      // What is held on the way to the others is lost with the connections, or they would have it late, and all of it.
      for (const { id, owner, peer } of network.connections()) {
        const [far] = [owner, peer].filter((each) => each !== node.id);
        if ((owner === node.id || peer === node.id) && far !== witness.id) network.reset(id);
      }
      network.heal();
      if (!node.isUp || !witness.isUp) return;
      if (!atlas.dooms(node.id)) {
        atlas.skipped += 1;
        return;
      }
      node.kill(fault.powerLost);
      this.#restartLater(node, fault.awayFor);
      if (atlas.dooms(witness.id)) this.#disks.damage(witness, fault, random);
      else atlas.skipped += 1;
    });
  }

  #cut(node: number, shape: CutShape, random: Prng): void {
    const { network, nodes, clients } = this.#parts;
    const others = nodes.map(({ id }) => id).filter((id) => id !== node);
    const everybody = [...others, ...clients];
    switch (shape) {
      case 'isolate':
        // From the other nodes alone: clients that still reach it are the harder case.
        for (const id of others) this.#both(node, id);
        return;
      case 'deaf':
        for (const id of everybody) network.cut(id, node);
        return;
      case 'mute':
        for (const id of everybody) network.cut(node, id);
        return;
      case 'oneWay':
        if (others.length > 0) network.cut(node, random.pick(others));
        return;
      case 'split': {
        const side = new Set([node, ...everybody.filter(() => random.chance(500))]);
        for (const inside of side) {
          for (const outside of everybody) if (!side.has(outside)) this.#both(inside, outside);
        }
        return;
      }
    }
  }

  #both(left: number, right: number): void {
    this.#parts.network.cut(left, right);
    this.#parts.network.cut(right, left);
  }

  #restartLater(node: SimNode, delay: number): void {
    this.#later(delay, () => this.#startIfDown(node));
  }

  #later(delay: number, run: () => void): void {
    this.#parts.scheduler.after(delay, () => {
      if (!this.#over) run();
    });
  }

  #resolve(target: Target): SimNode | undefined {
    const { nodes, primaryOf } = this.#parts;
    if ('node' in target) return nodes[target.node];
    const primary = primaryOf(target.primaryOfGroup);
    return primary === null ? undefined : nodes[primary];
  }
}

/** Whether the process of its target ends by it, at once or before long. */
function endsProcess(fault: Fault): boolean {
  switch (fault.type) {
    case 'crash':
    case 'stop':
    case 'rot':
    case 'siege':
    case 'ruin':
    case 'syncError':
    case 'diskFull':
      return true;
    case 'readError':
      return fault.atStart;
    default:
      return false;
  }
}
