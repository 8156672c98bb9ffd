import type { Consumer, ConsumerEvent, ReadConsistency } from '@vireo/client';
import { parseTopicName, type ReadPreference, type StartPosition } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import type { Output } from '../output/output.ts';
import { RECORD_TITLES, recordJson, recordText } from '../view/record-line.ts';
import { withClient } from '../with-client.ts';

/** Options of `consume`. */
export interface ConsumeOptions {
  /** Default: `start` with `untilEnd`, else `end`. */
  readonly from?: StartPosition;
  readonly untilEnd?: boolean;
  readonly readFrom: ReadPreference;
  /** ms; default: any. */
  readonly maxStaleness?: number;
  readonly consistency: ReadConsistency;
  readonly sessionToken?: string;
  readonly partition?: number;
  readonly limit?: number;
}

/** A reading that has an end waits no longer than this for a replica, ms; one that has none waits for ever. */
const STALLED_MS_MAX = 30_000;

/**
 * `consume shop/orders`: a line per record, see `recordJson`; records of a partition in order, partitions mixed.
 * Ends with `--until-end`, `--limit`, when interrupted, or when nobody reads its output any more.
 */
export async function runConsume(
  context: CommandContext,
  name: string,
  options: ConsumeOptions,
): Promise<void> {
  context.subject = { ...context.subject, ...parseTopicName(name) };
  const { output, signal } = context;
  const {
    untilEnd,
    readFrom,
    consistency,
    maxStaleness,
    sessionToken,
    partition,
    from = untilEnd ? 'start' : 'end',
  } = options;
  await withClient(context, async (client) => {
    const consumer = client.consumer(name, {
      from,
      readFrom,
      consistency,
      ...(maxStaleness !== undefined && { maxStalenessMs: maxStaleness }),
      ...(sessionToken !== undefined && { sessionToken }),
      ...(partition !== undefined && { partitions: [partition] }),
      ...(untilEnd && { until: 'end', stalledMsMax: STALLED_MS_MAX }),
      onEvent: (event) => tell(output, event),
    });
    if (output.terminal && !output.json) output.talk(RECORD_TITLES);
    await print(consumer, output, options.limit ?? Number.POSITIVE_INFINITY, signal);
    // Interrupted: that is not the end that was asked for.
    signal.throwIfAborted();
  });
}

async function print(
  consumer: Consumer<Buffer>,
  output: Output,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  const width = output.terminal ? output.width : null;
  let left = limit;
  if (left === 0) return;
  // Batches, because a promise per record would cost more than the record.
  for await (const batch of consumer.batches({ signal })) {
    const { partition } = batch;
    for (const { offset, timestamp, key, value, headers } of batch.records()) {
      const record = { partition, offset, timestamp, key, value, headers };
      const behind = output.json
        ? output.jsonLine(recordJson(record))
        : output.line(recordText(record, width));
      if (behind !== undefined) await behind;
      if (--left === 0 || signal.aborted) return;
    }
  }
}

/** What a reader has to know, beside the records. */
function tell(output: Output, event: ConsumerEvent): void {
  switch (event.type) {
    case 'gap':
      output.talk(
        `partition ${event.partition}: offsets ${event.from} to ${event.to - 1} are gone from the log`,
      );
      break;
    case 'stale':
      output.talk(`partition ${event.partition}: node ${event.node} ${staleness(event.ageMs)}`);
      break;
    case 'stalled':
      output.talk(
        `partition ${event.partition}: no replica serves it (${event.reason.message}); still looking`,
      );
      break;
    case 'subscribed':
    case 'left':
      break;
  }
}

function staleness(ageMs: number): string {
  return Number.isFinite(ageMs)
    ? `may lack what was committed ${ageMs} ms ago`
    : 'can not tell how old its knowledge is';
}
