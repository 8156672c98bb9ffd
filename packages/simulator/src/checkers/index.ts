import { AckedIsKept } from './acked-is-kept.ts';
import { CanonicalChain } from './canonical-chain.ts';
import type { Checker } from './checker.ts';
import { CommitsByQuorum } from './commits-by-quorum.ts';
import { CommittedReads } from './committed-reads.ts';
import { DenseOffsets } from './dense-offsets.ts';
import { DropsByNackQuorum } from './drops-by-nack-quorum.ts';
import { DurableView } from './durable-view.ts';
import { MarkIsKept } from './mark-is-kept.ts';
import { Monotone } from './monotone.ts';
import { NackOfTheUnacked } from './nack-of-the-unacked.ts';
import { NoTruncation } from './no-truncation.ts';
import { OnePrimary } from './one-primary.ts';
import { PartitionLife } from './partition-life.ts';
import { PrepareOkIsDurable } from './prepare-ok-is-durable.ts';
import { ReadsAsAsked } from './reads-as-asked.ts';
import { RecoveringIsSilent } from './recovering-is-silent.ts';
import { ViewsByQuorum } from './views-by-quorum.ts';

export { Violation } from './checker.ts';

/** Fresh checkers for one run, all of them. `now`: simulated time, µs. */
export function allCheckers(now: () => number): Checker[] {
  return [
    new CanonicalChain(),
    new AckedIsKept(),
    new Monotone(),
    new OnePrimary(),
    new DurableView(),
    new PrepareOkIsDurable(),
    new NoTruncation(),
    new DenseOffsets(),
    new CommittedReads(),
    new ReadsAsAsked(now),
    new CommitsByQuorum(),
    new PartitionLife(),
    new RecoveringIsSilent(),
    new NackOfTheUnacked(),
    new MarkIsKept(),
    new DropsByNackQuorum(),
    new ViewsByQuorum(),
  ];
}
