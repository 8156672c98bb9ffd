import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileDisk, nodeChecksums } from '@vireo/node';
import {
  BATCH_HEADER_SIZE,
  BATCHES_HEAD_SIZE,
  BatchBuilder,
  BatchField,
  Codec,
  CREDIT_SIZE,
  DurabilityCode,
  defaultLimits,
  FRAME_HEADER_SIZE,
  FrameField,
  FrameKind,
  HeaderKind,
  PREPARE_HEADER_SIZE,
  PRODUCE_ACK_SIZE,
  PRODUCE_HEAD_SIZE,
  type Prepare,
  PrepareKind,
  prepareBody,
  SUBSCRIBE_SIZE,
  SUBSCRIPTION_STATUS_SIZE,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { encodeManifest, GroupLog, Journal, SnapshotStore, type StorageError } from '@vireo/storage';
import { encodeMessage, encodeStateRecord, type Message, type StateRecord } from '@vireo/vsr';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Layout, readField, readLayouts, readList, readNumbers } from './format-tables.ts';

const checksums = nodeChecksums();
const layouts = readLayouts();
const cluster = '0123456789abcdef0123456789abcdef';
const group = 7;

function layout(title: string): Layout {
  const found = layouts.get(title);
  if (found === undefined) throw new Error(`docs/formats.md has no layout '${title}'`);
  return found;
}

/** Op 1 of the group: a batch of one record. */
function makePrepare(): Prepare {
  const builder = new BatchBuilder();
  builder.add({ key: 'k', value: 'v' }, 1_000);
  const stamp = { producerId: 5, producerEpoch: 2, sequence: 9 };
  const bytes = builder.finish({ ...stamp, codec: Codec.none, room: PREPARE_HEADER_SIZE }, { checksums });
  return sealPrepare(
    bytes,
    {
      ...stamp,
      group,
      op: 1,
      view: 3,
      epoch: 0,
      parent: ZERO_CHECKSUM,
      kind: PrepareKind.batch,
      timestamp: 2_000,
      baseOffset: 0,
      count: 1,
      codec: Codec.none,
    },
    checksums,
  );
}

describe('docs/formats.md', () => {
  test.each([...layouts.values()])(
    '$title: its fields fill its $size bytes without a hole',
    ({ fields, size }) => {
      let at = 0;
      for (const field of fields) {
        expect(field.at, field.name).toBe(at);
        at += field.size;
      }
      expect(at).toBe(size);
    },
  );

  test('has the sizes that the code has', () => {
    const sizes = {
      'Frame header': FRAME_HEADER_SIZE,
      Produce: PRODUCE_HEAD_SIZE,
      'Produce ack': PRODUCE_ACK_SIZE,
      Subscribe: SUBSCRIBE_SIZE,
      Batches: BATCHES_HEAD_SIZE,
      Credit: CREDIT_SIZE,
      'Subscription status': SUBSCRIPTION_STATUS_SIZE,
      'Prepare header': PREPARE_HEADER_SIZE,
      'Record batch header': BATCH_HEADER_SIZE,
    };
    for (const [title, size] of Object.entries(sizes)) expect(layout(title).size, title).toBe(size);
  });

  test('has the offsets of frame and batch header that the code has', () => {
    const offsets = ({ fields }: Layout) => Object.fromEntries(fields.map(({ name, at }) => [name, at]));
    expect(offsets(layout('Frame header'))).toEqual(FrameField);
    expect(offsets(layout('Record batch header'))).toEqual(BatchField);
  });

  test('numbers kinds, codecs and durabilities as the code does', () => {
    expect(readNumbers('kind')).toEqual(FrameKind);
    expect(readList('| 116 | 1 | kind | ')).toEqual(PrepareKind);
    expect(readList('value length, value`. Kinds: ')).toEqual(HeaderKind);
    expect(readList('| 12 | 1 | codec | ')).toEqual({ none: Codec.none, LZ4: Codec.lz4 });
    const { memory, disk } = DurabilityCode;
    expect(readList('| 33 | 1 | durability | met: ')).toEqual({ memory, disk });
  });

  test('states the default limits', () => {
    const page = readFileSync(new URL('../../../docs/formats.md', import.meta.url), 'utf8');
    const stated = {
      frameBytesMax: [/`frameBytesMax` \((\d+) MiB\)/, 2 ** 20],
      batchBytesMax: [/`batchBytesMax` \((\d+) MiB\)/, 2 ** 20],
      unpackedBytesMax: [/`unpackedBytesMax` \((\d+) MiB\)/, 2 ** 20],
      recordBytesMax: [/a record (\d+) MiB encoded/, 2 ** 20],
      recordHeadersMax: [/, (\d+) headers, /, 1],
      recordHeaderBytesMax: [/headers, (\d+) KiB of headers/, 2 ** 10],
      journalFiles: [/the ring, (\d+) files/, 1],
      journalFileBytes: [/the ring, \d+ files of (\d+) MiB/, 2 ** 20],
      segmentBytes: [/16 digits\) on; (\d+) MiB/, 2 ** 20],
    } as const;
    for (const [name, [pattern, unit]] of Object.entries(stated)) {
      expect(Number(pattern.exec(page)?.[1]) * unit, name).toBe(defaultLimits[name as keyof typeof stated]);
    }
  });

  test('lays out a prepare as the code writes it', () => {
    const prepare = makePrepare();
    const read = (name: string) => readField(layout('Prepare header'), prepare.bytes, name);
    const { header } = prepare;
    for (const name of [
      'checksum',
      'checksumBody',
      'parent',
      'group',
      'op',
      'baseOffset',
      'timestamp',
    ] as const) {
      expect(read(name), name).toBe(header[name]);
    }
    for (const name of [
      'producerId',
      'sequence',
      'epoch',
      'view',
      'count',
      'producerEpoch',
      'size',
    ] as const) {
      expect(read(name), name).toBe(header[name]);
    }
    expect([read('kind'), read('version'), read('codec')]).toEqual([header.kind, 1, header.codec]);
    const batch = (name: string) => readField(layout('Record batch header'), prepareBody(prepare), name);
    expect([batch('size'), batch('count'), batch('version')]).toEqual([prepareBody(prepare).length, 1, 1]);
    expect([batch('producerId'), batch('producerEpoch'), batch('sequence')]).toEqual([5, 2, 9]);
    expect([batch('baseTimestamp'), batch('maxTimestamp')]).toEqual([1_000, 1_000]);
  });

  test('lays out replica messages and state records as the code writes them', () => {
    const { header } = makePrepare();
    const suffix = { commitMax: 0, anchorOp: 0, anchorChecksum: ZERO_CHECKSUM, headers: [header] };
    const promise = { epoch: 0, view: 4, logView: 3, ...suffix, present: [true], nack: [false] };
    const record: StateRecord = {
      ...promise,
      lossEpoch: 6,
      mark: true,
      verdict: 'recoveringHead',
      grant: { epoch: 1, view: 5, to: 2 },
      faulty: [true],
    };
    const bytes = encodeStateRecord(record);
    const state = (name: string) => readField(layout('State record'), bytes, name);
    expect(bytes.length).toBe(layout('State record').size + PREPARE_HEADER_SIZE);
    expect([state('version'), state('view'), state('logView'), state('count')]).toEqual([2, 4, 3, 1]);
    expect([state('present'), state('nack'), state('faulty')]).toEqual([1, 0, 1]);
    expect([state('grantEpoch'), state('grantView'), state('grantTo'), state('lossEpoch')]).toEqual([
      1, 5, 2, 6,
    ]);
    const flagsOf = (changes: Partial<StateRecord>) =>
      readField(layout('State record'), encodeStateRecord({ ...record, ...changes }), 'flags');
    expect(flagsOf({})).toBe(0b10_0110);
    expect(flagsOf({ copied: true, mark: false, grant: null, verdict: 'amnesiac' })).toBe(0b01_0001);

    const read = (message: Message, ...names: readonly string[]) => {
      const { covered } = encodeMessage(message);
      const types = readNumbers('type');
      expect(readField(layout('Replica message'), covered, 'type'), message.type).toBe(types[message.type]);
      return names.map((name) => readField(layout('Replica message'), covered, name));
    };
    const vote: Message = { type: 'doViewChange', ...promise };
    expect(read(vote, 'view', 'logView', 'a', 'b', 'count')).toEqual([4, 3, 0, 0, 1]);
    const { length } = encodeMessage(vote).covered;
    expect(length).toBe(layout('Replica message').size + 16 + PREPARE_HEADER_SIZE);
    const ping: Message = {
      type: 'ping',
      epoch: 0,
      view: 4,
      op: 9,
      commitMax: 8,
      normal: true,
      sentMs: 6,
      answer: null,
    };
    expect(read(ping, 'tag', 'a', 'b', 'c')).toEqual([1, 8, 9, 6]);
    const answer = { run: 5, sentMs: 7, ageMs: 3 };
    expect(read({ ...ping, answer }, 'tag', 'checksum')).toEqual([3, '07000000000000000300000005000000']);
    const pong: Message = { type: 'pong', epoch: 0, view: 4, sentMs: 6, question: { run: 5, sentMs: 7 } };
    expect(read(pong, 'a', 'b', 'count')).toEqual([6, 7, 5]);
    expect(read({ type: 'readIndex', epoch: 0, view: 4, number: 8 }, 'a', 'b')).toEqual([8, 0]);
    expect(read({ type: 'readIndexOk', epoch: 0, view: 4, number: 8, op: 9 }, 'a', 'b')).toEqual([8, 9]);
    expect(encodeMessage(ping).covered.length).toBe(layout('Replica message').size);
    const question: Message = { type: 'requestStartView', epoch: 0, view: 4, nonce: 7, asker: 'stuck' };
    expect(read(question, 'tag', 'c')).toEqual([2, 7]);
    const standing = { epoch: 0, view: 4, nonce: 7, recovering: true, lossEpoch: 6, rank: 3, ...suffix };
    for (const type of ['recoveryState', 'coldStartGranted'] as const) {
      expect(read({ type, ...standing }, 'tag', 'logView', 'c', 'lossEpoch')).toEqual([1, 3, 7, 6]);
    }
    expect(
      read({ type: 'startView', epoch: 0, view: 4, lossEpoch: 6, nonce: 7, ...suffix }, 'c', 'lossEpoch'),
    ).toEqual([7, 6]);
    expect(read({ type: 'coldStart', epoch: 1, view: 5, nonce: 7 }, 'epoch', 'c')).toEqual([1, 7]);
    expect(read({ type: 'digest', epoch: 0, view: 4, op: 9, value: cluster }, 'a', 'checksum')).toEqual([
      9,
      cluster,
    ]);
  });
});

describe('docs/formats.md against files', () => {
  let directory: string;
  let disk: FileDisk;
  const prepare = makePrepare();
  const snapshot = Buffer.from('a state');

  /** Waits for a callback of storage; what it hands over last is an error, null, or true. */
  const done = (call: (finish: (answer: StorageError | Error | null | boolean) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      call((answer) => {
        if (answer === null || answer === true) resolve();
        else reject(new Error(`storage failed: ${JSON.stringify(answer)}`));
      });
    });
  const file = (...path: string[]) => readFileSync(join(directory, ...path));
  const magic = (text: string) => Buffer.from(text, 'latin1').readUInt32LE(0);

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'vireo-formats-'));
    disk = new FileDisk(directory);
    const opening = Journal.open(disk, { cluster, node: 2, fileBytes: 1 << 16 }, checksums, {
      u32: () => 0xab,
    });
    if (!opening.ok) throw new Error(opening.error.message);
    const { journal } = opening.value;
    await done((finish) => journal.start(finish));
    await done((finish) => {
      journal.append(group, { prepares: [prepare], checkpoint: 1 }, finish);
      journal.flush();
    });
    const logs = GroupLog.open(disk, group, { cluster, segmentBytes: 1 << 20 }, checksums, 0);
    if (!logs.ok) throw new Error(logs.error.message);
    const { log } = logs.value;
    log.append(prepare);
    await done((finish) => log.sync(finish));
    const snapshots = SnapshotStore.open(disk, group, checksums);
    if (!snapshots.ok) throw new Error(snapshots.error.message);
    await done((finish) => snapshots.value.store.write(1, snapshot, finish));
  });
  afterAll(() => {
    disk.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('journal: header, flush, index, entry, prepare', () => {
    const bytes = file('journal', '00000001.journal');
    const head = (name: string) => readField(layout('Journal file header'), bytes, name);
    expect(head('magic')).toBe(magic('VRJ1'));
    expect([head('version'), head('node'), head('fileSequence'), head('fileBytes')]).toEqual([
      1,
      2,
      1,
      1 << 16,
    ]);
    expect(head('cluster')).toBe(cluster);
    expect(head('checksum')).toBe(checksums.identity(bytes.subarray(16, layout('Journal file header').size)));

    const flush = (name: string, at: number) => Number(readField(layout('Flush header'), bytes, name, at));
    const second = 8_192 + flush('size', 8_192);
    for (const at of [8_192, second]) {
      expect(flush('magic', at)).toBe(magic('\0VRF'));
      expect([flush('fileSequence', at), flush('position', at)]).toEqual([1, at]);
    }
    expect(flush('flags', 8_192)).toBe(1);
    expect(flush('entryCount', second)).toBe(2);
    expect(readField(layout('Flush header'), bytes, 'previousChecksum', second)).toBe(
      readField(layout('Flush header'), bytes, 'checksum', 8_192),
    );
    // The checksum is made with the file's salt in its place.
    const sealed = Buffer.from(bytes.subarray(second, second + flush('headSize', second)));
    sealed.write(String(head('salt')), 0, 16, 'hex');
    expect(readField(layout('Flush header'), bytes, 'checksum', second)).toBe(checksums.identity(sealed));

    const indexAt = second + layout('Flush header').size;
    const run = (name: string, at: number) => readField(layout('Flush index run'), bytes, name, at);
    expect([
      run('kind', indexAt),
      run('group', indexAt),
      run('first', indexAt),
      run('last', indexAt),
    ]).toEqual([1, group, 1, 1]);
    expect(run('checksum', indexAt)).toBe(prepare.header.checksum);
    expect(run('kind', indexAt + layout('Flush index run').size)).toBe(3);
    const tableAt = indexAt + flush('indexSize', second) + flush('previousIndexSize', second);
    const entry = (name: string) => readField(layout('Flush entry'), bytes, name, tableAt);
    expect([entry('group'), entry('op'), entry('kind')]).toEqual([group, 1, 1]);
    expect([entry('checksum'), entry('size')]).toEqual([prepare.header.checksum, prepare.bytes.length]);
    const from = second + flush('headSize', second);
    expect(bytes.subarray(from, from + prepare.bytes.length).equals(prepare.bytes)).toBe(true);
  });

  test('segment and index', () => {
    const name = '0000000000000001';
    const segment = file('groups', String(group), `${name}.segment`);
    const head = (field: string) => readField(layout('Segment header'), segment, field);
    const { size } = layout('Segment header');
    expect(head('magic')).toBe(magic('VRS1'));
    expect([head('version'), head('group'), head('baseOp'), head('baseOffset')]).toEqual([1, group, 1, 0]);
    expect([head('cluster'), head('parent')]).toEqual([cluster, ZERO_CHECKSUM]);
    expect(head('checksum')).toBe(checksums.identity(segment.subarray(16, size)));
    expect(segment.subarray(size).equals(prepare.bytes)).toBe(true);

    const index = file('groups', String(group), `${name}.index`);
    const read = (field: string) => readField(layout('Index header'), index, field);
    expect(read('magic')).toBe(magic('VRI1'));
    expect([read('version'), read('group'), read('baseOp'), read('endOp')]).toEqual([1, group, 1, 1]);
    expect([read('endOffset'), read('endPosition'), read('count')]).toEqual([1, segment.length, 1]);
    expect([read('headChecksum'), read('headTimestamp')]).toEqual([prepare.header.checksum, 2_000]);
    expect(index.length).toBe(layout('Index header').size + 32);
    expect(read('checksum')).toBe(checksums.identity(index.subarray(16)));
  });

  test('snapshot', () => {
    const bytes = file('groups', String(group), 'snapshot-a');
    const read = (name: string) => readField(layout('Snapshot header'), bytes, name);
    expect(read('magic')).toBe(magic('VSNP'));
    expect([read('version'), read('group'), read('sequence'), read('op')]).toEqual([1, group, 1, 1]);
    expect([read('size'), read('checksum')]).toEqual([
      snapshot.length,
      checksums.identity(bytes.subarray(16)),
    ]);
    expect(bytes.subarray(layout('Snapshot header').size).equals(snapshot)).toBe(true);
  });

  test('manifest', () => {
    const leaf = (n: number) => n.toString(16).padStart(32, '0');
    const manifest = {
      group,
      op: 9,
      checksum: leaf(1),
      timestamp: 3_000,
      lossEpoch: 4,
      chunkBytes: 4096,
      snapshot: { size: 100, checksum: leaf(2), leaves: [leaf(3)] },
      segments: [{ baseOp: 1, endOp: 9, size: 5000, leaves: [leaf(4), leaf(5)] }],
    };
    const bytes = encodeManifest(manifest, checksums);
    const { size } = layout('Manifest header');
    const read = (name: string) => readField(layout('Manifest header'), bytes, name);
    expect(bytes.length).toBe(size + 24 + 3 * 16);
    expect([read('magic'), read('version')]).toEqual([magic('VRMF'), 1]);
    expect([read('group'), read('op'), read('opChecksum'), read('timestamp')]).toEqual([
      group,
      9,
      leaf(1),
      3_000,
    ]);
    expect([read('lossEpoch'), read('chunkBytes'), read('snapshotSize')]).toEqual([4, 4096, 100]);
    expect([read('segmentCount'), read('leafCount'), read('snapshotChecksum')]).toEqual([1, 3, leaf(2)]);
    expect(read('checksum')).toBe(checksums.identity(bytes.subarray(16)));
    const identity = (...children: string[]) => checksums.identity(Buffer.from(children.join(''), 'hex'));
    expect(read('root')).toBe(identity(identity(leaf(3), leaf(4)), leaf(5)));
    expect([0, 8, 16].map((at) => Number(bytes.readBigUInt64LE(size + at)))).toEqual([1, 9, 5000]);
    expect(bytes.toString('hex', size + 24)).toBe([3, 4, 5].map(leaf).join(''));
  });
});
