import { defaultLimits, encodePayload, PREPARE_HEADER_SIZE } from '@vireo/protocol';
import { describe, expect, test } from 'vitest';
import type { MetadataOp } from './ops.ts';
import type { Plan } from './plan.ts';
import { metadataRequest, testNodes } from './testing/metadata-log.ts';
import { setUp } from './testing/set-up.ts';

function opOf(plan: Plan): MetadataOp {
  if (!plan.ok) throw new Error(plan.message);
  return plan.op;
}

describe('founding', () => {
  test('lists the nodes once; the same again is ok, others are refused', () => {
    const { machine, log } = setUp(0);
    expect(machine.founded).toBe(false);
    expect(log.run({ op: 'found', nodes: testNodes(3) })).toEqual({ ok: true, stamp: 1, type: 'founded' });
    expect(machine.founded).toBe(true);
    expect(machine.nodes()).toEqual(testNodes(3).map(({ id, address, host }) => ({ id, address, host })));
    expect(log.run({ op: 'found', nodes: testNodes(3) })).toMatchObject({ ok: true });
    const others = testNodes(3).map((node) => ({ ...node, incarnation: 'f'.repeat(32) }));
    expect(log.run({ op: 'found', nodes: others })).toMatchObject({ ok: false, code: 'clusterMismatch' });
    expect(log.run({ op: 'found', nodes: testNodes(4) })).toMatchObject({
      ok: false,
      code: 'clusterMismatch',
    });
    expect(machine.nodes()).toHaveLength(3);
    expect(machine.node(0)?.incarnation).toBe('0'.repeat(32));
  });

  test('a node may change its address, never its data directory', () => {
    const { machine, log } = setUp();
    const [node] = testNodes(1);
    expect(log.run({ op: 'registerNode', node: { ...node!, address: '10.0.0.1:1' } })).toMatchObject({
      ok: true,
    });
    expect(machine.describe().nodes[0]).toEqual({ id: 0, address: '10.0.0.1:1', host: 'host-0' });
    const wiped = { ...node!, incarnation: 'a'.repeat(32) };
    expect(log.run({ op: 'registerNode', node: wiped })).toMatchObject({ ok: false, code: 'denied' });
    expect(log.run({ op: 'registerNode', node: { ...wiped, id: 3, host: 'host-3' } })).toMatchObject({
      ok: true,
    });
    expect(machine.nodes()).toHaveLength(4);
  });
});

describe('sessions', () => {
  test('are numbered by the op that made them, one per nonce', () => {
    const { machine, log, register } = setUp();
    log.noop();
    const first = register(1);
    expect(first).toEqual({ ok: true, stamp: 3, type: 'registered', sessionId: 3 });
    expect(register(2)).toMatchObject({ sessionId: 4 });
    expect(register(1)).toEqual({ ...first, stamp: 5 });
    expect(machine.sessionCount).toBe(2);
  });

  test('stand as known, absent, or not heard of yet', () => {
    const { machine, register } = setUp();
    register(1);
    expect([1, 2, 3].map((id) => machine.sessionStanding(id))).toEqual(['absent', 'known', 'behind']);
  });

  test('are limited, but a known nonce is still answered', () => {
    const { register } = setUp();
    expect(register(1, 1)).toMatchObject({ ok: true });
    expect(register(2, 1)).toMatchObject({ ok: false, code: 'limit' });
    expect(register(1, 1)).toMatchObject({ ok: true, sessionId: 2 });
  });
});

describe('streams and topics', () => {
  test('are created with ids of their own, groups from 1, and told of', () => {
    const { machine, createStream, createTopic, events } = setUp();
    expect(createStream('shop')).toEqual({ ok: true, stamp: 2, type: 'streamCreated', streamId: 1 });
    expect(createTopic('shop/orders')).toEqual({
      ok: true,
      stamp: 3,
      type: 'topicCreated',
      topic: {
        id: 1,
        name: 'orders',
        partitions: 2,
        replication: 3,
        durability: 'disk',
        version: 3,
        keyPartitions: 2,
        groups: [
          { group: 1, partition: 0, members: [1, 2, 0] },
          { group: 2, partition: 1, members: [2, 0, 1] },
        ],
      },
    });
    expect(events).toEqual(['+1:1,2,0', '+2:2,0,1']);
    expect(machine.lookupTopic('shop', 'orders')).toMatchObject({
      ok: true,
      stamp: 3,
      streamId: 1,
      topic: { id: 1 },
    });
    expect(machine.describe()).toMatchObject({
      stamp: 3,
      streams: [{ id: 1, name: 'shop', topics: [{ id: 1 }] }],
    });
    expect(machine.groups()).toEqual([
      {
        group: 1,
        topicId: 1,
        partition: 0,
        members: [1, 2, 0],
        mode: 'disk',
        segmentBytes: defaultLimits.segmentBytes,
        lanesMax: defaultLimits.lanesPartitionMax,
        stamp: 3,
        epoch: 0,
        view: 0,
      },
      expect.objectContaining({ group: 2, partition: 1 }),
    ]);
  });

  test('are refused by name, each with its code', () => {
    const { machine, createStream, createTopic } = setUp();
    createStream('shop');
    createTopic('shop/orders');
    expect(createStream('shop')).toMatchObject({ ok: false, code: 'alreadyExists' });
    expect(createTopic('shop/orders')).toMatchObject({ ok: false, code: 'alreadyExists' });
    expect(createTopic('none/orders')).toMatchObject({ ok: false, code: 'unknownStream' });
    for (const name of ['', 'a\u0000', 'é'.normalize('NFD'), 'x'.repeat(256)]) {
      expect(createStream(name)).toMatchObject({ ok: false, code: 'invalidName' });
      expect(createTopic(`shop/${name}`)).toMatchObject({ ok: false, code: 'invalidName' });
    }
    expect(machine.lookupTopic('shop', 'none')).toMatchObject({ ok: false, code: 'unknownTopic' });
    expect(machine.lookupTopic('none', 'none')).toMatchObject({ ok: false, code: 'unknownStream' });
  });

  test('are refused for what cannot be', () => {
    const { createStream, createTopic } = setUp();
    createStream('shop');
    expect(createTopic('shop/a', { replication: 4 })).toMatchObject({ code: 'tooManyReplicas' });
    expect(createTopic('shop/a', { replication: 8 })).toMatchObject({ code: 'tooManyReplicas' });
    expect(createTopic('shop/a', { replication: 0 })).toMatchObject({ code: 'invalidRequest' });
    expect(createTopic('shop/a', { partitions: 0 })).toMatchObject({ code: 'invalidRequest' });
    expect(createTopic('shop/a', { partitions: 1.5 })).toMatchObject({ code: 'invalidRequest' });
    expect(createTopic('shop/a', { partitions: 1_025 })).toMatchObject({ code: 'limit' });
    expect(createTopic('shop/a', { durability: 'paper' })).toMatchObject({ code: 'invalidRequest' });
    expect(createTopic('shop/a', { segmentBytes: 1 })).toMatchObject({ code: 'invalidRequest' });
    expect(createTopic('shop/a', { partitions: 1_024 })).toMatchObject({ ok: true });
  });

  test('are limited, at the limit and one over', () => {
    const limits = { ...defaultLimits, streamsMax: 1, topicsMax: 2, clusterPartitionsMax: 5 };
    const { createStream, createTopic } = setUp();
    expect(createStream('a', limits)).toMatchObject({ ok: true });
    expect(createStream('b', limits)).toMatchObject({ ok: false, code: 'limit' });
    expect(createTopic('a/1', { partitions: 3 }, limits)).toMatchObject({ ok: true });
    expect(createTopic('a/2', { partitions: 3 }, limits)).toMatchObject({ ok: false, code: 'limit' });
    expect(createTopic('a/2', { partitions: 2 }, limits)).toMatchObject({ ok: true });
    expect(createTopic('a/3', { partitions: 1 }, { ...limits, clusterPartitionsMax: 6 })).toMatchObject({
      code: 'limit',
    });
  });

  test('are refused when a node would hold too many partitions; deleting makes room, a snapshot keeps count', () => {
    const limits = { ...defaultLimits, nodePartitionsMax: 3 };
    const { machine, run, createStream, createTopic } = setUp();
    createStream('a');
    const make = (name: string, partitions: number, replication = 3) =>
      createTopic(`a/${name}`, { partitions, replication }, limits);
    expect(make('1', 2)).toMatchObject({ ok: true });
    expect(make('2', 2)).toMatchObject({ ok: false, code: 'limit' });
    expect(machine.groups()).toHaveLength(2);
    // Three partitions of one replica, one a node.
    expect(make('2', 3, 1)).toMatchObject({ ok: true });
    expect(make('3', 1, 1)).toMatchObject({ ok: false, code: 'limit' });
    machine.restore(machine.snapshot());
    expect(make('3', 1, 1)).toMatchObject({ ok: false, code: 'limit' });
    run(machine.planDeleteTopic('a', '1'));
    expect(make('3', 2)).toMatchObject({ ok: true });
    expect(make('4', 1, 1)).toMatchObject({ ok: false, code: 'limit' });
  });

  test('two ops under one name are judged where they lie in the log', () => {
    const { machine, log, createStream } = setUp();
    createStream('shop');
    const request = { stream: 'shop', name: 'a', partitions: 1, replication: 1, durability: 'disk' };
    const twice = [1, 2].map(() => log.prepare(opOf(machine.planCreateTopic(request, defaultLimits))));
    expect(machine.apply(twice[0]!)).toMatchObject({ ok: true });
    expect(machine.apply(twice[1]!)).toMatchObject({ ok: false, code: 'alreadyExists' });
  });

  test('a placement that the nodes have outgrown has no effect and may be tried anew', () => {
    const { machine, log, createStream, events } = setUp();
    createStream('shop');
    const request = { stream: 'shop', name: 'a', partitions: 1, replication: 3, durability: 'disk' };
    const stale = opOf(machine.planCreateTopic(request, defaultLimits));
    log.run({ op: 'registerNode', node: { ...testNodes(1)[0]!, host: 'host-1' } });
    expect(log.run(stale)).toMatchObject({ ok: false, code: 'retryLater' });
    expect(log.run({ ...stale, members: [[0, 7, 2]] } as MetadataOp)).toMatchObject({ code: 'retryLater' });
    expect(events).toEqual([]);
  });

  test('the placement of an op counts the groups of those before it that are not applied yet', () => {
    const { machine, log, createStream } = setUp();
    createStream('shop');
    const plan = (name: string) =>
      opOf(
        machine.planCreateTopic(
          { stream: 'shop', name, partitions: 1, replication: 1, durability: 'disk' },
          defaultLimits,
        ),
      );
    const prepares = ['a', 'b', 'c'].map((name) => log.prepare(plan(name)));
    for (const prepare of prepares) machine.apply(prepare);
    expect(machine.groups().map(({ members }) => members)).toEqual([[1], [2], [0]]);
    machine.rebuildHead([]);
    expect(plan('d')).toMatchObject({ members: [[1]] });
  });
});

describe('a description', () => {
  test('is of the present state, however often it was asked for before', () => {
    const { machine, run, register, createStream, createTopic, log } = setUp();
    const described = () => {
      const { stamp, nodes, streams } = machine.describe();
      return [
        stamp,
        nodes.length,
        streams.map(({ name, topics }) => `${name}:${topics.map((topic) => topic.name)}`),
      ];
    };
    expect(described()).toEqual([1, 3, []]);
    createStream('a');
    expect(described()).toEqual([2, 3, ['a:']]);
    createTopic('a/b');
    expect(described()).toEqual([3, 3, ['a:b']]);
    register(1);
    expect(described()).toEqual([4, 3, ['a:b']]);
    log.run({ op: 'registerNode', node: { ...testNodes(4)[3]! } });
    expect(described()).toEqual([5, 4, ['a:b']]);
    const snapshot = machine.snapshot();
    run(machine.planDeleteStream('a', true));
    expect(described()).toEqual([6, 4, []]);
    machine.restore(snapshot);
    expect(described()).toEqual([5, 4, ['a:b']]);
  });
});

describe('deletes', () => {
  test('a name is free at once, an id never again', () => {
    const { machine, log, createStream, createTopic, run, events } = setUp();
    createStream('shop');
    createTopic('shop/orders', { partitions: 1 });
    expect(run(machine.planDeleteTopic('shop', 'orders'))).toMatchObject({ ok: true, existed: true });
    expect(createTopic('shop/orders', { partitions: 1 })).toMatchObject({ ok: true, topic: { id: 2 } });
    expect(events).toEqual(['+1:1,2,0', '-1', '+2:2,0,1']);
    // The retry of the first delete, by its id, does not hit the successor.
    expect(log.run({ op: 'deleteTopic', topicId: 1 })).toMatchObject({ ok: true, existed: false });
    expect(machine.lookupTopic('shop', 'orders')).toMatchObject({ ok: true, topic: { id: 2 } });
    expect(log.run({ op: 'deleteTopic', topicId: 3 })).toMatchObject({ ok: false, code: 'unknownTopic' });
    expect([1, 2, 3].map((id) => machine.groupStanding(id))).toEqual(['gone', 'known', 'behind']);
  });

  test('a stream with topics goes only with cascade, and its groups with it', () => {
    const { machine, log, createStream, createTopic, run, events } = setUp();
    createStream('shop');
    createTopic('shop/a', { partitions: 2 });
    createTopic('shop/b', { partitions: 1 });
    expect(run(machine.planDeleteStream('shop', false))).toMatchObject({ ok: false, code: 'streamNotEmpty' });
    expect(machine.groups()).toHaveLength(3);
    events.length = 0;
    expect(run(machine.planDeleteStream('shop', true))).toMatchObject({ ok: true, existed: true });
    expect(events).toEqual(['-1', '-2', '-3']);
    expect(machine.describe().streams).toEqual([]);
    expect(machine.planDeleteStream('shop', true)).toMatchObject({ code: 'unknownStream' });
    expect(machine.planDeleteTopic('shop', 'a')).toMatchObject({ code: 'unknownStream' });
    expect(log.run({ op: 'deleteStream', streamId: 1, cascade: true })).toMatchObject({
      ok: true,
      existed: false,
    });
    expect(log.run({ op: 'deleteStream', streamId: 2, cascade: true })).toMatchObject({
      code: 'unknownStream',
    });
    expect(createStream('shop')).toMatchObject({ ok: true, streamId: 2 });
    expect(createTopic('shop/a', { partitions: 1 })).toMatchObject({ ok: true, topic: { id: 3 } });
  });
});

describe('junk', () => {
  test('is refused before the log, and without effect if it lies in the log all the same', () => {
    const { machine, log } = setUp();
    const before = machine.describe().streams;
    const good = { op: 'createStream', name: 'a', streamsMax: 10 };
    const bodies: unknown[] = [
      null,
      7,
      [],
      {},
      { op: 'constructor' },
      { op: 'dropAll' },
      { ...good, name: 7 },
    ];
    bodies.push({ ...good, streamsMax: -1 }, { op: 'found', nodes: [] }, { op: 'found', nodes: [7] });
    bodies.push(
      { op: 'found', nodes: [testNodes(1)[0], testNodes(1)[0]] },
      { op: 'register', nonce: 'x', sessionsMax: 1 },
    );
    bodies.push(
      { op: 'deleteTopic', topicId: 1.5 },
      { op: 'deleteStream', streamId: 1 },
      { op: 'registerNode' },
    );
    const topic = {
      op: 'createTopic',
      stream: 's',
      name: 't',
      durability: 'disk',
      keyPartitions: 1,
      lanesMax: 100,
    };
    const rest = { segmentBytes: 1 << 20, topicsMax: 1, clusterPartitionsMax: 1, nodePartitionsMax: 1 };
    for (const members of [
      [],
      [[]],
      [[0, 0]],
      [[0], [1, 2]],
      [[-1]],
      'x',
      [['0']],
      [[0, 1, 2, 3, 4, 5, 6]],
    ]) {
      bodies.push({ ...topic, ...rest, members });
    }
    bodies.push(
      { ...topic, ...rest, members: [[0]], lanesMax: 1 },
      { ...topic, ...rest, members: [[0]], keyPartitions: 2 },
      { ...topic, ...rest, members: [[0]], nodePartitionsMax: -1 },
    );
    for (const body of bodies) {
      const bytes = encodePayload(body as object);
      const request = { ...metadataRequest({ op: 'deleteTopic', topicId: 1 }) };
      const admission = machine.admit({
        ...request,
        bytes: Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), bytes]),
      });
      expect(admission, JSON.stringify(body)).toMatchObject({ type: 'refusal', reply: { ok: false } });
      expect(log.runBytes(bytes)).toMatchObject({ ok: false });
    }
    expect(log.runBytes(Buffer.from([0xc1, 0xff]))).toMatchObject({ ok: false, code: 'corruptPayload' });
    expect(machine.admit({ ...metadataRequest(good as MetadataOp), kind: 2 })).toMatchObject({
      type: 'refusal',
    });
    expect(machine.describe().streams).toEqual(before);
  });
});
