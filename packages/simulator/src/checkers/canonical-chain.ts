import type { Prepare } from '@vireo/protocol';
import type { Checkpoint } from '@vireo/vsr';
import { type Checker, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

/**
 * Checker 1: one committed chain. Whoever executes op k first fixes it; every other replica must execute the
 * same op there, each once, in order, chained to the one before.
 */
export class CanonicalChain implements Checker {
  readonly name = '1 canonical chain';

  applied(ghost: Ghost, self: GhostReplica, prepare: Prepare): void {
    const { header } = prepare;
    const where = `node ${self.node}, group ${self.group}, op ${header.op}`;
    if (self.appliedOp >= 0 && header.op !== self.appliedOp + 1) {
      throw new Violation(this.name, `${where}: executed behind op ${self.appliedOp}`);
    }
    const log = ghost.log(self.group);
    const known = log[header.op - 1];
    if (known !== undefined) {
      if (known.header.checksum !== header.checksum) {
        throw new Violation(
          this.name,
          `${where}: executed ${describe(prepare)}, node ${known.node} had executed ${describe(known.prepare)}`,
        );
      }
      return;
    }
    if (header.op !== log.length + 1) {
      throw new Violation(this.name, `${where}: executed before anybody executed op ${log.length + 1}`);
    }
    const parent = log.at(-1);
    if (parent !== undefined && parent.header.checksum !== header.parent) {
      throw new Violation(this.name, `${where}: does not follow ${describe(parent.prepare)}`);
    }
  }

  transferred(ghost: Ghost, self: GhostReplica, { op, checksum }: Checkpoint): void {
    const where = `node ${self.node}, group ${self.group}, op ${op}`;
    if (op <= self.appliedOp)
      throw new Violation(this.name, `${where}: was given a checkpoint behind op ${self.appliedOp}`);
    const known = ghost.committed(self.group, op);
    if (known?.header.checksum !== checksum)
      throw new Violation(this.name, `${where}: was given a checkpoint of an op that nobody has executed`);
  }
}

function describe({ header }: Prepare): string {
  return `${header.checksum.slice(0, 8)} (view ${header.view}, kind ${header.kind})`;
}
