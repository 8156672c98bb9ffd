import { initialAge } from './age.ts';
import type { ReplicaConfig } from './core.ts';
import { modeSetBy } from './mode.ts';
import { PIPELINE_MAX } from './pipeline.ts';
import { initialReads } from './read-index.ts';
import type { ReplicaRecovery } from './replay.ts';
import type { ReplicaState } from './replica-state.ts';
import type { Verdict } from './state-record.ts';
import type { Random } from './world.ts';

/** Attempts of one start of the process that share a nonce range: no start reuses a nonce of another (erratum E5). */
const NONCES_PER_START = 2 ** 24;

/** Where a replica begins: from nothing, or from what its journal and checkpoint held. */
export function initialState(config: ReplicaConfig, recovery: ReplicaRecovery, random: Random): ReplicaState {
  const { record, checkpoint, entries } = recovery;
  const view = record?.view ?? 0;
  const logView = record?.logView ?? 0;
  const n = config.members.length;
  const verdict = verdictOf(recovery);
  const isBetween = view > logView || (record !== null && record.grant !== null);
  const status = verdict !== 'none' ? verdict : isBetween ? 'viewChange' : 'normal';
  // What lies behind a hole is of no use to one who may not vote: it is kept aside for the log that it will be told.
  const hole = verdict === 'none' ? -1 : entries.findIndex(({ prepare }) => prepare === null);
  const kept = hole < 0 ? entries : entries.slice(0, hole);
  const aside = entries.slice(kept.length).flatMap(({ prepare }) => (prepare === null ? [] : [prepare]));
  const head = checkpoint.op + kept.length;
  const firstNonce = config.startCounter * NONCES_PER_START;
  return {
    epoch: record?.epoch ?? config.epoch,
    view,
    logView,
    status,
    failed: false,
    durableEpoch: record?.epoch ?? config.epoch,
    durableView: record === null ? -1 : view,
    durableLogView: record === null ? -1 : logView,

    mode: checkpoint.mode,
    modeOps: kept.filter(({ header }) => modeSetBy(header) !== null).length,
    mark: record?.mark ?? false,
    durableMark: record?.mark ?? false,
    checkpointOp: checkpoint.op,
    volatileTo: 0,
    mustSync: 0,
    lossEpoch: Math.max(record?.lossEpoch ?? 0, checkpoint.lossEpoch),
    appliedLossEpoch: checkpoint.lossEpoch,
    verdict,
    grant: record?.grant ?? null,
    grantNonce: 0,
    durableGrant: record?.grant ?? null,
    salvaged: new Map([...recovery.salvaged, ...aside].map((prepare) => [prepare.header.checksum, prepare])),
    coldStart: {
      ordered: 'no',
      orderedTick: 0,
      states: new Array<null>(n).fill(null),
      stateTicks: new Array<number>(n).fill(0),
      askedTicks: new Array<number>(n).fill(-1),
      askedNonce: firstNonce,
      grantedNonce: firstNonce,
      proposal: 0,
      proposedTick: 0,
      granted: new Array<null>(n).fill(null),
    },
    halted: false,
    digest: null,
    agreedDigest: null,
    digests: new Array<null>(n).fill(null),
    diverged: 'no',
    seal: 'no',

    commitMin: checkpoint.op,
    // The head was prepared when the op PIPELINE_MAX below it was known to be committed, and is chained to it.
    commitMax: Math.max(checkpoint.op, head - PIPELINE_MAX),
    committedChecksum: checkpoint.checksum,
    committedTimestamp: checkpoint.timestamp,
    log: kept.map(({ header, prepare, faulty }) => ({ header, prepare, durable: prepare !== null, faulty })),
    logBytes: kept.reduce((bytes, entry) => bytes + entry.header.size, 0),
    appliedUnwritten: new Map(),
    staging: new Map(),
    stagingBytes: 0,
    unwritten: [],

    acked: new Array<number>(n).fill(0),
    started: false,
    noopOp: 0,
    abdicating: 'no',
    handOverTo: null,
    handOverTick: 0,
    handOverView: 0,
    queue: [],
    queueBytes: 0,
    waiters: new Map(),
    commitSent: 0,
    ackDue: record !== null,

    suspects: new Array<number>(n).fill(-1),
    votes: new Array<null>(n).fill(null),
    promise: record !== null && status === 'viewChange' && view > logView ? record : null,
    formation: null,
    pendingStartView: null,
    higherView: 0,
    higherTick: 0,

    fetch: null,
    transferring: false,
    fetchAttempt: 0,
    loads: new Map(),
    tokens: new Map(),
    writingBytes: 0,
    writtenTick: 0,
    nextToken: 1,
    nonce: firstNonce,
    firstNonce,

    tick: 0,
    heardTick: 0,
    suspicionTicks: config.timeouts.suspicion + random.below(config.timeouts.suspicionJitter),
    progressTick: 0,
    suspectSentTick: -config.timeouts.viewChange,
    viewChangeTick: 0,
    viewChangeAttempt: 0,
    viewChangeWait: config.timeouts.viewChange,
    voteTick: 0,
    voteAttempt: 0,
    retransmitTick: 0,
    retransmitAttempt: 0,
    pollTick: -config.timeouts.retransmitMax,
    pollAttempt: 0,
    pingTick: 0,
    noticeTick: new Array<number>(n).fill(-1),
    ...initialAge(n),
    ...initialReads(n, config.startCounter),
  };
}

/** A verdict stands over restarts. A mark says that bodies were acked which only the memory of the last run held. */
function verdictOf({ record, headLost }: ReplicaRecovery): Verdict {
  if (record === null) return 'none';
  if (record.verdict !== 'none') return record.verdict;
  if (record.mark) return 'amnesiac';
  return headLost ? 'recoveringHead' : 'none';
}
