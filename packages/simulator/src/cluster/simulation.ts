import type { BrokerConfig } from '@vireo/broker';
import { allCheckers, Violation } from '../checkers/index.ts';
import { Consumer } from '../clients/consumer.ts';
import { type ClientWorld, Link } from '../clients/link.ts';
import { Producer } from '../clients/producer.ts';
import { createTopic } from '../clients/topic.ts';
import { History } from '../history/index.ts';
import { actOn } from '../scenario/actions.ts';
import { firstDisappointment } from '../scenario/expectations.ts';
import type { Names } from '../scenario/names.ts';
import type { Action } from '../scenario/step.ts';
import { StepDriver } from '../scenario/step-driver.ts';
import { type Schedule, scheduleOf } from '../schedule/schedule.ts';
import { Prng } from '../world/prng.ts';
import { Scheduler } from '../world/scheduler.ts';
import { SimClock } from '../world/sim-clock.ts';
import { SimDisk } from '../world/sim-disk.ts';
import { SimNetwork } from '../world/sim-network.ts';
import { Trace } from '../world/trace.ts';
import { FaultAtlas } from './fault-atlas.ts';
import { FaultDriver } from './fault-driver.ts';
import { firstProblem, firstUnrest } from './final-checks.ts';
import { firstExcess } from './final-levels.ts';
import { limitsOf, simTransfer } from './limits.ts';
import { Observer } from './observer.ts';
import { type Profile, usesMemory } from './profile.ts';
import type { Failure, RunOptions, RunResult } from './run-result.ts';
import { makeSideClients, type SideClients, sideClientCount } from './side-clients.ts';
import { SimNode } from './sim-node.ts';

/** Ids of clients begin here; below are nodes. */
const clientsFrom = 1_000;
/** A cluster without faults stands within this time, µs. */
const setUpMax = 20_000_000;
/** After all faults have ended, everything has settled within this time, µs. */
const settleMax = 60_000_000;
/** At rest, levels are back within this time, µs. */
const restMax = 2_000_000;
/** What a group beyond the budget is given to come back or not, µs. */
const settleBeyond = 10_000_000;

/** Runs one schedule from nothing to rest: set-up, faults under load, healing, final comparison. */
export function runSchedule(schedule: Schedule, options: RunOptions = {}): RunResult {
  // Memory is counted by backing store, and what small buffers share of Node's pool depends on what the process did before.
  const { poolSize } = Buffer;
  Buffer.poolSize = 0;
  try {
    return new Simulation(schedule, options).run();
  } finally {
    Buffer.poolSize = poolSize;
  }
}

export function simulate(profile: Profile, options: RunOptions = {}): RunResult {
  return runSchedule(scheduleOf(profile), options);
}

class Simulation {
  readonly #schedule: Schedule;
  readonly #recordCalls: boolean;
  readonly #profile: Profile;
  readonly #random: Prng;
  readonly #scheduler: Scheduler;
  readonly #trace: Trace;
  readonly #network: SimNetwork;
  readonly #steps: StepDriver;
  readonly #observer: Observer;
  readonly #history = new History();
  readonly #acked: ClientWorld['acked'] = new Map();
  readonly #nodes: SimNode[];
  readonly #producers: Producer[];
  readonly #consumers: Consumer[];
  readonly #side: SideClients;
  readonly #atlas: FaultAtlas;
  readonly #driver: FaultDriver;
  #loadedAt = 0;
  #failure: Failure | null = null;

  constructor(schedule: Schedule, { print, recordCalls = false }: RunOptions) {
    const { profile, steps } = schedule;
    this.#schedule = schedule;
    this.#recordCalls = recordCalls;
    this.#profile = profile;
    this.#random = Prng.fromSeed(profile.seed).fork('run');
    this.#scheduler = new Scheduler(this.#random.fork('scheduler'));
    this.#trace = new Trace(print ?? null);
    this.#network = new SimNetwork(
      this.#scheduler,
      this.#random.fork('network'),
      profile.network,
      this.#trace,
    );
    this.#steps = new StepDriver({
      steps,
      scheduler: this.#scheduler,
      trace: this.#trace,
      act: (action, names, inside) => this.#act(action, names, inside),
    });
    const now = () => this.#scheduler.now;
    this.#observer = new Observer([...allCheckers(now), ...(steps.length === 0 ? [] : [this.#steps])], now);
    this.#observer.detail = (line) => this.#trace.detail(line);
    this.#network.onFrame = (from, to, frame) => {
      if (from < clientsFrom && to >= clientsFrom) this.#observer.frame(from, to, frame);
      if (from >= clientsFrom && to >= 0 && to < clientsFrom) this.#observer.asked(from, to, frame);
    };
    this.#network.onBufferChanged = (from) =>
      this.#fail('assertion', `node ${from} changed a Buffer after it was handed to send`);
    this.#nodes = Array.from({ length: profile.nodes }, (_, id) => this.#makeNode(id));
    this.#producers = Array.from({ length: profile.producers }, (_, index) => this.#makeProducer(index));
    this.#consumers = Array.from({ length: profile.consumers }, (_, index) => this.#makeConsumer(index));
    this.#side = makeSideClients({
      profile,
      firstId: clientsFrom + 1 + profile.producers + profile.consumers,
      world: this.#clientWorld(),
      random: this.#random,
      floors: this.#observer.floors,
    });
    this.#atlas = new FaultAtlas(
      this.#observer.ghost,
      (node, group) => this.#observer.standing(node, group),
      usesMemory(profile),
      profile.beyondBudget === 0,
    );
    this.#driver = new FaultDriver({
      scheduler: this.#scheduler,
      network: this.#network,
      random: this.#random.fork('faults'),
      trace: this.#trace,
      nodes: this.#nodes,
      clients: this.#clientIds(),
      primaryOf: (groupIndex) => this.#observer.primaryOf(groupIndex),
      atlas: this.#atlas,
      gone: (node, group) => this.#observer.ghost.gone.set(node, group),
      isGone: (node) => this.#observer.ghost.gone.has(node),
      broke: (error) => this.#failed(error),
      count: (name, count) => this.#observer.floors.add(name, count),
    });
  }

  run(): RunResult {
    try {
      this.#phases();
    } catch (error) {
      this.#failed(error);
    }
    const counts = this.#history.counts();
    return {
      seed: this.#profile.seed,
      failure: this.#failure,
      hash: this.#trace.hash,
      operations: [...this.#producers, ...this.#consumers, ...this.#side.all].reduce(
        (sum, client) => sum + client.operations,
        0,
      ),
      acked: counts.acked,
      consumed: counts.consumed,
      faults: this.#driver.applied,
      events: this.#scheduler.count,
      loadedAt: this.#loadedAt,
      simulatedMicros: this.#scheduler.now,
      floors: this.#observer.floors.counts,
    };
  }

  #phases(): void {
    const { duration, faults } = this.#profile;
    let isCreated = false;
    for (const node of this.#nodes) node.start();
    const world = this.#clientWorld();
    const links = Array.from(
      { length: world.nodes },
      (_, node) => new Link(clientsFrom, 'admin', node, world, this.#random.fork(`admin ${node}`), () => {}),
    );
    createTopic(
      world,
      links,
      this.#random.fork('admin'),
      this.#profile.partitions,
      this.#profile.nodes,
      this.#profile.memoryMode === 1 ? 'memory' : 'disk',
      () => {
        isCreated = true;
      },
    );
    if (!this.#until(setUpMax, () => isCreated)) {
      this.#fail('liveness', 'no topic within the set-up time');
      return;
    }

    this.#loadedAt = this.#scheduler.now;
    for (const client of [...this.#producers, ...this.#consumers, ...this.#side.all]) client.start();
    this.#driver.schedule(faults);
    this.#steps.start();
    // A scenario is over when its last step is done; what is drawn goes on to the end.
    this.#until(duration, () => this.#schedule.steps.length > 0 && faults.length === 0 && this.#steps.done);

    if (this.#failure !== null) return;
    const { missing } = this.#steps;
    if (missing !== null) {
      this.#fail('scenario', missing);
      return;
    }
    this.#driver.heal();
    const { overspent } = this.#observer.ghost;
    this.#observer.floors.add('group beyond the budget', overspent.size);
    // Time for what can start anew to do so.
    if (overspent.size > 0) this.#until(settleBeyond, () => false);
    const isSettled = (): boolean => this.#unrest() === null;
    if (!this.#until(settleMax, isSettled)) {
      this.#observer.describeAll();
      this.#fail('liveness', `after all faults ended: ${this.#unrest() ?? 'no rest'}`);
    }
    if (this.#failure !== null) return;
    this.#observer.ended();
    const { ghost } = this.#observer;
    const problem = firstProblem(ghost, this.#nodes, this.#history, this.#profile.partitions);
    if (problem !== null) this.#fail(problem.checker, problem.message);
    // Answers to the last question may be under way still.
    const excess = (): string | null => firstExcess(ghost, this.#nodes, limitsOf(this.#profile));
    if (overspent.size === 0 && !this.#until(restMax, () => excess() === null))
      this.#fail('18 sizes and levels', excess() ?? 'no rest');
    const disappointment = firstDisappointment(
      this.#schedule.expect,
      this.#observer.floors.counts,
      this.#steps,
      this.#observer.ghost,
    );
    if (disappointment !== null) this.#fail('scenario', disappointment);
  }

  #act(action: Action, names: Names, inside: boolean): void {
    const { ghost } = this.#observer;
    actOn(
      {
        nodes: this.#nodes,
        network: this.#network,
        clients: this.#clientIds(),
        members: (group) => ghost.members.get(group) ?? [],
        primaryOf: (group) => this.#observer.primaryOf(group),
        apply: (fault) => this.#driver.apply(fault),
      },
      action,
      names,
      inside,
    );
  }

  #clientIds(): number[] {
    const { producers, consumers } = this.#profile;
    return Array.from(
      { length: producers + consumers + sideClientCount },
      (_, index) => clientsFrom + 1 + index,
    );
  }

  #groupUnrest(): string | null {
    return firstUnrest(this.#observer, this.#nodes, this.#consumers, this.#profile.partitions);
  }

  #unrest(): string | null {
    const producer = this.#producers.find((each) => !each.isDone);
    const { overspent } = this.#observer.ghost;
    // Who waits for a group that has stopped waits rightly: whether it has is told from what was taken from it.
    if (overspent.size > 0) return this.#groupUnrest();
    if (producer !== undefined) return `producer ${this.#producers.indexOf(producer)} waits for answers`;
    return this.#side.unrest() ?? this.#groupUnrest();
  }

  /** Runs for `micros` or until `holds`; looks at it every 50 ms only, for it costs more than an event. */
  #until(micros: number, holds: () => boolean): boolean {
    const end = this.#scheduler.now + micros;
    while (this.#failure === null) {
      if (holds()) return true;
      if (this.#scheduler.now >= end) return false;
      this.#scheduler.runUntil(Math.min(end, this.#scheduler.now + 50_000), () => this.#failure !== null);
    }
    return false;
  }

  #makeNode(id: number): SimNode {
    const { nodes, disk, clockDriftPpmMax, clockOffsetMicrosMax, turnDelayMean, turnEventsMax } =
      this.#profile;
    const random = this.#random.fork(`node ${id}`);
    const addresses = Array.from({ length: nodes }, (_, node) => ({
      id: node,
      address: `node-${node}:7400`,
      host: `host-${node}`,
    }));
    const config: BrokerConfig = {
      node: id,
      cluster: 'simulated',
      nodes: addresses,
      secret: 'a secret',
      limits: limitsOf(this.#profile),
      transfer: simTransfer,
      tickMs: 10,
      coldStart: this.#profile.coldStart === 1 ? 'allPresent' : 'wait',
      recordCalls: this.#recordCalls,
    };
    const simDisk = new SimDisk(id, this.#scheduler, random.fork('disk'), disk, this.#trace);
    simDisk.onRemove = (path) => {
      const groups = this.#nodes[id]?.broker?.groups() ?? [];
      this.#observer.removes(
        id,
        path,
        (group) => groups.find((each) => each.id === group)?.checkpointOp ?? null,
      );
    };
    const identity = {
      format: 1,
      cluster: config.cluster,
      node: id,
      incarnation: random.fork('incarnation').bytes(16).toString('hex'),
      founders: addresses,
    };
    simDisk.place('node.json', Buffer.from(JSON.stringify(identity)));
    return new SimNode({
      id,
      config,
      scheduler: this.#scheduler,
      network: this.#network,
      disk: simDisk,
      clock: new SimClock(this.#scheduler, random.fork('clock'), clockDriftPpmMax, clockOffsetMicrosMax),
      random,
      trace: this.#trace,
      turnDelayMean,
      turnEventsMax,
      watcher: {
        entered: (node, isAlive) => this.#observer.entered(node.id, node.starts, isAlive),
        left: () => this.#observer.left(),
        started: (node) => this.#observer.started(node.id),
        died: (node) => {
          this.#observer.died(node.id);
          this.#atlas.spares(node.id);
        },
        broke: (_node, error) => this.#failed(error),
        failed: (node, reason) => this.#driver.failed(node, reason),
        refused: (node, error) => this.#driver.refused(node, error),
        logged: (node, level, name, fields) => {
          this.#driver.logged(node, name);
          if (level === 'debug') return;
          this.#trace.event(this.#scheduler.now, 'log', node.id, name);
          this.#trace.detail(() => `${name} ${JSON.stringify(fields)}`);
        },
      },
    });
  }

  #makeProducer(index: number): Producer {
    const { producers, produceRequests, duration } = this.#profile;
    const name = `p${index}`;
    return new Producer({
      id: clientsFrom + 1 + index,
      name,
      world: this.#clientWorld(),
      history: this.#history,
      random: this.#random.fork(name),
      requests: Math.ceil(produceRequests / producers),
      duration,
      onDuplicate: () => this.#observer.floors.add('duplicate answered'),
    });
  }

  #makeConsumer(index: number): Consumer {
    const name = `c${index}`;
    return new Consumer({
      id: clientsFrom + 1 + this.#profile.producers + index,
      name,
      world: this.#clientWorld(),
      history: this.#history,
      random: this.#random.fork(name),
    });
  }

  #clientWorld(): ClientWorld {
    return {
      scheduler: this.#scheduler,
      network: this.#network,
      nodes: this.#profile.nodes,
      acked: this.#acked,
      mayHaveLostSessions: () => this.#observer.ghost.lossSaid.has(0),
      broken: (client, message) => new Violation('14 idempotent producers', `${client}: ${message}`),
    };
  }

  #failed(error: unknown): void {
    if (error instanceof Violation) this.#fail(error.checker, error.message);
    else this.#fail('assertion', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  #fail(checker: string, message: string): void {
    if (this.#failure !== null) return;
    this.#failure = { checker, message, at: this.#scheduler.now, trace: this.#trace.lastLines() };
  }
}
