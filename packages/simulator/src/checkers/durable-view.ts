import type { Message } from '@vireo/vsr';
import { type Checker, isPromising, type ReplicaContext, Violation } from './checker.ts';

/**
 * Checker 5: no frame names a view above the durable one (erratum E3; RequestStartView may, it promises nothing),
 * and all votes of one replica for one view say the same, over restarts too: the new primary may count either.
 */
export class DurableView implements Checker {
  readonly name = '5 durable view';
  readonly #votes = new Map<string, string>();

  sends({ self }: ReplicaContext, _to: number, message: Message): void {
    if (!('view' in message) || !isPromising(message)) return;
    const where = `node ${self.node}, group ${self.group}`;
    if (message.epoch > self.durableEpoch || message.view > self.durableView) {
      throw new Violation(
        this.name,
        `${where}: sends ${message.type} of view ${message.view}, durable is ${self.durableView}`,
      );
    }
    if (message.type === 'startView' || message.type === 'prepare' || message.type === 'prepareOk') {
      // These speak of a log of this view: the log must be promised too, not only the view.
      if (message.view > self.durableLogView) {
        throw new Violation(
          this.name,
          `${where}: sends ${message.type} of view ${message.view}, durable logView is ${self.durableLogView}`,
        );
      }
    }
    if (message.type !== 'doViewChange') return;
    const key = `${self.node}/${self.group}/${message.epoch}/${message.view}`;
    const { logView, commitMax, anchorOp, anchorChecksum, headers, present, nack } = message;
    const text = [
      logView,
      commitMax,
      anchorOp,
      anchorChecksum,
      headers.map((header) => header.checksum),
      present,
      nack,
    ].join();
    const before = this.#votes.get(key);
    if (before !== undefined && before !== text) {
      throw new Violation(
        this.name,
        `${where}: votes twice for view ${message.view}, first ${before}, then ${text}`,
      );
    }
    this.#votes.set(key, text);
  }
}
