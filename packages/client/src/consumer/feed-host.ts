import type { DecodeTools, VireoError } from '@vireo/protocol';
import type { Admin } from '../admin.ts';
import type { Links } from '../links.ts';
import type { Routing } from '../routing.ts';
import type { SessionTokens } from '../session-tokens.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { ConsumerSettings } from './options.ts';

/** What a feed needs of its consumer. */
export interface FeedHost {
  readonly admin: Admin;
  readonly links: Links;
  readonly routing: Routing;
  readonly tokens: SessionTokens | null;
  readonly settings: ConsumerSettings;
  readonly tools: DecodeTools;
  readonly closing: AbortSignal;
  delivered(batch: FetchedBatch): void;
  /** Everything up to `until` was delivered. */
  finished(): void;
  failed(error: VireoError): void;
}
