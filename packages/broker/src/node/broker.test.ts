import { FrameKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { config, founded, leader, withTopic } from './testing/cluster.ts';
import { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

describe('founding', () => {
  it('gives all nodes the same cluster id, and a metadata primary', () => {
    const cluster = founded();
    const ids = cluster.events
      .filter(({ name }) => name === 'founding.completed')
      .map(({ fields }) => fields.cluster);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
  });

  it('waits for every founder', () => {
    const cluster = new Loopback(config());
    cluster.start(0);
    cluster.start(1);
    cluster.run(300);
    expect(cluster.events.some(({ name }) => name === 'founding.completed')).toBe(false);
    expect(cluster.events.some(({ name, fields }) => name === 'founding.waiting' && fields.node === 0)).toBe(
      true,
    );
    cluster.start(2);
    expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
  });

  it('founds a single node by itself', () => {
    const cluster = founded(1);
    expect(leader(cluster, 0)).toBe(0);
  });

  it('refuses for good a founder whose directory was wiped and formatted anew', () => {
    const cluster = founded();
    cluster.kill(2);
    cluster.wipe(2);
    cluster.format(2, 'ee'.repeat(16));
    cluster.start(2);
    cluster.run(300, () => cluster.hosts.get(2)!.failed !== null);
    expect(cluster.hosts.get(2)!.failed).toMatchObject({ code: 'incarnationReplaced' });
    expect(cluster.hosts.get(2)!.failed?.message).toContain('vireo cluster replace-node');
    expect(leader(cluster, 0)).not.toBeNull();
  });

  it('refuses a peer without the secret', () => {
    const cluster = new Loopback(config());
    cluster.overrides.set(2, { secret: null });
    cluster.startAll();
    cluster.run(300);
    expect(cluster.events.some(({ name }) => name === 'founding.completed')).toBe(false);
    expect(
      cluster.events.some(
        ({ name, node, fields }) => name === 'peer.refused' && node === 0 && fields.peer === 2,
      ),
    ).toBe(true);
  });
});

describe('metadata', () => {
  it('is changed through any node and read from any node', () => {
    const cluster = founded();
    for (const via of [0, 1, 2]) {
      const client = TestClient.connect(cluster, via, 'control');
      const { stamp } = client.mustCall({ op: 'createStream', name: `s${via}` });
      for (const reader of [0, 1, 2]) {
        const { streams } = TestClient.connect(cluster, reader).mustCall({ op: 'describe', stamp });
        expect(streams.map(({ name }) => name)).toContain(`s${via}`);
      }
    }
  });

  it('answers what can not be done with a code', () => {
    const cluster = founded();
    const client = TestClient.connect(cluster, 1, 'control');
    client.mustCall({ op: 'createStream', name: 'shop' });
    const again = client.call({ op: 'createStream', name: 'shop' });
    expect(again).toMatchObject({ ok: false, error: { code: 'alreadyExists' } });
    const topic = {
      op: 'createTopic',
      stream: 'shop',
      name: 'orders',
      partitions: 1,
      durability: 'disk',
    } as const;
    expect(client.call({ ...topic, replication: 4 })).toMatchObject({
      ok: false,
      error: { code: 'tooManyReplicas' },
    });
    expect(client.call({ ...topic, stream: 'none', replication: 1 })).toMatchObject({
      ok: false,
      error: { code: 'unknownStream' },
    });
    expect(client.call({ op: 'lookupTopic', stream: 'shop', topic: 'none' })).toMatchObject({
      ok: false,
      error: { code: 'unknownTopic' },
    });
  });

  it('lists nodes, replicas and counters', () => {
    const cluster = founded();
    const { group } = withTopic(cluster);
    const client = TestClient.connect(cluster, 2);
    expect(client.mustCall({ op: 'describe' }).nodes.map(({ id }) => id)).toEqual([0, 1, 2]);
    const { groups, node } = client.mustCall({ op: 'groupStates' });
    expect(node).toBe(2);
    expect(groups.map((state) => state.group)).toEqual([0, group]);
    expect(client.mustCall({ op: 'stats' }).counters.groups).toBe(2);
  });

  it('says metadataBehind to a stamp that never comes', () => {
    const cluster = founded();
    const answer = TestClient.connect(cluster, 0).call({ op: 'describe', stamp: 1_000_000 });
    expect(answer).toMatchObject({ ok: false, error: { code: 'metadataBehind' } });
  });
});

describe('a dead process', () => {
  it('is replaced as primary within 300 ms, whichever node it was', () => {
    for (const victim of [0, 1, 2]) {
      const cluster = founded();
      const { group } = withTopic(cluster, 0, 3);
      const led = [0, group, group + 1, group + 2].filter((id) => leader(cluster, id) === victim);
      expect(led).not.toEqual([]);
      cluster.kill(victim);
      expect(cluster.run(30, () => led.every((id) => leader(cluster, id) !== null))).toBe(true);
    }
  });

  it('does not fail a change of metadata that comes right after, through another node', () => {
    const cluster = founded();
    const primary = leader(cluster, 0)!;
    const client = TestClient.connect(cluster, (primary + 1) % 3, 'control');
    cluster.kill(primary);
    expect(client.call({ op: 'createStream', name: 'shop' })).toMatchObject({ ok: true });
  });

  it('comes back, catches up and serves', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const backup = (leader(cluster, group)! + 1) % 3;
    cluster.kill(backup);
    cluster.run(60);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    for (let sequence = 0; sequence < 50; sequence++) client.produce(group, { producerId, sequence }, ['a']);
    cluster.start(backup);
    const offset = () =>
      cluster
        .broker(backup)
        .groups()
        .find(({ id }) => id === group)?.log.endOffset;
    expect(cluster.run(300, () => offset() === 50)).toBe(true);
  });
});

describe('deleted topics', () => {
  it('give up their files once a checkpoint has forgotten them', () => {
    const cluster = founded(3, { journalFileBytes: 256 * 1024, batchBytesMax: 16 * 1024 });
    const { group, producerId } = withTopic(cluster, 0, 2);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    const value = 'x'.repeat(8_000);
    for (let sequence = 0; sequence < 100; sequence++)
      client.produce(group, { producerId, sequence }, [value]);
    const files = () =>
      [...cluster.hosts.values()].flatMap(({ disk }) =>
        disk.paths.filter((path) => path.startsWith(`groups/${group}/`)),
      );
    expect(files().length).toBeGreaterThan(0);
    client.mustCall({ op: 'deleteTopic', target: { stream: 'shop', topic: 'orders' } });
    for (const [i, broker] of [0, 1, 2].map((id) => cluster.broker(id)).entries()) {
      let stopped = false;
      broker.stop(() => {
        stopped = true;
      });
      cluster.run(1_000, () => stopped);
      cluster.kill(i, false);
    }
    cluster.quiet();
    expect(files()).toEqual([]);
  });
});

describe('strangers', () => {
  it('a client of another protocol version is told the range', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    client.hello({ protocolMin: 7, protocolMax: 9 });
    expect(client.error).toMatchObject({ code: 'unsupportedVersion', details: { min: 1, max: 1 } });
    expect(client.ended).toBe(true);
  });

  it('HTTP is answered in HTTP', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    client.sendBytes(Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
    cluster.quiet();
    expect(Buffer.concat(client.raw).toString()).toMatch(/^HTTP\/1\.1 400 /);
    expect(client.ended).toBe(true);
  });

  it('garbage is refused with a code and the connection ends', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    client.sendBytes(Buffer.alloc(64, 0xab));
    cluster.quiet();
    expect(client.error?.code).toBe('unsupportedVersion');
    expect(client.ended).toBe(true);
    const second = new TestClient(cluster, 0);
    second.send(FrameKind.hello, 0, 0, Buffer.from([0xc1, 0xff]));
    cluster.quiet();
    expect(second.error?.code).toBe('corruptPayload');
  });

  it('a half-open connection is closed after five seconds', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    cluster.run(600, () => client.ended);
    expect(client.ended).toBe(true);
    expect(cluster.events.some(({ name }) => name === 'connection.idle')).toBe(true);
  });

  it('a request of a client for nodes ends its connection, and nothing else', () => {
    const cluster = founded();
    const client = TestClient.connect(cluster, 0);
    const other = TestClient.connect(cluster, 0);
    client.send(FrameKind.replica, 0, 0, Buffer.alloc(8));
    cluster.quiet();
    expect(client.error?.code).toBe('invalidRequest');
    expect(other.call({ op: 'describe' }).ok).toBe(true);
  });
});

describe('stop', () => {
  it('hands over what the node leads, loses nothing, and ends within ten seconds', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const before = leader(cluster, group)!;
    const client = TestClient.connect(cluster, before);
    client.produce(group, { producerId, sequence: 0 }, ['a']);
    let stopped = false;
    cluster.broker(before).stop(() => {
      stopped = true;
    });
    expect(cluster.run(1_000, () => stopped)).toBe(true);
    expect(client.frames.some(({ kind }) => kind === FrameKind.goingAway)).toBe(true);
    expect(client.ended).toBe(true);
    cluster.kill(before, false);
    expect(cluster.run(100, () => leader(cluster, group) !== null)).toBe(true);
    const next = TestClient.connect(cluster, leader(cluster, group)!);
    expect(next.produce(group, { producerId, sequence: 1 }, ['b'])).toMatchObject({
      ok: true,
      value: { baseOffset: 1 },
    });
  });
});
