import type { Message, PersistWrite, ReplicaEffects } from '@vireo/vsr';
import type { ReplicaContext } from '../checkers/checker.ts';

/** Who is told what a replica sends, and what it hands to its disk. */
interface Watcher {
  sends(context: ReplicaContext, to: number, message: Message): void;
  persists(context: ReplicaContext, token: number, write: PersistWrite): void;
}

/** Passes a replica's effects on, and tells the watcher before. */
export class Tap implements ReplicaEffects {
  readonly context: ReplicaContext;
  out: ReplicaEffects | null = null;
  readonly #watcher: Watcher;

  constructor(watcher: Watcher, context: ReplicaContext) {
    this.#watcher = watcher;
    this.context = context;
  }

  send(to: number, message: Message): void {
    this.#watcher.sends(this.context, to, message);
    this.out?.send(to, message);
  }
  persist(token: number, write: PersistWrite): void {
    this.#watcher.persists(this.context, token, write);
    this.out?.persist(token, write);
  }
  load(token: number, first: number, last: number, bytesMax: number): void {
    this.out?.load(token, first, last, bytesMax);
  }
  reply(requestId: number, outcome: Parameters<ReplicaEffects['reply']>[1]): void {
    this.out?.reply(requestId, outcome);
  }
}
