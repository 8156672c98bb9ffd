import type { Message, PersistWrite, ReplayItem, ReplicaEffects, ReplyOutcome } from '@vireo/vsr';
import type { PendingWrite } from './local-state.ts';

/** Collects what a replica wants done. */
export class Recorder implements ReplicaEffects {
  readonly sends: { readonly to: number; readonly message: Message }[] = [];
  readonly writes: PendingWrite[] = [];
  readonly loads: { readonly token: number; readonly first: number; readonly last: number }[] = [];

  send(to: number, message: Message): void {
    this.sends.push({ to, message });
  }

  persist(token: number, write: PersistWrite): void {
    this.writes.push({ token, items: itemsOf(write) });
  }

  load(token: number, first: number, last: number): void {
    this.loads.push({ token, first, last });
  }

  reply(_requestId: number, _outcome: ReplyOutcome): void {}
}

/** What a write puts into the journal: prepares first, as storage does. */
function itemsOf(write: PersistWrite): ReplayItem[] {
  const items: ReplayItem[] = write.prepares.map((prepare) => ({ type: 'prepare', prepare }));
  if (write.type === 'state') items.push({ type: 'state', record: write.record });
  return items;
}
