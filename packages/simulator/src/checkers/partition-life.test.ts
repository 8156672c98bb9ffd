import {
  encodePayload,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  type PrepareKindValue,
  sealPrepare,
  writeU64,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { Observer } from '../cluster/observer.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import { PartitionLife } from './partition-life.ts';

/** The first id that is given after one cold start that left `ids` of them given. */
const afterColdStart = (ids: number) => 2 ** 20 + ids + 1;

/** A run in which node 0 executes metadata ops, and removes files with its metadata snapshot at the last of them. */
function setUp() {
  const observer = new Observer([new PartitionLife()], () => 0);
  observer.entered(0, 1, () => true);
  let head: Prepare | null = null;
  const seal = (kind: PrepareKindValue, body: Uint8Array): Prepare => {
    const bytes = Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), body]);
    const op = (head?.header.op ?? 0) + 1;
    const parent = head?.header.checksum ?? ZERO_CHECKSUM;
    const place = { group: 0, op, view: 0, epoch: 0, parent, kind, timestamp: op };
    const context = { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 };
    head = sealPrepare(bytes, { ...place, ...context }, simChecksums);
    observer.applied(head);
    return head;
  };
  const run = (op: Record<string, unknown>) => seal(PrepareKind.metadata, encodePayload(op));
  return {
    observer,
    create: (name: string) => run({ op: 'createTopic', stream: 's', name, members: [[0, 1, 2]] }),
    /** With one partition a topic, its group has the topic's id. */
    deleteTopic: (topicId: number) => run({ op: 'deleteTopic', topicId }),
    begin: () => run({ op: 'createStream', name: 's' }),
    /** The log is cut above `fork`, null: it loses nothing, and goes on with the op that says so. */
    coldStart: (lossEpoch: number, fork: Prepare | null = null) => {
      observer.ghost.lossSaid.add(0);
      head = fork ?? head;
      const body = Buffer.alloc(16);
      body.writeUInt32LE(lossEpoch);
      writeU64(body, head?.header.op ?? 0, 8);
      return seal(PrepareKind.coldStart, body);
    },
    /** Ops that nobody had executed before the cold start are in the log that it leaves. */
    goBack: (fork: Prepare) => {
      observer.ghost.lossSaid.add(0);
      head = fork;
    },
    remove: (group: number, snapshotOp = head?.header.op ?? 0) =>
      observer.removes(0, `groups/${group}/0000000000000001.segment`, (of) => (of === 0 ? snapshotOp : null)),
  };
}

const refused = (group: number, by: number | '?') =>
  `removes groups/${group}/0000000000000001.segment; group ${group} is deleted by metadata op ${by}`;

describe('checker 16, of files that are removed', () => {
  const cleanUp: Observer[] = [];
  const started = () => {
    const parts = setUp();
    cleanUp.push(parts.observer);
    parts.begin();
    return parts;
  };
  afterEach(() => {
    for (const observer of cleanUp.splice(0)) observer.left();
  });

  it('takes them once the snapshot of metadata is at the op that deletes the group', () => {
    const { create, deleteTopic, remove } = started();
    create('a');
    expect(() => remove(1)).toThrow(refused(1, '?'));
    const { op } = deleteTopic(1).header;
    expect(() => remove(1, op - 1)).toThrow(refused(1, op));
    remove(1);
  });

  it('knows what is created and deleted after a cold start of metadata', () => {
    const { create, coldStart, deleteTopic, remove } = started();
    create('a');
    coldStart(1);
    create('b');
    const group = afterColdStart(1);
    expect(() => remove(group)).toThrow(refused(group, '?'));
    const { op } = deleteTopic(group).header;
    expect(() => remove(group, op - 1)).toThrow(refused(group, op));
    remove(group);
    deleteTopic(1);
    remove(1);
    // And after the next one.
    coldStart(2);
    create('c');
    deleteTopic(2 ** 20 + group + 1);
    remove(2 ** 20 + group + 1);
  });

  it('holds back those of a group that only a lost op deleted, or created', () => {
    const { create, coldStart, deleteTopic, remove } = started();
    const fork = create('a');
    deleteTopic(1);
    create('b');
    coldStart(1, fork);
    expect(() => remove(1)).toThrow(refused(1, '?'));
    expect(() => remove(2)).toThrow(refused(2, '?'));
    // The one that is made instead is another one.
    create('b');
    deleteTopic(2);
    expect(() => remove(2)).toThrow(refused(2, '?'));
    deleteTopic(afterColdStart(1));
    remove(afterColdStart(1));
    deleteTopic(1);
    remove(1);
  });

  it('counts ops that a cold start puts in the place of others only with it', () => {
    const { create, coldStart, goBack, deleteTopic, remove } = started();
    const fork = create('a');
    create('b');
    goBack(fork);
    deleteTopic(1);
    expect(() => remove(1)).toThrow(refused(1, '?'));
    coldStart(1);
    remove(1);
    expect(() => remove(2)).toThrow(refused(2, '?'));
  });

  it('does not take an op whose predecessor nobody executed', () => {
    const { create, goBack } = started();
    goBack(setUp().create('of another cluster'));
    expect(() => create('b')).toThrow('metadata op 2 is executed, and the one before it never was');
  });
});
