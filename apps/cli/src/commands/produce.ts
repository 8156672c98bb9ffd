import type { Readable } from 'node:stream';
import { defaultLimits, VireoError } from '@vireo/protocol';
import { parseTopicName } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { checkFormat, generateRecords, type InputRecord, readRecords } from '../input/records.ts';
import type { Output } from '../output/output.ts';
import { type ProduceSummary, progressText, summarize, summaryText } from '../view/produce-summary.ts';
import { withClient } from '../with-client.ts';

/** Options of `produce`. */
export interface ProduceOptions {
  readonly ndjson?: boolean;
  readonly keyField?: string;
  readonly key?: string;
  readonly partition?: number;
  readonly count?: number;
  readonly size?: number;
}

/** Size of a generated record, bytes. */
const SIZE_DEFAULT = 100;
/** Between two words on how far it is: on a terminal, and in a log. ms. */
const PROGRESS_MS = 200;
const LOG_MS = 5_000;

/**
 * `produce shop/orders`: sends what comes in as fast as the cluster takes it; the result is a `ProduceSummary`. It
 * is printed, with the number of records that were acknowledged, also when something fails.
 */
export async function runProduce(
  context: CommandContext,
  name: string,
  options: ProduceOptions,
): Promise<void> {
  context.subject = { ...context.subject, ...parseTopicName(name) };
  const source = new Source(options, context);
  const { output, signal } = context;
  await withClient(context, async (client) => {
    const producer = client.producer(name);
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1_000;
    const progress = showProgress(output, () =>
      progressText(source.taken - producer.buffered.records, seconds(), options.count),
    );
    let acked = 0;
    let failure: unknown;
    try {
      const { partition } = options;
      const only = partition === undefined ? {} : { partition };
      acked = (await producer.sendMany(source.records(), only)).records;
    } catch (error) {
      failure = error;
      acked = ackedOf(error);
    } finally {
      clearInterval(progress);
      source.close();
    }
    failure ??= source.failure;
    // Of a topic that does not exist there is nothing to sum up.
    if (failure === undefined || source.taken > 0) {
      const summary = summarize(source.taken, acked, seconds(), source.bytes);
      await tell(output, { ...summary, sessionToken: client.sessionToken });
    }
    if (failure !== undefined) throw failure;
    // The user stopped it: what was taken has been sent, and said.
    signal.throwIfAborted();
  });
}

async function tell(
  output: Output,
  summary: ProduceSummary & { readonly sessionToken: string },
): Promise<void> {
  output.endProgress();
  if (output.json) await output.jsonLine(summary);
  else await output.line(summaryText(summary));
}

function showProgress(output: Output, text: () => string): NodeJS.Timeout {
  let sinceMs = performance.now();
  return setInterval(() => {
    if (output.progress(text()) || performance.now() - sinceMs < LOG_MS) return;
    sinceMs = performance.now();
    if (!output.json) output.talk(text());
  }, PROGRESS_MS);
}

/** Where records come from. It ends early, and remembers why, instead of failing: what was sent gets its answer. */
class Source {
  taken = 0;
  bytes = 0;
  failure: unknown;
  readonly #options: ProduceOptions;
  readonly #signal: AbortSignal;
  readonly #input: (() => Readable) | null;
  readonly #talk: (text: string) => void;
  #opened: Readable | null = null;

  constructor(options: ProduceOptions, { input, output, signal }: CommandContext) {
    const { ndjson = false, keyField, count, size } = options;
    checkFormat({ ndjson, keyField, key: options.key });
    if (count !== undefined && (ndjson || keyField !== undefined)) {
      throw new UsageError('--count generates records; --ndjson and --key-field are about an input');
    }
    if (count === undefined && size !== undefined) throw new UsageError('--size needs --count');
    if (size !== undefined && size > defaultLimits.recordBytesMax) {
      throw new UsageError(`--size is ${size}, the limit is ${defaultLimits.recordBytesMax} bytes`);
    }
    this.#options = options;
    this.#signal = signal;
    this.#talk = (text) => output.talk(text);
    this.#input = count === undefined ? input : null;
    if (options.key !== undefined && options.partition !== undefined) {
      throw new UsageError('--key decides the partition, --partition does, too', 'give one of them');
    }
  }

  /** An iterable of the kind that is fastest for what it is. */
  records(): Iterable<InputRecord> | AsyncIterable<InputRecord> {
    return this.#input === null ? this.#generated() : this.#read(this.#input());
  }

  close(): void {
    this.#opened?.destroy();
  }

  *#generated(): Generator<InputRecord> {
    const { count = 0, size = SIZE_DEFAULT, key } = this.#options;
    for (const record of generateRecords(count, size, key)) {
      if (this.#signal.aborted) return;
      this.#count(record);
      yield record;
    }
  }

  async *#read(input: Readable): AsyncGenerator<InputRecord> {
    this.#opened = input;
    if ('isTTY' in input && input.isTTY === true) this.#talk('each line is a record; Ctrl-D ends the input');
    const stop = () => void input.destroy();
    this.#signal.addEventListener('abort', stop, { once: true });
    const { ndjson = false, keyField, key } = this.#options;
    try {
      for await (const record of readRecords(
        input,
        { ndjson, keyField, key },
        defaultLimits.recordBytesMax,
      )) {
        this.#count(record);
        yield record;
      }
    } catch (error) {
      if (!this.#signal.aborted) this.failure = error;
    } finally {
      this.#signal.removeEventListener('abort', stop);
    }
  }

  #count({ value, key }: InputRecord): void {
    this.taken++;
    this.bytes += value.length + (key === undefined ? 0 : Buffer.byteLength(key));
  }
}

function ackedOf(error: unknown): number {
  const acked = VireoError.is(error) ? error.details?.acked : undefined;
  return typeof acked === 'number' ? acked : 0;
}
