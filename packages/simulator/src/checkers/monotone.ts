import { type Checker, isPromising, type ReplicaContext, type Standing, Violation } from './checker.ts';
import type { GhostReplica } from './ghost.ts';

interface Seen {
  epoch: number;
  view: number;
  logView: number;
}

/**
 * Checker 3: both commit numbers never go back while a process runs; epoch, view and logView never, restarts
 * included. What counts across a restart is what was shown to others: a promise that nobody heard may be lost.
 */
export class Monotone implements Checker {
  readonly name = '3 monotone';
  /** By replica: the highest views that any of its messages named. */
  readonly #shown = new Map<GhostReplica, Seen>();

  recovered({ self, replica }: ReplicaContext): void {
    const shown = this.#shown.get(self);
    if (shown === undefined) return;
    const { epoch, view, logView } = replica.state;
    if (isBelow(epoch, view, shown.epoch, shown.view)) {
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: came back in view ${view} after it had named view ${shown.view}`,
      );
    }
    if (logView < shown.logView) {
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: came back with logView ${logView} after ${shown.logView}`,
      );
    }
  }

  stepped({ self, replica }: ReplicaContext, before: Standing): void {
    const { state } = replica;
    // A text a step would cost more than the comparisons.
    const where = (): string => `node ${self.node}, group ${self.group}`;
    if (state.commitMin < before.commitMin) {
      throw new Violation(
        this.name,
        `${where()}: commitMin went from ${before.commitMin} to ${state.commitMin}`,
      );
    }
    if (state.commitMax < before.commitMax) {
      throw new Violation(
        this.name,
        `${where()}: commitMax went from ${before.commitMax} to ${state.commitMax}`,
      );
    }
    if (state.commitMin > state.commitMax) {
      throw new Violation(
        this.name,
        `${where()}: executed ${state.commitMin}, known to be committed ${state.commitMax}`,
      );
    }
    if (isBelow(state.epoch, state.view, before.epoch, before.view)) {
      throw new Violation(this.name, `${where()}: view went from ${before.view} to ${state.view}`);
    }
    if (state.logView < before.logView || state.logView > state.view) {
      throw new Violation(
        this.name,
        `${where()}: logView is ${state.logView} after ${before.logView} in view ${state.view}`,
      );
    }
  }

  sends(
    { self }: ReplicaContext,
    _to: number,
    message: { type: string; view?: number; epoch?: number; logView?: number },
  ): void {
    if (message.view === undefined || message.epoch === undefined || !isPromising(message)) return;
    let shown = this.#shown.get(self);
    if (shown === undefined) {
      shown = { epoch: 0, view: 0, logView: 0 };
      this.#shown.set(self, shown);
    }
    shown.epoch = Math.max(shown.epoch, message.epoch);
    shown.view = Math.max(shown.view, message.view);
    shown.logView = Math.max(shown.logView, message.logView ?? 0);
  }
}

function isBelow(epoch: number, view: number, otherEpoch: number, otherView: number): boolean {
  return epoch < otherEpoch || (epoch === otherEpoch && view < otherView);
}
