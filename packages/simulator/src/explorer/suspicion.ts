import type { Replica } from '@vireo/vsr';
import type { Recorder } from './recorder.ts';
import { makeImpatient } from './replica-copy.ts';

/** Makes a replica suspect whoever leads its view, by what would make it do so in earnest. */
export function suspectNow(replica: Replica, out: Recorder): void {
  const { state, primary, config } = replica;
  makeImpatient(state);
  if (state.status === 'viewChange') replica.step({ type: 'tick' }, out);
  else if (primary === config.self) replica.abdicate(out);
  else replica.step({ type: 'peerLost', node: primary }, out);
}
