import { onColdStart, onColdStartGranted, onRecoveryState } from './cold-start.ts';
import { type Core, isRecovering } from './core.ts';
import { receiveInView } from './in-view.ts';
import type { Message } from './message.ts';
import type { NodeId } from './quorums.ts';
import { hearOfEpoch } from './recovering.ts';
import { onGetPrepare, onRepair } from './repair.ts';
import { onRequestStartView, onStartView } from './start-view.ts';
import { noticeLowerView } from './timers.ts';
import { hearOfView, joinView } from './view-change.ts';

/** A message of a member; what is not of a member, or not for this epoch, view and status, has no effect. */
export function receive(core: Core, from: NodeId, message: Message): void {
  const { state, config } = core;
  if (from === config.self || !config.members.includes(from)) return;
  if (message.type === 'getPrepare') {
    onGetPrepare(core, from, message);
    return;
  }
  if (state.failed || state.halted) return;
  switch (message.type) {
    case 'repair':
      onRepair(core, from, message);
      return;
    case 'startView':
      onStartView(core, from, message);
      return;
    case 'requestStartView':
      onRequestStartView(core, from, message);
      return;
    case 'recoveryState':
      onRecoveryState(core, from, message);
      return;
    case 'coldStart':
      onColdStart(core, from, message);
      return;
    case 'coldStartGranted':
      onColdStartGranted(core, from, message);
      return;
  }
  if (message.epoch > state.epoch) hearOfEpoch(core);
  // Who can not know what it acked has no part in what follows, nor who has given the epoch up.
  if (isRecovering(state) || state.grant !== null || message.epoch > state.epoch) return;
  if (message.epoch < state.epoch || message.view < state.view) {
    noticeLowerView(core, from);
    return;
  }
  if (message.view > state.view) {
    switch (message.type) {
      case 'startViewChange':
      case 'doViewChange':
        joinView(core, message.view);
        break;
      default:
        hearOfView(core, message.view);
        return;
    }
  }
  receiveInView(core, from, message);
}
