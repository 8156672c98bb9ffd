import { ModeFlag, type Prepare, type PrepareHeader, PrepareKind } from '@vireo/protocol';
import type { StateRecord, Verdict } from '@vireo/vsr';

/** What is remembered of one replica beyond the lives of its processes. */
export interface GhostReplica {
  readonly node: number;
  readonly group: number;
  /** Process of the node, counted from 1. */
  start: number;
  /** Highest op applied by the present process; −1 before its recovery. */
  appliedOp: number;
  /** Checksums of all ops that the disk of the node was said to hold, less those that a fault took from it. */
  readonly durable: Set<string>;
  /** The same, with those that a fault took. */
  readonly everDurable: Set<string>;
  /**
   * By op: what it has acked last, as a backup by PrepareOk, as a primary by counting itself. Carried over to each later
   * log that it takes up, as long as the op is in it: what is not was dropped by a quorum.
   */
  readonly acks: Map<number, GhostAck>;
  /** The log that `acks` were last carried over to. */
  acksEpoch: number;
  acksLogView: number;
  /** It was recovering when last looked at: of the log that it is told next it may have acked everything. */
  wasRecovering: boolean;
  /** Checksums of bodies that it has handed to its disk, or has called present. */
  readonly held: Set<string>;
  /** Ops of which a fault has hit a copy, or the index that names it. */
  readonly damagedOps: Set<number>;
  /** Mark of the last state record handed out. */
  mark: boolean;
  /** The views that the last durable state record names; −1: none yet. */
  durableEpoch: number;
  durableView: number;
  durableLogView: number;
  /** Of the last durable state record. */
  durableMark: boolean;
  durableVerdict: Verdict;
  /** Why its next process has to come back as one that recovers; null: it need not. */
  mustRecover: string | null;
  /** Writes handed out and not answered. */
  readonly writes: Map<number, GhostWrite>;
}

export interface GhostWrite {
  readonly checksums: readonly string[];
  readonly record: Pick<StateRecord, 'epoch' | 'view' | 'logView' | 'mark' | 'verdict'> | null;
}

interface GhostAck {
  readonly checksum: string;
  readonly epoch: number;
  /** The last log that it stands in: that of this view. */
  logView: number;
  /** It was told of the op when it could not know what it had acked: it owes it as if it had, and no copy is counted. */
  readonly told: boolean;
}

/** One committed op, as the first replica that executed it knew it. */
export interface Committed {
  readonly header: PrepareHeader;
  readonly prepare: Prepare;
  /** Node that executed it first, and when, µs. */
  readonly node: number;
  readonly at: number;
}

/** One past the last offset as of an op; 0 before the first. */
function endOf(committed: Committed | undefined): number {
  return committed === undefined ? 0 : committed.header.baseOffset + committed.header.count;
}

/** The committed log of one group: index 0 is op 1. */
export type CommittedLog = Committed[];

/** All that the simulator knows of a run and no replica may know. */
export class Ghost {
  readonly replicas = new Map<string, GhostReplica>();
  readonly logs = new Map<number, CommittedLog>();
  /** Ordered members of each group. */
  readonly members = new Map<number, readonly number[]>();
  /** Metadata op that created, and that deleted, a group; of the log that goes on, where a cold start cut it. */
  readonly created = new Map<number, number>();
  readonly deleted = new Map<number, number>();
  /** Groups that faults have taken more from than they can bear: they may stop, or lose with a raised lossEpoch. */
  readonly overspent = new Set<number>();
  /** Groups that have said by a raised lossEpoch that acked ops may be gone. */
  readonly lossSaid = new Set<number>();
  /** The mode in which the log of a group begins; metadata's is `disk`. */
  readonly createdMode = new Map<number, 'disk' | 'memory'>();
  /** Committed ops that set the mode. */
  readonly modeChanges = new Map<number, { readonly op: number; readonly mode: 'disk' | 'memory' }[]>();
  /** Nodes that are away for good: wiped, or with a state that cannot be read; of one group, or (null) of the node. */
  readonly gone = new Map<number, number | null>();

  replica(node: number, group: number): GhostReplica {
    const key = `${node}/${group}`;
    let replica = this.replicas.get(key);
    if (replica === undefined) {
      replica = {
        node,
        group,
        start: 0,
        appliedOp: -1,
        durable: new Set(),
        everDurable: new Set(),
        acks: new Map(),
        acksEpoch: 0,
        acksLogView: 0,
        wasRecovering: false,
        held: new Set(),
        damagedOps: new Set(),
        mark: false,
        durableEpoch: -1,
        durableView: -1,
        durableLogView: -1,
        durableMark: false,
        durableVerdict: 'none',
        mustRecover: null,
        writes: new Map(),
      };
      this.replicas.set(key, replica);
    }
    return replica;
  }

  log(group: number): CommittedLog {
    let log = this.logs.get(group);
    if (log === undefined) {
      log = [];
      this.logs.set(group, log);
    }
    return log;
  }

  committed(group: number, op: number): Committed | undefined {
    return this.logs.get(group)?.[op - 1];
  }

  /** It is durable here now: by the journal, or by a checkpoint. */
  becameDurable(self: GhostReplica, checksum: string): void {
    self.durable.add(checksum);
    self.everDurable.add(checksum);
  }

  /** How many members have ever made the op durable: what an ack in mode `disk` rests on. */
  durableCopies(group: number, checksum: string): number {
    return this.#count(group, (self) => self.everDurable.has(checksum));
  }

  /** How many members have ever acked the op, or made it durable: what an ack in mode `memory` rests on. */
  ackedCopies(group: number, op: number, checksum: string): number {
    return this.#count(group, (self) => {
      const ack = self.acks.get(op);
      return self.everDurable.has(checksum) || (ack?.checksum === checksum && !ack.told);
    });
  }

  /** What had been executed anywhere at `at`, µs: ops up to this one, records up to this offset. */
  executedAt(group: number, at: number): { readonly op: number; readonly end: number } {
    const log = this.log(group);
    let [low, high] = [0, log.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((log[middle]?.at ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return { op: low, end: endOf(log[low - 1]) };
  }

  /** The mode that the committed log gives to an op of it. */
  modeOf(group: number, op: number): 'disk' | 'memory' {
    let mode = this.createdMode.get(group) ?? 'disk';
    for (const change of this.modeChanges.get(group) ?? []) if (change.op <= op) mode = change.mode;
    return mode;
  }

  /** An op that nobody had executed before. */
  committedFirst(group: number, prepare: Prepare, node: number, at: number): void {
    const { header } = prepare;
    this.log(group).push({ header, prepare, node, at });
    if (header.kind !== PrepareKind.mode) return;
    const changes = this.modeChanges.get(group) ?? [];
    changes.push({ op: header.op, mode: header.flags === ModeFlag.memory ? 'memory' : 'disk' });
    this.modeChanges.set(group, changes);
  }

  #count(group: number, holds: (self: GhostReplica) => boolean): number {
    let copies = 0;
    for (const node of this.members.get(group) ?? []) {
      const self = this.replicas.get(`${node}/${group}`);
      if (self !== undefined && holds(self)) copies += 1;
    }
    return copies;
  }
}
