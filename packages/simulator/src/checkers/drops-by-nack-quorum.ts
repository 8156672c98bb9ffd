import type { DoViewChange, PersistWrite } from '@vireo/vsr';
import { type Checker, type ReplicaContext, Violation } from './checker.ts';
import type { GhostReplica } from './ghost.ts';

/** Replicas whose word drops an op, by the size of the group: the design's table, not the core's. */
const nackQuorum = [0, 1, 1, 2, 3, 3, 4] as const;

interface Chosen {
  readonly anchorOp: number;
  readonly headers: readonly { readonly checksum: string }[];
}

/**
 * Part of checker 8: the votes that a new primary has when it decides on its log are counted again. An op that a vote of
 * the highest logView names stays, unless a nack quorum says that it was never there: with fewer it may have been acked
 * by a replica that has lost it, or by one that is away.
 */
export class DropsByNackQuorum implements Checker {
  readonly name = '8 nacked was never acked';
  /** By replica: the view of which its choice has been looked at. */
  readonly #seen = new Map<GhostReplica, string>();

  /** It had all bodies, and decided and started in one step. */
  persists(context: ReplicaContext, _token: number, write: PersistWrite): void {
    if (write.type === 'state' && write.record.logView === write.record.view)
      this.#count(context, write.record);
  }

  /** It decided, and has bodies to fetch. */
  stepped(context: ReplicaContext): void {
    const { formation } = context.replica.state;
    if (formation !== null) this.#count(context, formation);
  }

  #count({ ghost, self, replica }: ReplicaContext, chosen: Chosen): void {
    const { view, epoch, votes: all } = replica.state;
    if (replica.primary !== self.node) return;
    const votes = all.filter((vote) => vote !== null);
    const key = `${self.start}/${epoch}/${view}`;
    if (votes.length === 0 || this.#seen.get(self) === key) return;
    this.#seen.set(self, key);
    const ranked = Math.max(...votes.map(({ logView }) => logView));
    const commitMax = Math.max(...votes.map((vote) => vote.commitMax));
    const wanted = nackQuorum[ghost.members.get(self.group)?.length ?? 1] ?? 1;
    for (const { logView, anchorOp, headers } of votes) {
      if (logView !== ranked) continue;
      for (const { op, checksum } of headers) {
        if (op <= chosen.anchorOp || chosen.headers[op - chosen.anchorOp - 1]?.checksum === checksum)
          continue;
        const nacks = votes.filter((vote) => isNacked(vote, op, checksum)).length;
        // Those above go with it, whatever is held of them: acks are cumulative, so none of them was acked without it.
        if (op > commitMax && nacks >= wanted) break;
        throw new Violation(
          this.name,
          `node ${self.node}, group ${self.group}: starts view ${view} without op ${op} of ${anchorOp + headers.length}, ` +
            `which ${nacks} of ${wanted} nack`,
        );
      }
    }
  }
}

function isNacked({ anchorOp, headers, present, nack }: DoViewChange, op: number, checksum: string): boolean {
  const at = op - anchorOp - 1;
  if (at < 0) return false;
  const header = headers[at];
  if (header === undefined || (header.checksum === checksum && nack[at] === true)) return true;
  // Another op in its place that may have been damaged: what was there before is not known.
  return header.checksum !== checksum && (present[at] === true || nack[at] === true);
}
