import { PrepareKind } from '@vireo/protocol';
import { encodeMetadataOp, type MetadataOp } from '../metadata/index.ts';
import type { FoundingRecord } from './founding-record.ts';
import type { Groups } from './groups.ts';
import type { PendingRequest, RequestHandler, Requests } from './requests.ts';
import type { NodeAddress } from './world.ts';

interface KeeperOptions {
  readonly founding: FoundingRecord;
  /** As configured now: addresses and host labels may have changed since the founding. */
  readonly nodes: readonly NodeAddress[];
  readonly requests: Requests;
  readonly groups: Groups;
}

/**
 * What the metadata primary does of its own: the founding op, which makes the founders known to metadata, and
 * later changes of their addresses. One op at a time; what is refused or lost is proposed again.
 */
export class MetadataKeeper implements RequestHandler {
  readonly #options: KeeperOptions;
  #proposing = false;
  /** Metadata op at which everything was found to be right. */
  #checkedOp = -1;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  tick(): void {
    const { groups, requests } = this.#options;
    const group = groups.get(0);
    if (this.#proposing || group === undefined || !group.leading) return;
    if (this.#checkedOp === groups.metadata.appliedOp) return;
    const op = this.#due();
    if (op === null) {
      this.#checkedOp = groups.metadata.appliedOp;
      return;
    }
    this.#proposing = true;
    const bytes = encodeMetadataOp(op);
    const id = requests.add({
      connection: null,
      correlation: 0,
      group,
      bytes: bytes.length,
      startedMs: 0,
      handler: this,
      context: null,
    });
    group.request({ id, kind: PrepareKind.metadata, bytes, context: null });
  }

  finished(_request: PendingRequest): void {
    this.#proposing = false;
  }

  #due(): MetadataOp | null {
    const { founding, nodes, groups } = this.#options;
    const { metadata } = groups;
    const configured = new Map(nodes.map((node) => [node.id, node]));
    if (!metadata.founded) {
      return {
        op: 'found',
        nodes: founding.founders.map(({ id, address, host, incarnation }) => ({
          id,
          address: configured.get(id)?.address ?? address,
          host: configured.get(id)?.host ?? host,
          incarnation,
        })),
      };
    }
    for (const { id, address, host } of nodes) {
      const known = metadata.node(id);
      if (known === undefined || (known.address === address && known.host === host)) continue;
      return { op: 'registerNode', node: { id, address, host, incarnation: known.incarnation } };
    }
    return null;
  }
}
