import type { Message } from '@vireo/vsr';
import { type Checker, type ReplicaContext, Violation } from './checker.ts';

interface Holder {
  readonly node: number;
  readonly start: number;
}

/**
 * Checker 4: a view has one primary, in one life of its process. A restarted primary has forgotten what it had
 * prepared and not journaled, so that in the same view it could give an op number to another op (erratum E19).
 */
export class OnePrimary implements Checker {
  readonly name = '4 one primary a view';
  readonly #holders = new Map<string, Holder>();

  sends({ self }: ReplicaContext, _to: number, message: Message): void {
    if (message.type === 'prepare' || message.type === 'startView')
      this.#leads(self, message.epoch, message.view);
  }

  /** A group of one sends nothing: it leads when it says so. */
  stepped({ self, replica }: ReplicaContext): void {
    const { status, started } = replica.state;
    if (status === 'normal' && started && replica.primary === self.node)
      this.#leads(self, replica.state.epoch, replica.state.view);
  }

  #leads(self: { node: number; group: number; start: number }, epoch: number, view: number): void {
    const key = `${self.group}/${epoch}/${view}`;
    const holder = this.#holders.get(key);
    if (holder === undefined) {
      this.#holders.set(key, { node: self.node, start: self.start });
      return;
    }
    if (holder.node !== self.node) {
      throw new Violation(
        this.name,
        `group ${self.group}: nodes ${holder.node} and ${self.node} both lead view ${view}`,
      );
    }
    if (holder.start !== self.start) {
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: leads view ${view} again after a restart`,
      );
    }
  }
}
