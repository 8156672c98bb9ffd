import type { ReplicaConfig } from './core.ts';
import { PIPELINE_MAX } from './pipeline.ts';
import type { ReplicaRecovery } from './replay.ts';
import type { ReplicaState } from './replica-state.ts';
import type { Random } from './world.ts';

/** Attempts of one start of the process that share a nonce range: no start reuses a nonce of another (erratum E5). */
const NONCES_PER_START = 2 ** 24;

/** Where a replica begins: from nothing, or from what its journal and checkpoint held. */
export function initialState(config: ReplicaConfig, recovery: ReplicaRecovery, random: Random): ReplicaState {
  const { record, checkpoint, entries } = recovery;
  const view = record?.view ?? 0;
  const logView = record?.logView ?? 0;
  const n = config.members.length;
  const head = checkpoint.op + entries.length;
  return {
    epoch: record?.epoch ?? config.epoch,
    view,
    logView,
    status: view > logView ? 'viewChange' : 'normal',
    failed: false,
    durableView: record === null ? -1 : view,
    durableLogView: record === null ? -1 : logView,

    commitMin: checkpoint.op,
    // The head was prepared when the op PIPELINE_MAX below it was known to be committed, and is chained to it.
    commitMax: Math.max(checkpoint.op, head - PIPELINE_MAX),
    committedChecksum: checkpoint.checksum,
    committedTimestamp: checkpoint.timestamp,
    log: entries.map(({ header, prepare }) => ({ header, prepare, durable: prepare !== null })),
    logBytes: entries.reduce((bytes, entry) => bytes + entry.header.size, 0),
    appliedUnwritten: new Map(),
    staging: new Map(),
    stagingBytes: 0,
    unwritten: [],

    acked: new Array<number>(n).fill(0),
    started: false,
    noopOp: 0,
    abdicating: 'no',
    queue: [],
    queueBytes: 0,
    waiters: new Map(),
    commitSent: 0,
    ackDue: record !== null,

    suspects: new Array<number>(n).fill(-1),
    votes: new Array<null>(n).fill(null),
    promise: record !== null && view > logView ? record : null,
    formation: null,
    pendingStartView: null,
    higherView: 0,
    higherTick: 0,

    fetch: null,
    fetchAttempt: 0,
    loads: new Map(),
    tokens: new Map(),
    writingBytes: 0,
    writtenTick: 0,
    nextToken: 1,
    nonce: config.startCounter * NONCES_PER_START,

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
    pingTick: 0,
    noticeTick: new Array<number>(n).fill(-1),
  };
}
