import { type ErrorCode, type Frame, VireoError } from '@vireo/protocol';
import type { Connection } from '../connection.ts';
import type { FrameListener } from '../connection-options.ts';
import type { LaneOutcome } from './lane-events.ts';
import type { OutBatch } from './out-batch.ts';

/** Who hears what became of an attempt. */
export interface AttemptOwner {
  answered(batch: OutBatch, attempt: number, connection: Connection, frame: Frame): void;
  /** An error came, or (`closed`) the connection is gone. */
  refused(batch: OutBatch, attempt: number, connection: Connection, error: VireoError, closed: boolean): void;
}

/** One sending of a batch, waiting for its answer. */
export class Attempt implements FrameListener {
  readonly #writer: AttemptOwner;
  readonly #batch: OutBatch;
  readonly #attempt: number;
  readonly #connection: Connection;

  constructor(writer: AttemptOwner, batch: OutBatch, attempt: number, connection: Connection) {
    this.#writer = writer;
    this.#batch = batch;
    this.#attempt = attempt;
    this.#connection = connection;
  }

  received(frame: Frame): void {
    this.#writer.answered(this.#batch, this.#attempt, this.#connection, frame);
  }

  failed(error: VireoError, closed: boolean): void {
    this.#writer.refused(this.#batch, this.#attempt, this.#connection, error, closed);
  }
}

/** What the callers of a batch are told: of the request, all attempts taken together. */
export function failure(
  batch: OutBatch,
  outcome: LaneOutcome,
  code: ErrorCode,
  partition: number,
): VireoError {
  const { lastError } = batch;
  const last = lastError === null ? '' : `; last answer: ${lastError.code}, ${lastError.message}`;
  if (outcome === 'unknown') {
    const message = `partition ${partition}: whether the batch was stored is not known (${code})${last}`;
    return new VireoError('outcomeUnknown', message, {
      cause: lastError ?? undefined,
      details: { partition, code },
    });
  }
  const same = lastError?.code === code;
  return new VireoError(
    code,
    same ? lastError.message : `partition ${partition}: not stored (${code})${last}`,
    {
      outcome: 'notApplied',
      details: { ...lastError?.details, partition },
      cause: lastError ?? undefined,
    },
  );
}
