import { createHmac } from 'node:crypto';
import { Broker, type BrokerConfig, type FailReason, StartError } from '@vireo/broker';
import { DiskHold } from '../world/disk-hold.ts';
import type { Prng } from '../world/prng.ts';
import type { Scheduler, Timer } from '../world/scheduler.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import type { SimClock } from '../world/sim-clock.ts';
import type { SimDisk } from '../world/sim-disk.ts';
import type { Endpoint, SimNetwork } from '../world/sim-network.ts';
import type { Trace } from '../world/trace.ts';

/** What the run wants to know of a node's life. */
interface NodeWatcher {
  /** Around everything that the node's code does: whose state the observers look at. */
  entered(node: SimNode, isAlive: () => boolean): void;
  left(node: SimNode): void;
  /** Its start is durable: from here on it has connections. */
  started(node: SimNode): void;
  died(node: SimNode): void;
  /** The node's code threw. */
  broke(node: SimNode, error: unknown): void;
  /** The node asked its process to end: it does nothing more. */
  failed(node: SimNode, reason: FailReason): void;
  /** The process found a state from which it does not start. */
  refused(node: SimNode, error: StartError): void;
  /** A stable event name of the node's log. */
  logged(node: SimNode, level: string, name: string, fields: Record<string, unknown>): void;
}

interface NodeParts {
  readonly id: number;
  readonly config: BrokerConfig;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly disk: SimDisk;
  readonly clock: SimClock;
  readonly random: Prng;
  readonly trace: Trace;
  readonly turnDelayMean: number;
  readonly turnEventsMax: number;
  readonly watcher: NodeWatcher;
}

/**
 * One node's machine: a disk that stays, and one process after another. Events wait in an inbox until the
 * next turn; a turn takes some of them, then settles, as one round of a real event loop does.
 */
export class SimNode implements Endpoint {
  readonly id: number;
  readonly disk: SimDisk;
  /** For scenarios: between the process and its disk. */
  readonly hold = new DiskHold();
  readonly clock: SimClock;
  broker: Broker | null = null;
  /** Processes started so far. */
  starts = 0;
  readonly #parts: NodeParts;
  #inbox: (() => void)[] = [];
  #turn: Timer | null = null;
  #ticker: Timer | null = null;
  #tickWaits = false;
  #paused = false;
  /** Sends and disk operations until the process dies; null: no crash is armed. */
  #effectsLeft: number | null = null;
  #dead = true;
  #onDeath: (() => void) | null = null;
  readonly #isLiving = () => !this.#dead;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.disk = parts.disk;
    this.clock = parts.clock;
  }

  get isUp(): boolean {
    return this.broker !== null;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Starts a process on what the disk holds. */
  start(): void {
    const { scheduler, network, random, trace, watcher } = this.#parts;
    this.starts += 1;
    this.#dead = false;
    this.#effectsLeft = null;
    this.#inbox = [];
    this.clock.processStarted();
    const processRandom = random.fork(`start ${this.starts}`);
    const cryptoRandom = processRandom.fork('crypto');
    const epoch = this.starts;
    const isAlive = () => epoch === this.starts && this.#passes();
    const broker = new Broker(this.#parts.config, {
      disk: this.hold.wrap(this.disk.open((run) => this.#post(run), isAlive)),
      clock: this.clock,
      random: processRandom,
      checksums: simChecksums,
      crypto: {
        hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
        randomBytes: (count) => cryptoRandom.bytes(count),
      },
      network: {
        dial: (peer, channel) => {
          if (isAlive()) network.dial(this.id, this.#endpoint(epoch), peer, channel);
        },
        send: (connection, buffers) => {
          if (isAlive()) network.send(connection, buffers);
        },
        pause: (connection) => network.pause(connection),
        resume: (connection) => network.resume(connection),
        close: (connection) => {
          if (isAlive()) network.close(connection);
        },
      },
      log: { event: (level, name, fields) => watcher.logged(this, level, name, fields) },
      fail: (reason) => this.#endWith(() => watcher.failed(this, reason)),
    });
    this.broker = broker;
    trace.event(scheduler.now, 'node.start', this.id, this.starts);
    this.#guarded(() => {
      try {
        broker.open();
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        this.#endWith(() => watcher.refused(this, error));
        return;
      }
      broker.start(() => {
        trace.event(scheduler.now, 'node.started', this.id);
        watcher.started(this);
        network.listen(this.id, this.#endpoint(epoch));
      });
      broker.settle();
    });
    if (this.#dead) return;
    this.#scheduleTick(epoch);
  }

  /** The process ends now. */
  kill(powerLost: boolean): void {
    if (this.broker === null) return;
    const { scheduler, network, trace, watcher } = this.#parts;
    trace.event(scheduler.now, 'node.dies', this.id, powerLost);
    watcher.died(this);
    this.#dead = true;
    this.broker = null;
    this.#paused = false;
    this.#inbox = [];
    for (const timer of [this.#turn, this.#ticker]) if (timer !== null) timer.cancelled = true;
    this.#turn = null;
    this.#ticker = null;
    this.#tickWaits = false;
    network.crash(this.id, powerLost);
    this.hold.drop();
    this.disk.crash(powerLost);
  }

  /** The process is asked to end; `onDeath` when it has. */
  stop(onDeath: () => void): void {
    this.#post(() => this.broker?.stop(() => this.#endWith(onDeath)));
  }

  /** An operator asks the node to let another one lead the group. */
  handOver(group: number, to: number): void {
    this.#post(() =>
      this.broker
        ?.groups()
        .find(({ id }) => id === group)
        ?.handOver(to),
    );
  }

  /** Nothing that the process does from here on reaches anybody; `onDeath` follows at the end of the turn. */
  #endWith(onDeath: () => void): void {
    this.#dead = true;
    this.#onDeath = onDeath;
  }

  /** The process dies after `effects` more sends and disk operations: between any two of them. */
  killAfter(effects: number, onDeath: () => void): void {
    if (this.broker === null || this.#effectsLeft !== null) return;
    this.#effectsLeft = effects;
    this.#onDeath = onDeath;
  }

  /** An armed crash that has not come does not come any more. */
  disarm(): void {
    if (!this.#dead) this.#effectsLeft = null;
  }

  /** The process does nothing (SIGSTOP); its clocks and its kernel go on. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  accepted(connection: number): void {
    this.#post(() => this.broker?.accepted(connection));
  }
  dialed(connection: number, peer: number, channel: string): void {
    this.#post(() => this.broker?.dialed(connection, peer, channelOf(channel)));
  }
  dialFailed(peer: number, channel: string, refused: boolean): void {
    this.#post(() => this.broker?.dialFailed(peer, channelOf(channel), refused));
  }
  received(connection: number, chunk: Buffer): void {
    this.#post(() => this.broker?.received(connection, chunk));
  }
  closed(connection: number): void {
    this.#post(() => this.broker?.closed(connection));
  }

  /** Events of one process only: what was under way for its predecessor must not reach it. */
  #endpoint(epoch: number): Endpoint {
    const lives = () => epoch === this.starts && !this.#dead;
    return {
      accepted: (connection) => {
        if (lives()) this.accepted(connection);
      },
      dialed: (connection, peer, channel) => {
        if (lives()) this.dialed(connection, peer, channel);
      },
      dialFailed: (peer, channel, refused) => {
        if (lives()) this.dialFailed(peer, channel, refused);
      },
      received: (connection, chunk) => {
        if (lives()) this.received(connection, chunk);
      },
      closed: (connection) => {
        if (lives()) this.closed(connection);
      },
    };
  }

  #post(run: () => void): void {
    if (this.#dead) return;
    this.#inbox.push(run);
    this.#wake();
  }

  #wake(): void {
    if (this.#dead || this.#paused || this.#turn !== null || this.#inbox.length === 0) return;
    const { scheduler, random, turnDelayMean } = this.#parts;
    this.#turn = scheduler.after(random.delay(1, turnDelayMean), () => {
      this.#turn = null;
      if (!this.#paused) this.#takeTurn();
    });
  }

  #takeTurn(): void {
    const { random, turnEventsMax, scheduler, trace } = this.#parts;
    const count = Math.min(this.#inbox.length, 1 + random.below(turnEventsMax));
    const events = this.#inbox.splice(0, count);
    trace.event(scheduler.now, 'node.turn', this.id, count);
    this.#guarded(() => {
      for (const event of events) {
        if (this.#dead) return;
        event();
      }
      if (!this.#dead) this.broker?.settle();
    });
    this.#wake();
  }

  #guarded(run: () => void): void {
    const { watcher } = this.#parts;
    watcher.entered(this, this.#isLiving);
    try {
      run();
    } catch (error) {
      // What a half-dead process throws for lack of effects says nothing.
      if (!this.#dead) watcher.broke(this, error);
    } finally {
      watcher.left(this);
    }
    if (this.#dead && this.broker !== null) {
      const onDeath = this.#onDeath;
      this.#onDeath = null;
      onDeath?.();
    }
  }

  /** Counts an effect towards an armed crash; false once the process is dead. */
  #passes(): boolean {
    if (this.#dead) return false;
    if (this.#effectsLeft === null) return true;
    if (this.#effectsLeft === 0) {
      this.#dead = true;
      return false;
    }
    this.#effectsLeft -= 1;
    return true;
  }

  #scheduleTick(epoch: number): void {
    const { scheduler, config } = this.#parts;
    this.#ticker = scheduler.after(this.clock.toSimulated(config.tickMs * 1000), () => {
      if (epoch !== this.starts || this.#dead) return;
      // A timer that could not run is late, not owed several times.
      if (!this.#tickWaits) {
        this.#tickWaits = true;
        this.#post(() => {
          this.#tickWaits = false;
          this.broker?.tick();
        });
      }
      this.#scheduleTick(epoch);
    });
  }
}

function channelOf(channel: string): 'protocol' | 'bulk' {
  return channel === 'bulk' ? 'bulk' : 'protocol';
}
