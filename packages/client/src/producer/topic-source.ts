import { Codec, type CodecValue, type EncodeTools, VireoError } from '@vireo/protocol';
import type { Admin } from '../admin.ts';
import { Call } from '../call.ts';
import { checksums } from '../checksums.ts';
import type { Lz4Loader } from '../lz4.ts';
import type { TopicRoute } from '../routing.ts';

const REFRESH_TIMEOUT_MS = 5_000;

/** What a producer has to know before its first record: the topic's routing, and the library that packs. */
export class TopicSource {
  readonly #admin: Admin;
  readonly #lz4: Lz4Loader;
  readonly #topic: string;
  readonly #codec: CodecValue;
  #resolving: Promise<TopicRoute> | null = null;
  #refreshing: Promise<void> | null = null;
  /** null until resolved. */
  route: TopicRoute | null = null;
  tools: EncodeTools = { checksums };

  constructor(host: { readonly admin: Admin; readonly lz4: Lz4Loader }, topic: string, codec: CodecValue) {
    this.#admin = host.admin;
    this.#lz4 = host.lz4;
    this.#topic = topic;
    this.#codec = codec;
  }

  /** Looks the topic up, once for all who ask meanwhile. @throws VireoError `unknownTopic`, `unknownCodec` */
  resolve(): Promise<TopicRoute> {
    this.#resolving ??= this.#resolve().finally(() => {
      this.#resolving = null;
    });
    return this.#resolving;
  }

  async #resolve(): Promise<TopicRoute> {
    const call = new Call();
    try {
      const lz4 = this.#codec === Codec.none ? undefined : await this.#lz4.load();
      if (this.#codec !== Codec.none && lz4 === undefined) {
        throw new VireoError(
          'unknownCodec',
          'compression lz4 needs the package lz4-napi, which is not installed',
        );
      }
      this.tools = { checksums, lz4 };
      this.route = await this.#admin.route(this.#topic, call);
      return this.route;
    } finally {
      call.dispose();
    }
  }

  /** Reads the metadata again, once for all who ask meanwhile: members or versions may have changed. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const call = new Call({}, REFRESH_TIMEOUT_MS);
    try {
      const route = await this.#admin.route(this.#topic, call);
      // A topic of the same name made since is another topic: what holds the id is told so by the nodes.
      if (route.id === this.route?.id) this.route = route;
    } catch {
      // The next look for the primary comes here again.
    } finally {
      call.dispose();
    }
  }
}
