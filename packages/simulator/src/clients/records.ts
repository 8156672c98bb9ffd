import { crc32 } from 'node:zlib';
import {
  BatchBuilder,
  type BatchStamp,
  decodeBatch,
  PRODUCE_ROOM,
  type Prepare,
  PrepareKind,
  prepareBody,
} from '@vireo/protocol';
import type { Prng } from '../world/prng.ts';
import { simChecksums } from '../world/sim-checksums.ts';

/** Every record of the workload names itself in its value; the id adds a checksum over all of the value. */
export function recordId(value: Uint8Array): string {
  const end = value.indexOf(0x3a);
  const name = Buffer.from(value.subarray(0, end < 0 ? Math.min(40, value.length) : end)).toString('latin1');
  return `${name}#${crc32(value).toString(16)}`;
}

/** A value `NAME:filler` of a drawn size. */
export function drawValue(random: Prng, name: string): Buffer {
  const size = random.below(random.pick([16, 100, 300, 1_200]));
  const value = Buffer.alloc(name.length + 1 + size, random.below(256));
  value.write(`${name}:`, 'latin1');
  return value;
}

const builder = new BatchBuilder();

/** A batch with room for frame and prepare header in front. */
export function encodeRecords(values: readonly Buffer[], timestamp: number, stamp: BatchStamp): Buffer {
  builder.reset();
  for (const value of values) {
    const error = builder.add({ value }, timestamp);
    if (error !== null) throw new Error(`the workload made a record that is refused: ${error.message}`);
  }
  return builder.finish({ ...stamp, codec: 0, room: PRODUCE_ROOM }, { checksums: simChecksums });
}

/** Records of one prepare, with their offsets; none for ops that carry no records. */
export function decodeRecords(prepare: Prepare): { offset: number; id: string }[] {
  if (prepare.header.kind !== PrepareKind.batch) return [];
  const records = decodeBatch(prepareBody(prepare), prepare.header.baseOffset, { checksums: simChecksums });
  if (!records.ok) throw new Error(`op ${prepare.header.op} holds a damaged batch: ${records.error.message}`);
  return records.value.map(({ offset, value }) => ({ offset, id: recordId(value) }));
}
