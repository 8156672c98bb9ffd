import { limitsWith } from '@vireo/protocol';
import { SeededRandom } from '@vireo/storage/testing';
import { describe, expect, it } from 'vitest';
import { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

const PARTITIONS = 3;
const LANES = 3;
const SEEDS = [1, 2, 3];

function smallLimits() {
  const made = limitsWith({
    journalFileBytes: 256 * 1024,
    journalFiles: 4,
    batchBytesMax: 16 * 1024,
    segmentBytes: 64 * 1024,
  });
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}

/** A producer that keeps one batch in flight in each partition and sends it until it is acked. */
class Lane {
  readonly acked: { sequence: number; baseOffset: number }[] = [];
  sequence = 0;
  client: TestClient | null = null;
  correlation = 0;
  waited = 0;
  readonly group: number;
  readonly producerId: number;

  constructor(group: number, producerId: number) {
    this.group = group;
    this.producerId = producerId;
  }

  value(sequence: number): string {
    return `${this.producerId}:${sequence}:${'x'.repeat(900)}`;
  }

  /** One step: look for the answer, else send (again, somewhere). */
  step(cluster: Loopback, node: number): void {
    const answer = this.client?.poll(this.correlation) ?? null;
    if (answer !== null) {
      this.client = null;
      if (answer.ok) {
        this.acked.push({ sequence: this.sequence, baseOffset: answer.value.baseOffset });
        this.sequence++;
      } else if (!answer.error.retryable) throw answer.error;
      return;
    }
    if (this.client !== null && !this.client.ended && this.waited++ < 40) return;
    this.waited = 0;
    this.client = TestClient.connectNow(cluster, node);
    if (this.client === null) return;
    const lane = { producerId: this.producerId, sequence: this.sequence };
    this.correlation = this.client.startProduce(this.group, lane, [this.value(this.sequence)]);
  }
}

describe('a cluster under load whose nodes are killed at any moment', () => {
  for (const seed of SEEDS) {
    it(`keeps every acked batch, once and in order (seed ${seed})`, () => {
      const random = new SeededRandom(seed);
      const { below } = random;
      const cluster = new Loopback({
        cluster: 'test',
        nodes: [0, 1, 2].map((id) => ({ id, address: `n${id}`, host: `h${id}` })),
        secret: null,
        limits: smallLimits(),
        tickMs: 10,
      });
      cluster.startAll();
      cluster.run(200);
      const admin = TestClient.connect(cluster, 0, 'control');
      admin.mustCall({ op: 'createStream', name: 's' });
      admin.mustCall({
        op: 'createTopic',
        stream: 's',
        name: 't',
        partitions: PARTITIONS,
        replication: 3,
        durability: 'disk',
      });
      const { topic } = admin.mustCall({ op: 'lookupTopic', stream: 's', topic: 't' });
      const lanes: Lane[] = [];
      for (let i = 0; i < LANES; i++) {
        const { sessionId } = admin.mustCall({ op: 'register', nonce: Buffer.alloc(16, i) });
        for (const { group } of topic.groups) lanes.push(new Lane(group, sessionId));
      }

      let kills = 0;
      let down: number | null = null;
      for (let tick = 0; tick < 1_000; tick++) {
        cluster.tick();
        cluster.jumble(150, below);
        for (const lane of lanes) lane.step(cluster, below(3));
        if (down === null && below(80) === 0) {
          down = below(3);
          cluster.jumble(below(60), below);
          cluster.kill(down, below(2) === 0);
          kills++;
        } else if (down !== null && below(60) === 0) {
          cluster.start(down);
          down = null;
        }
      }
      if (down !== null) cluster.start(down);
      // In the end the power of all of them goes at once.
      for (const id of [0, 1, 2]) cluster.kill(id);
      cluster.startAll();
      cluster.run(600);
      for (const { failed } of cluster.hosts.values()) expect(failed).toBeNull();

      expect(kills).toBeGreaterThan(2);
      let acked = 0;
      for (const { group } of topic.groups) {
        const contents: string[] = [];
        for (const node of [0, 1, 2]) {
          const reader = TestClient.connect(cluster, node);
          const subscribed = reader.subscribe(group, 1, { start: true }, { creditBytes: 8 << 20 });
          expect(subscribed.ok).toBe(true);
          cluster.run(30);
          const records = reader.records(1);
          expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => i));
          contents.push(records.map(({ value }) => value).join('\n'));
          if (node > 0) continue;
          for (const lane of lanes.filter((each) => each.group === group)) {
            const own = records.filter(({ value }) => value.startsWith(`${lane.producerId}:`));
            expect(own.map(({ value }) => value)).toEqual(own.map((_, i) => lane.value(i)));
            for (const { sequence, baseOffset } of lane.acked) {
              expect(records[baseOffset]?.value).toBe(lane.value(sequence));
            }
            acked += lane.acked.length;
          }
        }
        expect(contents[1]).toBe(contents[0]);
        expect(contents[2]).toBe(contents[0]);
      }
      expect(acked).toBeGreaterThan(60);
    }, 60_000);
  }
});
