import type { CheckerName } from './checkers/checker.ts';

/**
 * Everything that the design wants the simulator to do, and where it stands, so that nothing is forgotten. A row
 * that waits names its feature; `features` below tells from the sources whether that exists by now, and a test
 * fails while it exists and the row still waits. `docs/protocol/errata.md` shows the mutants' rows and is written from
 * here: `npx vitest run test/src/docs -u`.
 */
type Standing =
  /** A checker or fault: at work in every run, or drawn. */
  | { readonly state: 'in place'; readonly by: string }
  /** A mutant: seeds needed from five first seeds (`npm run simulate -- --mutants`). */
  | {
      readonly state: 'found';
      readonly mutant: string;
      readonly by: readonly CheckerName[];
      readonly seeds: string;
    }
  | { readonly state: 'waits'; readonly for: Feature };

export interface CoverageRow {
  readonly kind: 'checker' | 'fault' | 'mutant';
  readonly name: string;
  readonly standing: Standing;
}

/** A feature is there when its pattern is found in the sources of its package. */
export const features = {
  'mode memory': { package: 'vsr', pattern: /amnesiac'/ },
  'damaged entries': { package: 'vsr', pattern: /recoveringHead'/ },
  'state transfer': { package: 'vsr', pattern: /'getManifest'/ },
  'state digests': { package: 'broker', pattern: /PrepareKind\.digest\b/ },
  'membership change': { package: 'vsr', pattern: /PrepareKind\.reconfigure\b/ },
  'linearizable reads': { package: 'vsr', pattern: /'readIndex'/ },
  retention: { package: 'broker', pattern: /PrepareKind\.truncatePrefix\b/ },
  'consumer groups': { package: 'broker', pattern: /PrepareKind\.offsets\b/ },
  'cold start': { package: 'vsr', pattern: /coldStart/ },
  'session expiry': { package: 'broker', pattern: /'expireSessions'/ },
  scrubber: { package: 'storage', pattern: /class Scrubber/ },
  'buffer pools': { package: 'storage', pattern: /class BufferPool/ },
  'named producers': { package: 'broker', pattern: /registrationOf/ },
  'deduplication by id': { package: 'broker', pattern: /dedupWindow/ },
  'leadership transfer': { package: 'broker', pattern: /case 'transfer'/ },
  'two versions': { package: 'protocol', pattern: /PROTOCOL_MAX = 2/ },
  'damage on disk in runs': { package: 'simulator', pattern: /type: 'damage'/ },
  'topics that come and go': { package: 'simulator', pattern: /op: 'deleteTopic'/ },
  'limits of capacity in runs': { package: 'simulator', pattern: /type: 'capacity'/ },
} as const satisfies Record<string, { readonly package: string; readonly pattern: RegExp }>;

export type Feature = keyof typeof features;

const at = (by: string): Standing => ({ state: 'in place', by });
const waits = (feature: Feature): Standing => ({ state: 'waits', for: feature });
const found = (mutant: string, seeds: string, ...by: CheckerName[]): Standing => ({
  state: 'found',
  mutant,
  by,
  seeds,
});

const checkers: readonly [string, Standing][] = [
  ['1 one canonical committed chain', at('checkers/canonical-chain.ts')],
  ['2 an acked record stays', at('checkers/acked-is-kept.ts, history')],
  ['3 commits, views, logView monotone', at('checkers/monotone.ts')],
  ['4 one normal primary a view', at('checkers/one-primary.ts')],
  ['5 no frame above the durable view', at('checkers/durable-view.ts')],
  ['6 PrepareOk only with durability', at('checkers/prepare-ok-is-durable.ts')],
  ['7 amnesiacs and learners in no quorum', waits('mode memory')],
  ['8 a nacked op was never acked', waits('damaged entries')],
  ['9 no truncation below commitMax', at('checkers/no-truncation.ts')],
  ['10 offsets dense, timestamps monotone', at('checkers/dense-offsets.ts')],
  ['11 segments byte-equal', at('cluster/final-checks.ts')],
  ['11 digests equal', waits('state digests')],
  ['12 window, offsets, retention equal at equal op', waits('consumer groups')],
  ['13 reads are committed', at('checkers/committed-reads.ts, history')],
  ['13 linearizable reads pass the model', waits('linearizable reads')],
  ['14 idempotent producers', at('history')],
  ['15 notApplied is in no log', at('history')],
  ['16 files go only after a tombstone', waits('topics that come and go')],
  ['17 one tenure a partition, G1-G18', waits('consumer groups')],
  ['18 pools return to their level', waits('buffer pools')],
  ['19 trace hash equal on rerun', at('cli/run-seeds.ts')],
];

const faults: readonly [string, Standing][] = [
  ['network: delay', at('world/sim-network.ts')],
  ['network: loss of replica frames', at('world/sim-network.ts')],
  ['network: duplication of replica frames', at('world/sim-network.ts')],
  ['network: reordering across connections', at('world/sim-network.ts')],
  ['network: connection reset', at('cluster/fault-driver.ts')],
  ['network: half-open after a power cut', at('world/sim-network.ts')],
  ['network: clogs, delivered late after healing', at('world/sim-network.ts')],
  ['network: capacity', waits('limits of capacity in runs')],
  ['network: partitions, symmetric, asymmetric, isolate one, random split', at('cluster/faults.ts')],
  ['disk: latency, slow disk', at('world/sim-disk.ts')],
  ['disk: torn and lost writes at a crash', at('world/sim-file.ts')],
  ['disk: read and write corruption, misdirected writes', waits('damage on disk in runs')],
  ['disk: EIO, ENOSPC, fsync error', at('world/disk-errors.ts')],
  ['disk: state that cannot be read, wiped', at('cluster/ruin.ts')],
  ['process: crash between any two I/Os, primaries included', at('cluster/sim-node.ts')],
  ['process: restart, pause, whole-cluster power cut', at('cluster/fault-driver.ts')],
  ['process: event-loop stall', at('cluster/fault-driver.ts (pause)')],
  ['process: disk wiped and rejoined', waits('membership change')],
  ['process: upgrade with two versions', waits('two versions')],
  ['clock: drift, step, jitter', at('world/sim-clock.ts')],
  ['operations: mode switch', waits('mode memory')],
  ['operations: membership change', waits('membership change')],
  ['operations: topic create, delete, purge', waits('topics that come and go')],
  ['operations: retention at tiny size', waits('retention')],
  ['operations: leadership transfer', waits('leadership transfer')],
];

const mutants: readonly [string, Standing][] = [
  ['E1 truncation to a stale commit in state transfer', waits('state transfer')],
  ['E2 view adopted before its log', waits('state transfer')],
  ['E3 promise forgotten in a crash', found('e3-promise-forgotten', '1, 1, 1, 1, 1', '5 durable view')],
  ['E4 more than f down at once', waits('cold start')],
  ['E5 nonce reused', waits('mode memory')],
  [
    'E6 StartView accepted from normal',
    found(
      'e6-start-view-from-normal',
      '10, 71, 81, 39, 21',
      '6 prepareOk is durable',
      'liveness',
      '2 acked is kept',
    ),
  ],
  ['E7 StartViewChange pushes normal into view change', waits('damaged entries')],
  ['E8 commit rewinds', found('e8-commit-rewinds', '1, 3, 3, 3, 1', '3 monotone')],
  ['E9 local tail trusted after recovery', waits('state transfer')],
  ['E10 client recovers by +2', waits('named producers')],
  [
    'E11 table updated at request time',
    found(
      'e11-table-at-request',
      '117, 37, 9, 112, 36',
      '2 acked is kept',
      '14 idempotent producers',
      'liveness',
    ),
  ],
  ['E12 a deaf replica bumps the view for ever', waits('limits of capacity in runs')],
  ['E13 leases', waits('linearizable reads')],
  ['E14 truncation without proof', waits('damaged entries')],
  ['E15 corrupt read as absent', waits('damage on disk in runs')],
  ['E16 quorums that do not intersect', waits('membership change')],
  ['E17 log reused before its checkpoint', waits('damage on disk in runs')],
  ['E18 ack names only the number', waits('damaged entries')],
  ['E19 restarted primary resumes', found('e19-primary-resumes', '1, 1, 1, 1, 1', '4 one primary a view')],
  ['E20 wiped replica nacks', waits('membership change')],
  ['E21 unanchored suffix executed', waits('state transfer')],
  [
    'primary counts itself before it is durable',
    found('early-self-count', '1, 1, 1, 1, 1', '2 acked is kept'),
  ],
  [
    'PrepareOk older than its persisted event',
    found('stale-prepare-ok', '96, 9, 385, 39, 74', '6 prepareOk is durable'),
  ],
  [
    'logView durable without its headers',
    found('log-view-without-headers', '9, 1, 27, 12, 10', '6 prepareOk is durable'),
  ],
  ['side effects before commit', found('effects-before-commit', '1, 1, 1, 1, 1', '3 monotone')],
  ['DoViewChange ranked by view', found('rank-by-view', '77, 282, 128, 228, 66', '1 canonical chain')],
  ['clean shutdown drops the uncommitted tail', waits('mode memory')],
  ['clean mark while entries are faulty', waits('mode memory')],
  ['mark set only at the first ack', waits('mode memory')],
  ['answer to a nonce accepted from normal', waits('mode memory')],
  ['recoveringHead left by any StartView', waits('damaged entries')],
  ['verdict forgotten at the next restart', waits('damaged entries')],
  ['damaged head cut as torn', waits('damage on disk in runs')],
  ['state record lost with a reused journal file', waits('damage on disk in runs')],
  ['view entered alone in a new epoch', waits('membership change')],
  ['own first view of an epoch', waits('membership change')],
  ['op prepared behind Reconfigure', waits('membership change')],
  ['acks in a new epoch without its log', waits('membership change')],
  ['Prepare of a view that is not durable', waits('damaged entries')],
  ['replica built anew from metadata', waits('membership change')],
  ['nack refused when only the header is known', waits('damaged entries')],
  ['old-view acks counted in a new view', waits('damaged entries')],
  ['one nack is enough', waits('damaged entries')],
  ['StartView clears faulty', waits('damaged entries')],
  ['re-stamping at backups', waits('damaged entries')],
  ['roll or seal by local clock', waits('retention')],
  ['reads before the first commit of the view', waits('linearizable reads')],
  ['dedup evicted by local time', waits('session expiry')],
  ['all groups failing over to one neighbour', waits('membership change')],
  ['coalesced heartbeats hide a wedged group', waits('limits of capacity in runs')],
  ['Buffer changed after it was handed to send', waits('buffer pools')],
  ['directory entries not synced', waits('damage on disk in runs')],
  ['metadata applied late answered with a nack', waits('damaged entries')],
  ['snapshot ahead of its segment', waits('damage on disk in runs')],
  ['segment files deleted before the checkpoint', waits('retention')],
  ['fsync retried', waits('damage on disk in runs')],
  ['reads queued before fsyncs', waits('limits of capacity in runs')],
  ['a queue without a limit', waits('limits of capacity in runs')],
  ['lanes: changed in the middle, sequence reused, no epoch raised', waits('session expiry')],
  ['lanes: retry under a new sequence, last answer decides', waits('session expiry')],
  ['lanes: no evictedMax, judged by committed state, expiry judged at the head', waits('session expiry')],
  ['consumer groups: tenures, claims, commits, seeks', waits('consumer groups')],
  ['dedup by id: evicted early', waits('deduplication by id')],
  ['scrubber repairs from a damaged peer', waits('scrubber')],
];

/** The whole table. */
export const coverage: readonly CoverageRow[] = [
  ...checkers.map(([name, standing]) => ({ kind: 'checker' as const, name, standing })),
  ...faults.map(([name, standing]) => ({ kind: 'fault' as const, name, standing })),
  ...mutants.map(([name, standing]) => ({ kind: 'mutant' as const, name, standing })),
];
