import { onPong } from './age.ts';
import type { Core } from './core.ts';
import { onDigest } from './digest.ts';
import type { Message } from './message.ts';
import { onCommit, onPing, onPrepare, onPrepareOk } from './normal.ts';
import type { NodeId } from './quorums.ts';
import { onReadIndex, onReadIndexOk } from './read-index.ts';
import { onDoViewChange, onStartViewChange } from './view-change.ts';

/** Messages that count in exactly the view which they name. */
type InView = Extract<
  Message,
  {
    type:
      | 'prepare'
      | 'prepareOk'
      | 'commit'
      | 'ping'
      | 'pong'
      | 'readIndex'
      | 'readIndexOk'
      | 'startViewChange'
      | 'doViewChange'
      | 'digest';
  }
>;

/** A message of this replica's own epoch and view. */
export function receiveInView(core: Core, from: NodeId, message: InView): void {
  switch (message.type) {
    case 'prepare':
      onPrepare(core, from, message);
      return;
    case 'prepareOk':
      onPrepareOk(core, from, message);
      return;
    case 'commit':
      onCommit(core, from, message);
      return;
    case 'ping':
      onPing(core, from, message);
      return;
    case 'pong':
      onPong(core, from, message);
      return;
    case 'readIndex':
      onReadIndex(core, from, message);
      return;
    case 'readIndexOk':
      onReadIndexOk(core, from, message);
      return;
    case 'digest':
      onDigest(core, from, message);
      return;
    case 'startViewChange':
      onStartViewChange(core, from, message);
      return;
    case 'doViewChange':
      onDoViewChange(core, from, message);
      return;
  }
}
