import type { Message } from './message.ts';
import type { NodeId } from './quorums.ts';
import type { RecordedAnswer, RecordedCall, ReplicaRecording } from './recording.ts';
import { Replica } from './replica.ts';
import type { PersistWrite, ReplicaEffects, ReplyOutcome } from './replica-events.ts';
import type { Admission, StateMachine } from './state-machine.ts';
import type { Random } from './world.ts';

/** The code asked for something else than was recorded: it is not the code that was running then. */
export class PlayedOtherwise extends Error {
  override readonly name = 'PlayedOtherwise';
}

/** Told of everything that a played replica does. */
export interface PlayWatcher extends ReplicaEffects {
  /** Before a call. */
  called(index: number, call: RecordedCall): void;
}

/**
 * A replica that goes through a recording again: the same class on the recorded state, with the recorded answers in
 * place of clock, random stream, checksums and state machine.
 */
export class PlayedReplica {
  readonly replica: Replica;
  readonly #calls: readonly RecordedCall[];
  readonly #watcher: PlayWatcher;
  readonly #out: ReplicaEffects;
  /** Answers that the calls under way have not asked for yet, the innermost last. */
  readonly #answers: RecordedAnswer[][] = [];
  #next = 0;

  /** `recording` as `decodeRecording` gives it: its Buffers are written to. */
  constructor({ config, state, calls }: ReplicaRecording, watcher: PlayWatcher) {
    this.#calls = calls;
    this.#watcher = watcher;
    this.#out = this.#effects();
    const random: Random = {
      u32: () => this.#number(),
      below: () => this.#number(),
      fork: () => random,
    };
    const clock = { monotonicMs: () => this.#number(), wallMicros: () => this.#number() };
    const checksums = { crc32: () => this.#number(), identity: () => this.#text() };
    const world = { clock, random, checksums };
    this.replica = new Replica(config, this.#machine(), world, { resumed: state }, this.#out);
  }

  /** Makes the next call; false when there is none. Throws what the replica throws, and `PlayedOtherwise`. */
  step(): boolean {
    const call = this.#calls[this.#next];
    if (call === undefined) return false;
    this.#call(call);
    return true;
  }

  #call(recorded: RecordedCall): void {
    const { call, event, answers } = recorded;
    this.#watcher.called(this.#next, recorded);
    this.#next += 1;
    this.#answers.push([...answers]);
    if (call === 'step') {
      if (event !== null) this.replica.step(event, this.#out);
    } else {
      this.replica[call](this.#out);
    }
    const left = this.#answers.pop()?.length ?? 0;
    if (left > 0) throw new PlayedOtherwise(`${left} recorded answers were not asked for`);
  }

  #effects(): ReplicaEffects {
    const watcher = this.#watcher;
    return {
      send: (to: NodeId, message: Message) => this.#during(() => watcher.send(to, message)),
      persist: (token: number, write: PersistWrite) => this.#during(() => watcher.persist(token, write)),
      load: (token: number, first: number, last: number, bytesMax: number) =>
        this.#during(() => watcher.load(token, first, last, bytesMax)),
      reply: (requestId: number, outcome: ReplyOutcome) =>
        this.#during(() => watcher.reply(requestId, outcome)),
    };
  }

  /** An effect may have called the replica again at once: what memory held was loaded without waiting. */
  #during(effect: () => void): void {
    effect();
    for (;;) {
      const next = this.#calls[this.#next];
      if (next === undefined || next.depth < this.#answers.length) return;
      this.#call(next);
    }
  }

  #machine(): StateMachine {
    return {
      admit: () => this.#admission(),
      prepared: () => {},
      rebuildHead: () => {},
      nextOffset: () => this.#number(),
      apply: () => null,
      snapshot: () => Buffer.alloc(0),
      restore: () => {},
    };
  }

  #number(): number {
    const answer = this.#answer();
    if (typeof answer !== 'number')
      throw new PlayedOtherwise('asked for a number, recorded is something else');
    return answer;
  }

  #text(): string {
    const answer = this.#answer();
    if (typeof answer !== 'string')
      throw new PlayedOtherwise('asked for a checksum, recorded is something else');
    return answer;
  }

  #admission(): Admission {
    const answer = this.#answer();
    if (typeof answer !== 'object')
      throw new PlayedOtherwise('asked for an admission, recorded is something else');
    return answer;
  }

  #answer(): RecordedAnswer {
    const answer = this.#answers.at(-1)?.shift();
    if (answer === undefined) throw new PlayedOtherwise('asked for more than was recorded');
    return answer;
  }
}
