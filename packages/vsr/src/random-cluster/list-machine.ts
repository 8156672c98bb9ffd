import { ModeFlag, type Prepare, PrepareKind } from '@vireo/protocol';
import { coldStartFields } from '../cold-start-op.ts';
import type { Mode } from '../mode.ts';
import type { Checkpoint } from '../replay.ts';
import type { StateMachine } from '../state-machine.ts';

const CONTEXT = { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 };

/** A machine that lists what it was given: an op's reply is its number. */
export class ListMachine implements StateMachine {
  readonly applied: Prepare[] = [];

  constructor(applied: readonly Prepare[]) {
    this.applied.push(...applied);
  }

  admit() {
    return { type: 'prepare' as const, context: CONTEXT };
  }
  prepared(): void {}
  rebuildHead(): void {}
  nextOffset(): number {
    return 0;
  }
  apply(prepare: Prepare): number {
    if (prepare.header.op !== this.applied.length + 1)
      throw new Error(`op ${prepare.header.op} is applied after ${this.applied.length}`);
    this.applied.push(prepare);
    return prepare.header.op;
  }
  /** The chain up to the last op is the state. */
  snapshot(): Buffer {
    return Buffer.from(this.applied.at(-1)?.header.checksum ?? '', 'latin1');
  }
  restore(): void {}
}

/** What stands beside a snapshot at `op`, worked out from the log alone. */
export function checkpointAt(applied: readonly Prepare[], op: number, first: Checkpoint): Checkpoint {
  const last = applied[op - 1];
  if (last === undefined) return first;
  let mode: Mode = first.mode;
  let lossEpoch = first.lossEpoch;
  for (const prepare of applied.slice(0, op)) {
    const { kind, flags } = prepare.header;
    if (kind === PrepareKind.mode) mode = flags === ModeFlag.memory ? 'memory' : 'disk';
    if (kind === PrepareKind.coldStart) lossEpoch = coldStartFields(prepare)?.lossEpoch ?? lossEpoch;
  }
  const { checksum, timestamp } = last.header;
  return { op, checksum, timestamp, mode, lossEpoch };
}
