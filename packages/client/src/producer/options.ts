import {
  Codec,
  type CodecValue,
  DurabilityCode,
  type DurabilityCodeValue,
  defaultLimits,
  type Limits,
  type RecordHeader,
  VireoError,
} from '@vireo/protocol';
import type { CallOptions } from '../call.ts';

export interface SendOptions extends CallOptions {
  /** Sends to this partition, whatever the key. */
  readonly partition?: number;
  /** Added to what the record has. */
  readonly headers?: readonly RecordHeader[];
  /** µs since 1970. Default: now. */
  readonly timestamp?: number;
  /** 16 bytes that name the record, for topics with deduplication. */
  readonly id?: Uint8Array;
}

export interface SendBatchOptions extends CallOptions {
  /** Sends to this partition. */
  readonly partition?: number;
  /** Sends to this key's partition. Neither: the next one in turn. */
  readonly key?: string | Uint8Array;
}

/** Options of `sendMany`. */
export interface SendManyOptions extends CallOptions {
  /** Sends all to this partition, whatever the keys. */
  readonly partition?: number;
}

export interface CloseOptions {
  /** Waits for what was accepted. Default true. */
  readonly drain?: boolean;
  /** How long, ms. Default 10,000. */
  readonly timeoutMs?: number;
}

/** What was not finished when closing. */
export interface CloseReport {
  /** Records whose callers were told `closed` or `outcomeUnknown`. */
  readonly unfinished: number;
}

export interface ProducerOptions {
  /** Weakest durability accepted; a topic that gives less refuses. Default: whatever the topic promises. */
  readonly durability?: 'memory' | 'disk';
  /** Packing of batches. `lz4` needs the package `lz4-napi`. Default `none`. */
  readonly compression?: 'none' | 'lz4';
  /** Bytes accepted and not settled. Default 32 MiB. */
  readonly bufferBytes?: number;
  /** Records accepted and not settled. Default 1,000,000. */
  readonly bufferRecords?: number;
  /** What a call does when the buffer is full: wait for room, or throw `overloaded`. Default `wait`. */
  readonly whenFull?: 'wait' | 'throw';
  /** A batch of single records is sent once it has so many bytes, in flight or not. Default 256 KiB. */
  readonly batchBytes?: number;
  /** Records of such a batch. Default 10,000. */
  readonly batchRecords?: number;
  /** Batches in flight per partition, 1 to 16. Default 16. */
  readonly inFlight?: number;
  /** After so long a batch is given up, and its callers told what is known. ms, default 120,000. */
  readonly deliveryTimeoutMs?: number;
  /** After so long without an answer a batch is sent again. ms, default 5,000. */
  readonly attemptTimeoutMs?: number;
}

/** The options with their defaults, checked. */
export interface ProducerSettings {
  readonly durability: DurabilityCodeValue;
  readonly codec: CodecValue;
  readonly bufferBytes: number;
  readonly bufferRecords: number;
  readonly whenFull: 'wait' | 'throw';
  readonly batchBytes: number;
  readonly batchRecords: number;
  readonly inFlight: number;
  readonly deliveryTimeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly limits: Limits;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** @throws VireoError `limitOutOfRange` naming the option. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const { batchBytesMax, batchRecordsMax, laneBatchesInFlightMax } = defaultLimits;
  return {
    durability: DurabilityCode[options.durability ?? 'topic'],
    codec: Codec[options.compression ?? 'none'],
    bufferBytes: within('bufferBytes', options.bufferBytes, 32 * MiB, KiB, 4096 * MiB),
    bufferRecords: within('bufferRecords', options.bufferRecords, 1_000_000, 1, 100_000_000),
    whenFull: options.whenFull ?? 'wait',
    batchBytes: within('batchBytes', options.batchBytes, 256 * KiB, 1, batchBytesMax),
    batchRecords: within('batchRecords', options.batchRecords, 10_000, 1, batchRecordsMax),
    inFlight: within('inFlight', options.inFlight, laneBatchesInFlightMax, 1, laneBatchesInFlightMax),
    deliveryTimeoutMs: within('deliveryTimeoutMs', options.deliveryTimeoutMs, 120_000, 1, 0x7fff_ffff),
    attemptTimeoutMs: within('attemptTimeoutMs', options.attemptTimeoutMs, 5_000, 1, 0x7fff_ffff),
    limits: defaultLimits,
  };
}

function within(name: string, value: number | undefined, fallback: number, min: number, max: number): number {
  const given = value ?? fallback;
  if (Number.isInteger(given) && given >= min && given <= max) return given;
  throw new VireoError('limitOutOfRange', `${name} is ${given}, allowed are ${min} to ${max}`);
}
