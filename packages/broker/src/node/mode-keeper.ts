import { type Durability, ModeFlag, PREPARE_HEADER_SIZE, PrepareKind } from '@vireo/protocol';
import type { Groups } from './groups.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { PendingRequest, RequestHandler, Requests } from './requests.ts';

/** Ticks between two looks at the groups. */
const LOOK_TICKS = 10;

interface ModeKeeperOptions {
  readonly requests: Requests;
  readonly groups: Groups;
  /** No new work is begun. */
  refusing(): boolean;
}

/**
 * Brings partitions to the durability that metadata says of their topic: the primary of each proposes an op that
 * changes the mode, until the mode is right. Whoever is primary does it, so it survives a failover; what is refused or
 * lost is proposed again; and where the mode is right already nothing happens.
 */
export class ModeKeeper implements RequestHandler {
  readonly #options: ModeKeeperOptions;
  /** Groups whose change is under way here. */
  readonly #proposing = new Set<HostedGroup>();
  #tick = 0;

  constructor(options: ModeKeeperOptions) {
    this.#options = options;
  }

  tick(): void {
    if (++this.#tick % LOOK_TICKS !== 0 || this.#options.refusing()) return;
    const { groups } = this.#options;
    for (const group of groups.all()) {
      // Metadata itself is always on disk.
      if (group.id === 0 || !group.leading || this.#proposing.has(group)) continue;
      const wanted = groups.metadata.durabilityOf(group.identity.topicId);
      // A change that an earlier primary prepared is waited for: it may be this one.
      if (wanted === null || wanted === group.mode || group.replica.state.modeOps > 0) continue;
      this.#propose(group, wanted);
    }
  }

  finished(request: PendingRequest): void {
    this.#proposing.delete(request.group);
  }

  #propose(group: HostedGroup, mode: Durability): void {
    this.#proposing.add(group);
    const bytes = Buffer.alloc(PREPARE_HEADER_SIZE);
    const id = this.#options.requests.add({
      connection: null,
      correlation: 0,
      group,
      bytes: bytes.length,
      startedMs: 0,
      handler: this,
      context: null,
    });
    group.request({ id, kind: PrepareKind.mode, flags: ModeFlag[mode], bytes, context: null });
  }
}
