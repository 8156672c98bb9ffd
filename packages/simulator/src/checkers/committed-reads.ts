import { decodeBatches, decodePrepare, type Frame, FrameKind } from '@vireo/protocol';
import { simChecksums } from '../world/sim-checksums.ts';
import { type Checker, Violation } from './checker.ts';
import type { Ghost } from './ghost.ts';

/** Checker 13: what a consumer is sent is committed, byte for byte, and so is the commit offset that it is told. */
export class CommittedReads implements Checker {
  readonly name = '13 committed reads';

  toClient(ghost: Ghost, node: number, _client: number, frame: Frame): void {
    if (frame.kind !== FrameKind.batches) return;
    const where = `node ${node}, group ${frame.group}`;
    const head = decodeBatches(frame);
    if (!head.ok) throw new Violation(this.name, `${where}: batches do not decode: ${head.error.message}`);
    const last = ghost.log(frame.group).at(-1)?.header;
    const end = last === undefined ? 0 : last.baseOffset + last.count;
    if (head.value.commitOffset > end) {
      throw new Violation(
        this.name,
        `${where}: states commit offset ${head.value.commitOffset}, committed is ${end}`,
      );
    }
    let bytes = head.value.body;
    while (bytes.length > 0) {
      const prepare = decodePrepare(bytes, simChecksums, true);
      if (!prepare.ok)
        throw new Violation(this.name, `${where}: sends a damaged prepare: ${prepare.error.message}`);
      const { header } = prepare.value;
      const committed = ghost.committed(frame.group, header.op);
      if (committed === undefined || committed.header.checksum !== header.checksum) {
        throw new Violation(this.name, `${where}: sends op ${header.op}, which is not committed`);
      }
      bytes = bytes.subarray(header.size);
    }
  }
}
