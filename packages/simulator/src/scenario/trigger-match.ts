import type { Prepare } from '@vireo/protocol';
import type { Message, PersistWrite } from '@vireo/vsr';
import type { ReplicaContext } from '../checkers/checker.ts';
import type { Names } from './names.ts';
import type { Trigger } from './step.ts';

type Of<Event extends Trigger['event']> = Extract<Trigger, { readonly event: Event }>;

/** Whether a message that leaves or was taken up is the one that is waited for. */
export function isPassage(
  trigger: Of<'sends' | 'receives'>,
  names: Names,
  { self, replica }: ReplicaContext,
  peer: number,
  message: Message,
): boolean {
  return (
    message.type === trigger.message &&
    self.group === trigger.group &&
    names.matches(trigger.node, self.node, replica) &&
    names.matches(trigger.peer, peer, null) &&
    (trigger.view === undefined || ('view' in message && message.view === trigger.view)) &&
    (trigger.batch !== true || (preparesOf(message)[0]?.header.count ?? 0) > 0)
  );
}

/** Whether a write that is handed over is the one that is waited for. */
export function isWrite(
  trigger: Of<'writes' | 'durable'>,
  names: Names,
  { self, replica }: ReplicaContext,
  write: PersistWrite,
): boolean {
  return (
    self.group === trigger.group &&
    names.matches(trigger.node, self.node, replica) &&
    (trigger.what === 'state' ? write.type === 'state' : write.prepares.length > 0) &&
    (trigger.view === undefined || (write.type === 'state' && write.record.view === trigger.view))
  );
}

/** Whether a replica now is as it is waited for. */
export function isInState(
  trigger: Of<'is' | 'leads'>,
  names: Names,
  { self, replica }: ReplicaContext,
): boolean {
  if (self.group !== trigger.group || !names.matches(trigger.node, self.node, replica)) return false;
  if (trigger.view !== undefined && replica.state.view < trigger.view) return false;
  return trigger.event === 'leads' ? replica.leading : replica.state.status === trigger.status;
}

export function preparesOf(message: Message): readonly Prepare[] {
  if (message.type === 'prepare') return [message.prepare];
  return message.type === 'repair' ? message.prepares : [];
}
