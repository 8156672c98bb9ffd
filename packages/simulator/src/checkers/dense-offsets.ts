import { type Prepare, PrepareKind } from '@vireo/protocol';
import { type Checker, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

/** Checker 10: along the committed log of a partition offsets have no gap and no overlap, timestamps never go back. */
export class DenseOffsets implements Checker {
  readonly name = '10 dense offsets';
  readonly #next = new Map<number, { op: number; offset: number; timestamp: number }>();

  applied(_ghost: Ghost, self: GhostReplica, { header }: Prepare): void {
    const next = this.#next.get(self.group) ?? { op: 1, offset: 0, timestamp: 0 };
    // Later replicas execute the same ops: the canonical chain is checked elsewhere.
    if (header.op !== next.op) return;
    const where = `group ${self.group}, op ${header.op}`;
    if (header.kind === PrepareKind.batch && header.baseOffset !== next.offset) {
      throw new Violation(
        this.name,
        `${where}: begins at offset ${header.baseOffset}, expected ${next.offset}`,
      );
    }
    if (header.kind !== PrepareKind.batch && header.count !== 0) {
      throw new Violation(this.name, `${where}: is of kind ${header.kind} and takes ${header.count} offsets`);
    }
    if (header.timestamp < next.timestamp) {
      throw new Violation(
        this.name,
        `${where}: stamped ${next.timestamp - header.timestamp} µs before its predecessor`,
      );
    }
    this.#next.set(self.group, {
      op: header.op + 1,
      offset: next.offset + header.count,
      timestamp: header.timestamp,
    });
  }
}
