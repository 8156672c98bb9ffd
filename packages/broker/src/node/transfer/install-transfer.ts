import type { StagedTransfer, StorageError } from '@vireo/storage';
import type { Checkpoint } from '@vireo/vsr';
import { decodeGroupSnapshot } from '../group-snapshot.ts';
import type { HostedGroup } from '../hosted-group.ts';

/** `installed`; `refused`: nothing was changed; or an error of the disk. */
type InstallDone = (outcome: 'installed' | 'refused', error: StorageError | null) => void;

/**
 * Takes up a complete, verified transfer: segments first, the snapshot last, which makes it count at the next start; then
 * the machine, then the replica. The replica stands still meanwhile, like one whose process is paused: what it hears is
 * as if lost, so that nothing is applied to a log that is being replaced.
 *
 * No checkpoint may be under way. Everything before the first rename leaves the group as it was.
 */
export function installTransfer(group: HostedGroup, staged: StagedTransfer, done: InstallDone): void {
  const { manifest } = staged;
  const { op, checksum, timestamp, lossEpoch } = manifest;
  staged.readSnapshot((unread, bytes) => {
    const read = unread === null ? decodeGroupSnapshot(bytes) : null;
    if (read?.ok !== true || read.value.lossEpoch > lossEpoch) {
      done('refused', null);
      return;
    }
    const snapshot = read.value;
    const checkpoint: Checkpoint = {
      op,
      checksum,
      timestamp,
      mode: snapshot.mode,
      lossEpoch: snapshot.lossEpoch,
    };
    group.pause();
    const end = (error: StorageError | null): void => {
      group.resume();
      done('refused', error?.code === 'outOfRange' ? null : error);
    };
    if (group.deleted || !group.replica.takesCheckpoint(checkpoint, lossEpoch)) {
      end(null);
      return;
    }
    group.log.sync((unsynced) => {
      if (unsynced !== null) {
        end(unsynced);
        return;
      }
      staged.install((refused) => {
        if (refused !== null) {
          end(refused);
          return;
        }
        group.snapshots.write(op, bytes as Buffer, (unwritten) => {
          if (unwritten !== null) {
            end(unwritten);
            return;
          }
          group.transferred(checkpoint, snapshot.machine);
          done('installed', null);
        });
      });
    });
  });
}
