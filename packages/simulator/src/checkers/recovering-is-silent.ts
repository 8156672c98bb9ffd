import type { Message, ReplicaEvent } from '@vireo/vsr';
import { type Checker, isRecovering, type ReplicaContext, type Standing, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

/** What counts in a quorum, or speaks for one. */
const counting: ReadonlySet<Message['type']> = new Set([
  'prepare',
  'prepareOk',
  'commit',
  'pong',
  'readIndexOk',
  'startViewChange',
  'doViewChange',
  'startView',
]);

/** What one process of a replica has asked and been told. */
interface Questions {
  readonly asked: Set<number>;
  /** Views of which a StartView arrived that answers a question of this process. */
  readonly answered: Set<number>;
}

/**
 * Checker 7: a replica that cannot know all that it acked is in no quorum: it sends no vote, ack, nack, suspicion or
 * StartView. It stops being one only by a StartView that answers a question of the present process, of a view at or
 * above its durable one, or by a cold start. What was durable of its verdict, or of its mark, stands over a restart:
 * that much is known here from the writes that the disk confirmed, and owes nothing to what the replica says of itself.
 */
export class RecoveringIsSilent implements Checker {
  readonly name = '7 no vote while recovering';
  readonly #questions = new Map<GhostReplica, Questions>();
  /** The highest number of a question of former lives. */
  readonly #used = new Map<GhostReplica, number>();

  recovered({ self, replica }: ReplicaContext): void {
    const { status, firstNonce, nonce } = replica.state;
    // It asks as soon as it exists, which nobody sees: the constructor's messages pass by the observer.
    const asked = Array.from({ length: nonce - firstNonce }, (_, index) => firstNonce + 1 + index);
    this.#questions.set(self, { asked: new Set(asked), answered: new Set() });
    const where = `node ${self.node}, group ${self.group}`;
    if (self.mustRecover !== null && !isRecovering(status)) {
      throw new Violation(
        this.name,
        `${where}: came back in status ${status}, it has to recover: ${self.mustRecover}`,
      );
    }
  }

  sends({ self, replica }: ReplicaContext, _to: number, message: Message): void {
    if (message.type === 'requestStartView') {
      const { asked } = this.#of(self);
      // One question goes to all; another one has another number, in all lives of the replica (erratum E5).
      asked.add(message.nonce);
      if (message.nonce > (this.#used.get(self) ?? 0)) return;
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: asks with number ${message.nonce}, which a former life has used`,
      );
    }
    if (isRecovering(replica.state.status) && counting.has(message.type)) {
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: sends ${message.type} in status ${replica.state.status}`,
      );
    }
  }

  stepped({ self, replica }: ReplicaContext, before: Standing, event: ReplicaEvent | null): void {
    const questions = this.#of(self);
    if (event?.type === 'message' && event.message.type === 'startView') {
      const { nonce, view, epoch } = event.message;
      if (nonce !== 0 && questions.asked.has(nonce)) questions.answered.add(viewNumber(epoch, view));
    }
    const { state } = replica;
    if (!isRecovering(before.status) || isRecovering(state.status)) return;
    if (state.epoch > before.epoch) return;
    if (questions.answered.has(viewNumber(state.epoch, state.view)) && state.view >= before.view) return;
    throw new Violation(
      this.name,
      `node ${self.node}, group ${self.group}: left ${before.status} for view ${state.view} without an answer of its primary`,
    );
  }

  died(_ghost: Ghost, node: number): void {
    for (const [self, { asked }] of this.#questions) {
      if (self.node !== node) continue;
      this.#used.set(self, Math.max(this.#used.get(self) ?? 0, ...asked));
      this.#questions.delete(self);
    }
  }

  #of(self: GhostReplica): Questions {
    let questions = this.#questions.get(self);
    if (questions === undefined) {
      questions = { asked: new Set(), answered: new Set() };
      this.#questions.set(self, questions);
    }
    return questions;
  }
}

function viewNumber(epoch: number, view: number): number {
  return epoch * 2 ** 32 + view;
}
