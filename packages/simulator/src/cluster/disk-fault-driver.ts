import { decodePrepare } from '@vireo/protocol';
import { type JournalMap, mapJournal } from '@vireo/storage/testing';
import type { Prng } from '../world/prng.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import { type DamagePlan, planDamage } from './damage.ts';
import type { FaultAtlas, LostOp } from './fault-atlas.ts';
import type { Fault, RuinKind } from './faults.ts';
import type { FloorName } from './floors.ts';
import { planRuin } from './ruin.ts';
import type { SimNode } from './sim-node.ts';

interface DiskFaultParts {
  readonly atlas: FaultAtlas;
  /** The node is away from here on. */
  gone(node: SimNode, why: RuinKind, group: number | null): void;
  restartLater(node: SimNode, delay: number): void;
  count(name: FloorName, count: number): void;
}

type Damage = Pick<Extract<Fault, { type: 'rot' }>, 'piece' | 'shape' | 'powerLost' | 'downFor'>;
type Ruin = Extract<Fault, { type: 'ruin' }>;

/** Carries out what damages a disk, as far as the atlas allows it. */
export class DiskFaultDriver {
  readonly #parts: DiskFaultParts;

  constructor(parts: DiskFaultParts) {
    this.#parts = parts;
  }

  /** The process ends, a piece of its journal is damaged, it starts again. */
  damage(node: SimNode, fault: Damage, random: Prng): void {
    const { atlas, count, restartLater } = this.#parts;
    const snapshots = snapshotOps(node);
    node.kill(fault.powerLost);
    restartLater(node, fault.downFor);
    const map = mapJournal(node.disk.reader(), simChecksums);
    if (map === null) return;
    const reader = node.disk.reader();
    const read = (path: string, position: number, length: number) => reader.readSync(path, position, length);
    const plan = planDamage(fault.piece, fault.shape, { map, read }, random);
    if (plan === null) return;
    const lost = lostOps(plan, map, snapshots, read);
    if (!atlas.permitsDamage(node.id, lost)) {
      atlas.skipped += 1;
      return;
    }
    count('damage done', 1);
    count('op lost to damage', lost.length);
    for (const { path, position, bytes } of plan.patches) node.disk.damage(path, position, bytes);
    atlas.damaged(node.id, lost, plan.ops);
  }

  /** The process ends, and what the node would need is unreadable or gone: it may never take part again. */
  ruin(node: SimNode, { what, downFor }: Ruin, random: Prng): void {
    const { atlas, gone, restartLater } = this.#parts;
    if (!atlas.permitsLoss(node.id)) {
      atlas.spares(node.id);
      atlas.skipped += 1;
      return;
    }
    const snapshots = snapshotOps(node);
    const map = mapJournal(node.disk.reader(), simChecksums);
    const plan = planRuin(what, node.disk, map, snapshots, random);
    if (plan === null) {
      atlas.spares(node.id);
      return;
    }
    node.kill(true);
    plan.act();
    gone(node, what, plan.group);
    restartLater(node, downFor);
  }
}

/** By group: the op up to which the node's segments and snapshot hold everything. */
function snapshotOps(node: SimNode): Map<number, number> {
  return new Map(node.broker?.groups().map(({ id, checkpointOp }) => [id, checkpointOp]));
}

/** What of a plan's ops is held neither by a snapshot nor by another place of the journal. */
function lostOps(
  plan: DamagePlan,
  map: JournalMap,
  snapshots: ReadonlyMap<number, number>,
  read: (path: string, position: number, length: number) => Buffer,
): LostOp[] {
  const isHit = (path: string, position: number, size: number): boolean =>
    plan.patches.some(
      (patch) =>
        patch.path === path &&
        position + size > patch.position &&
        position < patch.position + patch.bytes.length,
    );
  return plan.ops.filter(({ group, op, checksum }) => {
    if (op <= (snapshots.get(group) ?? 0)) return false;
    const copies = map.flushes.flatMap(({ path, position, headSize, prepares }) =>
      isHit(path, position, headSize)
        ? []
        : prepares
            .filter((each) => each.checksum === checksum && !isHit(path, each.position, each.size))
            .map((each) => ({ path, ...each })),
    );
    return !copies.some(({ path, position, size }) => {
      const prepare = decodePrepare(read(path, position, size), simChecksums, true);
      return prepare.ok && prepare.value.header.checksum === checksum;
    });
  });
}
