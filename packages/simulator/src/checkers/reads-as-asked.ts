import {
  AGE_UNKNOWN,
  decodeBatches,
  decodeSubscribe,
  decodeSubscribed,
  decodeSubscriptionStatus,
  type Frame,
  FrameKind,
  type ReadToken,
  type Subscribe,
} from '@vireo/protocol';
import { type Checker, Violation } from './checker.ts';
import type { Ghost } from './ghost.ts';

/** What a clock may run slow, and what rounding may hide. */
const driftMax = 0.011;
const roundingMs = 3;

interface Asked extends Subscribe {
  /** Ops of the group that had been executed anywhere when the request left. */
  readonly executed: number;
}

/** What a replica says of where it stands. */
interface Stated {
  readonly end: number;
  /** Applied up to here; −1: not said. */
  readonly op: number;
  /** −1: not said. */
  readonly lossEpoch: number;
  readonly ageMs: number;
}

/**
 * Checker 13: a reader gets what it asked for. An age of `a` ms is true: all that was executed anywhere `a` ms ago lies
 * below the end that is stated with it. No answer, push or status is older than the bound that was asked for. What a
 * token names is applied before the answer, in the same log. And a linearizable read sees every op that any replica had
 * executed when it was asked for.
 */
export class ReadsAsAsked implements Checker {
  readonly name = '13 reads as asked';
  /** Of a subscription, by its client and its id there, which no client uses twice. */
  readonly #asked = new Map<string, Asked>();
  /** By client, node and correlation of the request. */
  readonly #open = new Map<string, Asked>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  fromClient(ghost: Ghost, client: number, node: number, frame: Frame): void {
    if (frame.kind !== FrameKind.subscribe) return;
    const request = decodeSubscribe(frame.payload);
    if (!request.ok) throw new Error(`a client of the simulator sends ${request.error.message}`);
    const executed = ghost.log(frame.group).length;
    const asked = { ...request.value, executed };
    this.#asked.set(`${client}/${asked.subscription}`, asked);
    this.#open.set(`${client}/${node}/${frame.correlation}`, asked);
  }

  toClient(ghost: Ghost, node: number, client: number, frame: Frame): void {
    const stated = this.#stated(frame);
    if (stated === null) return;
    const where = `node ${node}, group ${frame.group}`;
    const asked =
      frame.kind === FrameKind.subscribed
        ? this.#open.get(`${client}/${node}/${frame.correlation}`)
        : this.#asked.get(`${client}/${frame.correlation}`);
    if (stated.ageMs > (asked?.maxStalenessMs ?? AGE_UNKNOWN)) {
      throw new Violation(
        this.name,
        `${where}: serves at an age of ${stated.ageMs} ms, asked for was ${asked?.maxStalenessMs}`,
      );
    }
    if (frame.kind === FrameKind.subscribed) {
      this.#checkToken(where, stated, asked?.token);
      if (asked?.consistency === 'linearizable') this.#checkIndex(where, stated, asked);
    }
    if (stated.ageMs === AGE_UNKNOWN) return;
    const asOf = this.#now() - 1_000 * (stated.ageMs * (1 + driftMax) + roundingMs);
    const due = ghost.executedAt(frame.group, asOf);
    if (stated.end < due.end || (stated.op >= 0 && stated.op < due.op)) {
      throw new Violation(
        this.name,
        `${where}: states end ${stated.end} and op ${stated.op} at an age of ${stated.ageMs} ms, ${due.end} and ${due.op} were reached before`,
      );
    }
  }

  /** More than a register needs, which may hide what nobody was told of: but this is what ReadIndex gives. */
  #checkIndex(where: string, { op }: Stated, { executed }: Asked): void {
    if (op >= executed) return;
    throw new Violation(
      this.name,
      `${where}: a linearizable read sees op ${op}, op ${executed} was executed before it was asked for`,
    );
  }

  #checkToken(where: string, { op, lossEpoch }: Stated, token: ReadToken | undefined): void {
    if (token === undefined || (token.lossEpoch === lossEpoch && token.op <= op)) return;
    throw new Violation(
      this.name,
      `${where}: answers at op ${op} of lossEpoch ${lossEpoch} to a token of op ${token.op}, lossEpoch ${token.lossEpoch}`,
    );
  }

  #stated(frame: Frame): Stated | null {
    switch (frame.kind) {
      case FrameKind.subscribed: {
        const answer = decodeSubscribed(frame.payload);
        return answer.ok ? answer.value : null;
      }
      case FrameKind.batches: {
        const push = decodeBatches(frame);
        if (!push.ok) return null;
        const { commitOffset: end, lossEpoch, ageMs } = push.value;
        return { end, op: -1, lossEpoch, ageMs };
      }
      case FrameKind.subscriptionStatus: {
        const status = decodeSubscriptionStatus(frame);
        if (!status.ok) return null;
        const { commitOffset: end, ageMs } = status.value;
        return { end, op: -1, lossEpoch: -1, ageMs };
      }
      default:
        return null;
    }
  }
}
