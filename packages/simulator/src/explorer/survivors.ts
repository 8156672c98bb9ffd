import type { Message, Replica } from '@vireo/vsr';
import { N } from './bounds.ts';
import type { LocalState, PendingWrite } from './local-state.ts';
import { type LocalTable, resume } from './local-table.ts';
import { Recorder } from './recorder.ts';
import { suspectNow } from './suspicion.ts';

/** Silences after which each survivor gives its view up; enough for every node to have had its turn as primary twice. */
const SILENCES_MAX = 2 * N;

/** Exchanges after which it counts as silence: questions and empty answers could go on for ever. */
const TURNS_MAX = 20;

interface Survivor {
  readonly replica: Replica;
  readonly out: Recorder;
  writes: PendingWrite[];
  inbox: { readonly from: number; readonly message: Message }[];
}

/**
 * Whether two nodes can go on when the third is gone for good and nothing else goes wrong any more: they write, deliver,
 * suspect, until one of them leads a view whose noop has committed. Otherwise the group is stuck though it has a quorum.
 */
export function canGoOn(table: LocalTable, one: LocalState, other: LocalState): boolean {
  const survivors = [one, other].map((local): Survivor => {
    const out = new Recorder();
    return { replica: resume(local.node, local.state, out), out, writes: [...local.pending], inbox: [] };
  });
  const [a, b] = survivors as [Survivor, Survivor];
  for (let silences = 0, turns = 0; silences <= SILENCES_MAX; turns++) {
    const moved = [move(table, a, b), move(table, b, a)].includes(true);
    if (a.replica.leading || b.replica.leading) return true;
    if (moved && turns < TURNS_MAX) continue;
    silences++;
    turns = 0;
    for (const { replica, out } of survivors) suspectNow(replica, out);
  }
  return false;
}

/** Writes and messages of one of them come to their end; false: there were none. */
function move(table: LocalTable, self: Survivor, peer: Survivor): boolean {
  const { replica, out } = self;
  const { state } = replica;
  let moved = false;
  const { inbox } = self;
  self.inbox = [];
  for (const { from, message } of inbox) {
    replica.step({ type: 'message', from, message }, out);
    moved = true;
  }
  replica.settle(out);
  // What is missing is asked for; whoever is asked, the other survivor is the one who answers.
  replica.step({ type: 'tick' }, out);
  if (state.fetch !== null) state.fetch = { ...state.fetch, to: peer.replica.config.self };
  self.writes.push(...out.writes.splice(0));
  for (const { token } of self.writes.splice(0)) {
    replica.step({ type: 'persisted', token, ok: true }, out);
    replica.settle(out);
    moved = true;
  }
  self.writes.push(...out.writes.splice(0));
  for (const { token, first, last } of out.loads.splice(0)) {
    const applied = table.prepares.idOf(state.committedChecksum);
    replica.step({ type: 'loaded', token, prepares: table.chainOf(applied, first, last) }, out);
  }
  for (const { to, message } of out.sends.splice(0)) {
    const isForPeer = to === peer.replica.config.self || message.type === 'getPrepare';
    if (isForPeer) peer.inbox.push({ from: replica.config.self, message });
  }
  return moved || self.writes.length > 0;
}
