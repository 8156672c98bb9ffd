import { errataRows } from './coverage-table-errata.ts';
import { mutantRows } from './coverage-table-mutants.ts';
import { at, type Standing, waits } from './coverage-table-standing.ts';

/**
 * Everything that the design wants the simulator to do, and where it stands, so that nothing is forgotten. A row
 * that waits names its feature; `features` below tells from the sources whether that exists by now, and a test
 * fails while it exists and the row still waits. `docs/protocol/errata.md` shows the mutants' rows and is written from
 * here: `npx vitest run test/src/docs -u`.
 */
export interface CoverageRow {
  readonly kind: 'checker' | 'fault' | 'mutant';
  readonly name: string;
  readonly standing: Standing;
}

const checkers: readonly [string, Standing][] = [
  ['1 one canonical committed chain', at('checkers/canonical-chain.ts')],
  ['2 an acked record stays', at('checkers/acked-is-kept.ts, history')],
  ['3 commits, views, logView monotone', at('checkers/monotone.ts')],
  ['4 one normal primary a view', at('checkers/one-primary.ts')],
  ['5 no frame above the durable view', at('checkers/durable-view.ts')],
  ['6 PrepareOk only with durability', at('checkers/prepare-ok-is-durable.ts')],
  ['7 who recovers is in no quorum', at('checkers/recovering-is-silent.ts')],
  ['7 learners are in no quorum', waits('membership change')],
  ['8 a nacked op was never acked', at('checkers/nack-of-the-unacked.ts')],
  ['9 no truncation below commitMax', at('checkers/no-truncation.ts')],
  ['10 offsets dense, timestamps monotone', at('checkers/dense-offsets.ts')],
  ['11 segments byte-equal', at('cluster/final-checks.ts')],
  ['11 index agrees with its segment', at('cluster/final-index.ts')],
  ['11 states equal at equal op', at('cluster/final-state.ts')],
  ['12 window, offsets, retention equal at equal op', waits('consumer groups')],
  ['13 reads are committed', at('checkers/committed-reads.ts, history')],
  ['13 reads are as fresh as is said and asked', at('checkers/reads-as-asked.ts')],
  ['13 linearizable reads pass the model', at('checkers/reads-as-asked.ts')],
  ['14 idempotent producers', at('history')],
  ['15 notApplied is in no log', at('history')],
  ['16 partitions by committed ops, files go after a tombstone', at('checkers/partition-life.ts')],
  ['17 one tenure a partition, G1-G18', waits('consumer groups')],
  ['18 sizes bounded, queues return to their level', at('cluster/final-levels.ts')],
  ['18 pools return to their level', waits('buffer pools')],
  ['19 trace hash equal on rerun', at('cli/run-seeds.ts')],
];

const faults: readonly [string, Standing][] = [
  ['network: delay', at('world/sim-network.ts')],
  ['network: loss of replica frames', at('world/sim-network.ts')],
  ['network: duplication of replica frames', at('world/sim-network.ts')],
  ['network: reordering across connections', at('world/sim-network.ts')],
  [
    'network: damage of what the checksum of a frame does not cover',
    at('world/sim-network.ts (state transfer)'),
  ],
  ['network: connection reset', at('cluster/fault-driver.ts')],
  ['network: half-open after a power cut', at('world/sim-network.ts')],
  ['network: clogs, delivered late after healing', at('world/sim-network.ts')],
  ['network: capacity', waits('limits of capacity in runs')],
  ['network: partitions, symmetric, asymmetric, isolate one, random split', at('cluster/faults.ts')],
  ['disk: latency, slow disk', at('world/sim-disk.ts')],
  ['disk: torn and lost writes at a crash', at('world/sim-file.ts')],
  ['disk: read and write corruption, misdirected writes', at('cluster/damage.ts')],
  ['disk: EIO, ENOSPC, fsync error', at('world/disk-errors.ts')],
  ['disk: state that cannot be read, wiped', at('cluster/ruin.ts')],
  ['process: crash between any two I/Os, primaries included', at('cluster/sim-node.ts')],
  ['process: restart, pause, whole-cluster power cut', at('cluster/fault-driver.ts')],
  ['several at once: the last two copies of an op, one damaged', at('cluster/fault-driver.ts')],
  ['several at once: damaged, cut off, stopped again and again', at('cluster/fault-driver.ts')],
  ['process: event-loop stall', at('cluster/fault-driver.ts (pause)')],
  ['process: disk wiped and rejoined', waits('membership change')],
  ['process: upgrade with two versions', waits('two versions')],
  ['clock: drift, step, jitter', at('world/sim-clock.ts')],
  ['operations: mode switch', at('clients/mode-switch.ts')],
  ['process: crash in the midst of a state transfer', at('cluster/fault-driver.ts')],
  ['process: asked to end, starts again', at('cluster/fault-driver.ts')],
  ['operations: membership change', waits('membership change')],
  ['operations: topic create, delete', at('clients/topic-churn.ts')],
  ['operations: purge', waits('retention')],
  ['operations: retention at tiny size', waits('retention')],
  ['operations: leadership transfer', at('fault handOver')],
];

/** The whole table. */
export const coverage: readonly CoverageRow[] = [
  ...checkers.map(([name, standing]) => ({ kind: 'checker' as const, name, standing })),
  ...faults.map(([name, standing]) => ({ kind: 'fault' as const, name, standing })),
  ...[...errataRows, ...mutantRows].map(([name, standing]) => ({ kind: 'mutant' as const, name, standing })),
];
