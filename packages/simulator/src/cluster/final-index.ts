import type { CommittedLog, Ghost } from '../checkers/ghost.ts';
import type { SimNode } from './sim-node.ts';

/** Head and entry of an index file, as `docs/formats` lays them out; read here by hand, not by the code that wrote them. */
const headSize = 128;
const entrySize = 32;

/**
 * Part of checker 11: each index beside a segment says of the segment what is there. Null when all do. A segment that
 * differs from the committed log is another one's finding; here positions, offsets, stamps and the end are compared.
 */
export function firstWrongIndex(ghost: Ghost, nodes: readonly SimNode[]): string | null {
  for (const node of nodes) {
    if (ghost.gone.has(node.id)) continue;
    const files = new Map(node.disk.contents().map(({ path, bytes }) => [path, bytes]));
    for (const { id } of node.broker?.groups() ?? []) {
      if (ghost.lossSaid.has(id) || ghost.lossSaid.has(0)) continue;
      for (const [path, index] of files) {
        if (!path.startsWith(`groups/${id}/`) || !path.endsWith('.index')) continue;
        const segment = files.get(path.replace(/\.index$/, '.segment'));
        if (segment === undefined) return `node ${node.id}: ${path} has no segment`;
        const problem = problemOf(index, segment, ghost.log(id));
        if (problem !== null) return `node ${node.id}: ${path}: ${problem}`;
      }
    }
  }
  return null;
}

function problemOf(index: Buffer, segment: Buffer, log: CommittedLog): string | null {
  const number = (at: number): number => Number(index.readBigUInt64LE(at));
  const count = index.readUInt32LE(88);
  if (index.length !== headSize + count * entrySize) return `${index.length} bytes for ${count} entries`;
  const [endOp, endOffset, endPosition] = [number(40), number(48), number(56)];
  const last = log[endOp - 1]?.header;
  if (last === undefined) return `it ends at op ${endOp}, committed are ${log.length}`;
  if (index.toString('hex', 64, 80) !== last.checksum) return `its end names another op ${endOp}`;
  if (endOffset !== offsetBehind(log, endOp)) return `it ends at offset ${endOffset}`;
  if (checksumAt(segment, endPosition - last.size) !== last.checksum)
    return `op ${endOp} does not end at ${endPosition}`;
  for (let at = headSize; at < index.length; at += entrySize) {
    const [op, offset, position, timestamp] = [number(at), number(at + 8), number(at + 16), number(at + 24)];
    const header = log[op - 1]?.header;
    if (header === undefined || checksumAt(segment, position) !== header.checksum)
      return `op ${op} is not at ${position}`;
    if (offset !== offsetBehind(log, op - 1)) return `op ${op} is said to begin at offset ${offset}`;
    if (timestamp !== header.timestamp) return `op ${op} is said to be of ${timestamp}`;
  }
  return null;
}

/** A stored prepare begins with its checksum. */
function checksumAt(segment: Buffer, position: number): string {
  return segment.toString('hex', position, position + 16);
}

/** The offset that comes after `op`. */
function offsetBehind(log: CommittedLog, op: number): number {
  for (let at = op; at > 0; at -= 1) {
    const header = log[at - 1]!.header;
    if (header.count > 0) return header.baseOffset + header.count;
  }
  return 0;
}
