import type { Checksums } from '@vireo/protocol';
import type { ReplicaConfig } from './core.ts';
import {
  copyAnswer,
  copyEvent,
  copyState,
  type RecordedAnswer,
  type RecordedCall,
  type ReplicaCall,
  type ReplicaRecording,
} from './recording.ts';
import type { ReplicaWorld } from './replica.ts';
import type { ReplicaEvent } from './replica-events.ts';
import type { ReplicaState } from './replica-state.ts';
import type { StateMachine } from './state-machine.ts';
import type { Random } from './world.ts';

/** Calls that a recording holds at least, once so many were made, and at most. */
const CALLS_MIN = 1_000;
const CALLS_MAX = 2 * CALLS_MIN;

interface OpenCall {
  readonly call: ReplicaCall;
  readonly event: ReplicaEvent | null;
  readonly depth: number;
  answers: readonly RecordedAnswer[];
}

const NO_ANSWERS: readonly RecordedAnswer[] = [];
/** What an idle replica is called with, hundreds of times a second in many groups: entries that all of them share. */
const IDLE_TICK: OpenCall = { call: 'step', event: { type: 'tick' }, depth: 0, answers: NO_ANSWERS };
const IDLE_SETTLE: OpenCall = { call: 'settle', event: null, depth: 0, answers: NO_ANSWERS };

/**
 * Keeps the last thousand calls into a replica with the state before them, for the dump of a node that broke a promise to
 * itself. The replica is given the world and the machine that come from here; the adapter tells of each call.
 */
export class ReplicaRecorder {
  readonly #config: ReplicaConfig;
  #state: ReplicaState | null = null;
  /** A younger state and its calls: it takes the place of the older one when it is old enough. */
  #nextState: ReplicaState | null = null;
  #calls: RecordedCall[] = [];
  #nextFrom = 0;
  #current: OpenCall | null = null;
  /** Place of the call that is not within another one. */
  #outermost = 0;

  constructor(config: ReplicaConfig) {
    this.#config = config;
  }

  /** The world as given, its answers recorded. */
  world({ clock, random, checksums }: ReplicaWorld): ReplicaWorld {
    return {
      clock: {
        monotonicMs: () => this.#note(clock.monotonicMs()),
        wallMicros: () => this.#note(clock.wallMicros()),
      },
      random: this.#random(random),
      checksums: this.#checksums(checksums),
    };
  }

  /** The machine as given, its answers recorded. */
  machine(machine: StateMachine): StateMachine {
    return {
      admit: (request) => this.#note(machine.admit(request)),
      prepared: (prepare) => machine.prepared(prepare),
      rebuildHead: (suffix) => machine.rebuildHead(suffix),
      nextOffset: () => this.#note(machine.nextOffset()),
      apply: (prepare) => machine.apply(prepare),
      snapshot: () => machine.snapshot(),
      restore: (snapshot) => machine.restore(snapshot),
    };
  }

  /** Before a call into the replica. What it returns is given back to `end`; a call that throws has no end. */
  begin(call: ReplicaCall, event: ReplicaEvent | null, state: ReplicaState): unknown {
    const outer = this.#current;
    if (outer === null) this.#advance(state);
    this.#current = outer === null ? this.#open(call, event) : openCall(call, event, outer.depth + 1);
    if (outer === null) this.#outermost = this.#calls.length;
    this.#calls.push(this.#current);
    return outer;
  }

  end(outer: unknown): void {
    this.#current = outer as OpenCall | null;
  }

  /** A call has not ended: this is the replica whose code threw. */
  get isOpen(): boolean {
    return this.#current !== null;
  }

  /** Null before the first call. */
  recording(): ReplicaRecording | null {
    return this.#state === null ? null : { config: this.#config, state: this.#state, calls: this.#calls };
  }

  /** The state is copied every thousandth call; the copy before it is let go once the younger one is old enough. */
  #advance(state: ReplicaState): void {
    if (this.#state === null) this.#state = copyState(state);
    const count = this.#calls.length;
    if (count >= CALLS_MIN && this.#nextState === null) {
      this.#nextState = copyState(state);
      this.#nextFrom = count;
    } else if (count >= CALLS_MAX && this.#nextState !== null) {
      this.#calls = this.#calls.slice(this.#nextFrom);
      this.#state = this.#nextState;
      this.#nextState = null;
    }
  }

  #open(call: ReplicaCall, event: ReplicaEvent | null): OpenCall {
    if (call === 'settle') return IDLE_SETTLE;
    return event?.type === 'tick' ? IDLE_TICK : openCall(call, event, 0);
  }

  #note<Answer extends RecordedAnswer>(answer: Answer): Answer {
    let open = this.#current;
    if (open === null) return answer;
    if (open === IDLE_TICK || open === IDLE_SETTLE) {
      // Not so idle: an entry of its own.
      open = { ...open };
      this.#calls[this.#outermost] = open;
      this.#current = open;
    }
    if (open.answers === NO_ANSWERS) open.answers = [];
    (open.answers as RecordedAnswer[]).push(copyAnswer(answer));
    return answer;
  }

  #random(random: Random): Random {
    return {
      u32: () => this.#note(random.u32()),
      below: (bound) => this.#note(random.below(bound)),
      fork: (label) => this.#random(random.fork(label)),
    };
  }

  #checksums(checksums: Checksums): Checksums {
    return {
      crc32: (bytes, seed) => this.#note(checksums.crc32(bytes, seed)),
      identity: (bytes) => this.#note(checksums.identity(bytes)),
    };
  }
}

function openCall(call: ReplicaCall, event: ReplicaEvent | null, depth: number): OpenCall {
  return { call, event: event === null ? null : copyEvent(event), depth, answers: NO_ANSWERS };
}
