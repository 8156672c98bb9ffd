/** A known defect of VR Revisited or of its implementations, and what is done about it here. */
export interface Erratum {
  readonly defect: string;
  readonly rule: string;
  /** Below `packages/`. */
  readonly files: readonly string[];
  /** Section of the paper that it is about. */
  readonly section: string;
}

export const errata: Readonly<Record<string, Erratum>> = {
  E1: {
    defect: 'state transfer truncates to a stale commit number, and committed ops lose a copy',
    rule: 'nothing local is cut before its replacement is complete, verified and durable; never at or below the commit number',
    files: ['storage/src/transfer/install-staged.ts', 'vsr/src/repair.ts'],
    section: '5.2',
  },
  E2: {
    defect: 'view or logView adopted before its log has arrived',
    rule: 'both are taken up with the log, in one durable record',
    files: ['vsr/src/start-view.ts', 'vsr/src/view-change.ts'],
    section: '4.2',
  },
  E3: {
    defect: 'the promise of a view change is forgotten in a crash: one failure loses an acked op',
    rule: 'a state record is durable before any frame that names the view',
    files: ['vsr/src/view-change.ts', 'vsr/src/core.ts'],
    section: '4.2',
  },
  E4: {
    defect: 'more than f replicas down at once is for ever, or is healed by forgetting silently',
    rule: '[cold start](restart.md#cold-start): a new epoch, a raised lossEpoch, never by itself',
    files: ['vsr/src/cold-start.ts', 'vsr/src/recovering.ts'],
    section: '4.3',
  },
  E5: {
    defect: "a retried recovery reuses its nonce, and takes the answer to an earlier life's question",
    rule: 'nonce = start counter and attempt',
    files: ['vsr/src/initial-state.ts', 'vsr/src/recovering.ts'],
    section: '4.3',
  },
  E6: {
    defect: 'a StartView is accepted in the same view from normal, and cuts what was acked since',
    rule: 'only from a higher view, or in the change to exactly that view',
    files: ['vsr/src/start-view.ts'],
    section: '4.2',
  },
  E7: {
    defect:
      'a StartViewChange of the same view pushes a normal replica into the view change; lost messages are not repeated',
    rule: 'it states a suspicion only; suspicions and votes are repeated',
    files: ['vsr/src/view-change.ts', 'vsr/src/timers.ts'],
    section: '4.2',
  },
  E8: {
    defect: 'the commit number goes back in a view change',
    rule: 'commitMin is monotone within a run, commitMax within a run and an epoch',
    files: ['vsr/src/view-change.ts', 'vsr/src/start-view.ts'],
    section: '4.2',
  },
  E9: {
    defect: 'the local tail is trusted after recovery',
    rule: 'verified by the hash chain, entry by entry',
    files: ['vsr/src/replay.ts', 'vsr/src/log.ts'],
    section: '4.3',
  },
  E10: {
    defect: 'a client that recovers adds 2 to its last request number: numbers collide',
    rule: 'a session id is the number of the committed op that made it',
    files: ['broker/src/metadata/machine.ts'],
    section: '4.5',
  },
  E11: {
    defect: 'the client table is updated when a request arrives: a lost op locks its client out',
    rule: 'at commit only',
    files: ['vsr/src/commit.ts', 'broker/src/partition/machine.ts'],
    section: '4.1',
  },
  E12: {
    defect: 'one deaf replica drives the others from view to view',
    rule: 'a StartViewChange does not raise the view',
    files: ['vsr/src/view-change.ts'],
    section: '4.2',
  },
  E13: {
    defect: 'reads under a lease trust clocks, or a promise that a crash has forgotten',
    rule: 'no leases; what a primary says of the end waits for the noop of its view',
    files: ['vsr/src/replica.ts'],
    section: '6.3',
  },
  E14: {
    defect: 'a short DoViewChange cuts ops without proof',
    rule: 'present and nack bits, and a nack quorum',
    files: ['vsr/src/view-change.ts'],
    section: '4.2',
  },
  E15: {
    defect: 'what cannot be read is taken for absent',
    rule: '[faulty is not missing](restart.md#faulty-is-not-missing); an error of the disk is never "absent"',
    files: ['storage/src/journal/walk.ts', 'vsr/src/replay.ts', 'vsr/src/writes.ts'],
    section: '4.3',
  },
  E16: {
    defect: 'quorums that do not intersect',
    rule: 'one table, and a test of its inequalities',
    files: ['vsr/src/quorums.ts'],
    section: '4.2',
  },
  E17: {
    defect: 'the log is reused before its checkpoint is durable',
    rule: 'a file is let go only behind a durable checkpoint, with promises and suffix copied',
    files: ['broker/src/node/checkpoint.ts', 'storage/src/journal/ring.ts'],
    section: '5.1',
  },
  E18: {
    defect: 'an ack names only the op number',
    rule: 'op and checksum',
    files: ['vsr/src/normal.ts'],
    section: '4.1',
  },
  E19: {
    defect: 'a restarted primary resumes its view and gives an op number a second content',
    rule: 'it joins view + 1',
    files: ['vsr/src/replica.ts'],
    section: '4.3',
  },
  E20: {
    defect: 'a wiped replica nacks what it acked in its former life',
    rule: 'members are (node, incarnation); a wiped founder is refused',
    files: ['broker/src/node/founding.ts'],
    section: '4.3',
  },
  E21: {
    defect: 'a suffix that is not anchored in the own log is executed',
    rule: 'the chain is verified down to commitMin before anything is applied',
    files: ['vsr/src/repair.ts', 'vsr/src/start-view.ts'],
    section: '5.2',
  },
};

/** Why a variant of the rules is none, by its name in the simulator's coverage table. */
export const reasons: Readonly<Record<string, string>> = {
  'primary counts itself before it is durable': 'one crash, and the quorum was one',
  'PrepareOk older than its persisted event': 'it acks an op that a view change has replaced',
  'logView durable without its headers': 'after a crash an old log ranks as the new one',
  'side effects before commit': 'what was answered may not be in the log',
  'DoViewChange ranked by view': 'who only promised wins over those that committed',
  'clean shutdown drops the uncommitted tail': "another replica's commit rests on it",
  'clean mark while entries are faulty': 'the loss is forgotten',
  'mark set only at the first ack': 'logView was promised before, for a log in memory',
  'answer to a nonce accepted from normal': 'as E6, by another door',
  'recoveringHead left by any StartView': 'one of an older view hides what was acked since',
  'verdict forgotten at the next restart': 'a clean restart would make a voter of it',
  'damaged head cut as torn': 'acked ops disappear without a trace',
  'state record lost with a reused journal file': 'as E3',
  'Prepare of a view that is not durable': 'after a crash its primary leads the view again, with another log',
  'replica built anew from metadata': 'as E20: it nacks what it acked',
  'nack refused when only the header is known': 'safe, and stuck for ever: nobody could drop the op',
  'old-view acks counted in a new view': 'the log that they spoke of is not this one (needs five replicas)',
  'one nack is enough': 'the others may have acked it',
  'StartView clears faulty': 'what was lost here looks as if it had never been here',
  're-stamping at backups': 'one op, two contents',
  'metadata applied late answered with a nack': 'a replica that is still to be built says it never acked',
  'directory entries not synced': 'the file is durable, its name is not',
  'snapshot ahead of its segment': 'the state is there, its ops are not',
  'fsync retried': 'the kernel may have dropped the pages, and report success',
  'roll or seal by local clock': 'segments differ from replica to replica',
  'reads before the first commit of the view': 'a new primary does not know yet what the old one answered',
  'all groups failing over to one neighbour': 'one death doubles the load of one node',
  'coalesced heartbeats hide a wedged group': 'the node is alive, the group is not',
  'Buffer changed after it was handed to send': 'the bytes on the wire are others than those hashed',
  'segment files deleted before the checkpoint': 'the state that names them may come back',
  'view entered alone in a new epoch': 'who was not in the old epoch proves nothing by itself',
  'own first view of an epoch': 'two replicas lead the same epoch with two logs',
  'op prepared behind Reconfigure': 'it belongs to an epoch that has ended',
  'acks in a new epoch without its log': 'the ack promises a chain that is not there',
  'dedup evicted by local time': 'one replica calls new what another calls a duplicate',
  'reads queued before fsyncs': 'the threads read, and no ack is made',
  'a queue without a limit': 'memory runs out where somebody should have been told to wait',
  'lanes: changed in the middle': 'a record twice, or out of order',
  'lanes: retry under a new sequence': 'a record twice, or called lost that is there',
  'lanes: no evictedMax, expiry judged at the head': 'a retry after eviction looks new',
  'consumer groups: tenures, claims, commits, seeks': 'two members own one partition',
  'dedup by id: evicted early': 'a duplicate is stored',
  'scrubber repairs from a damaged peer': 'damage spreads',
};
