import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Checksums, defaultLimits, encodePayload } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetadataMachine } from './machine.ts';
import { MetadataLog, testNodes } from './testing/metadata-log.ts';

const checksums: Checksums = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

/** Replicas that a node would have, from what it was told alone. */
class Replicas {
  readonly groups = new Set<number>();
  readonly ever = new Set<number>();

  onGroupCreated({ group }: { group: number }): void {
    if (this.ever.has(group)) throw new Error(`group ${group} was there before`);
    this.ever.add(group);
    this.groups.add(group);
  }

  onGroupDeleted({ group }: { group: number }): void {
    if (!this.groups.delete(group)) throw new Error(`group ${group} is not there`);
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
const command = fc.oneof(
  fc.record({ type: fc.constant('createStream' as const), stream: name }),
  fc.record({ type: fc.constant('deleteStream' as const), stream: name, cascade: fc.boolean() }),
  fc.record({
    type: fc.constant('createTopic' as const),
    stream: name,
    name,
    partitions: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ type: fc.constant('deleteTopic' as const), stream: name, name }),
  fc.record({
    type: fc.constant('alterTopic' as const),
    stream: name,
    topic: name,
    durability: fc.constantFrom('disk' as const, 'memory' as const),
  }),
  fc.record({ type: fc.constant('coldStart' as const) }),
  fc.record({ type: fc.constant('deleteId' as const), id: fc.nat({ max: 12 }) }),
  fc.record({ type: fc.constant('register' as const), nonce: fc.nat({ max: 5 }) }),
  fc.record({ type: fc.constant('noop' as const) }),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

function run(machine: MetadataMachine, log: MetadataLog, step: Command): void {
  if (step.type === 'coldStart') {
    log.coldStart();
    return;
  }
  const plan = planOf(machine, step);
  if (plan === null) log.noop();
  else if (plan.ok) log.run(plan.op);
}

function planOf(machine: MetadataMachine, step: Exclude<Command, { type: 'coldStart' }>) {
  switch (step.type) {
    case 'alterTopic':
      return machine.planAlterTopic(step, step.durability);
    case 'createStream':
      return { ok: true, op: { op: 'createStream', name: step.stream, streamsMax: 3 } } as const;
    case 'deleteStream':
      return machine.planDeleteStream(step.stream, step.cascade);
    case 'createTopic':
      return machine.planCreateTopic({ ...step, replication: 2, durability: 'disk' }, defaultLimits);
    case 'deleteTopic':
      return machine.planDeleteTopic(step.stream, step.name);
    case 'deleteId':
      return { ok: true, op: { op: 'deleteTopic', topicId: step.id + 1 } } as const;
    case 'register':
      return {
        ok: true,
        op: { op: 'register', nonce: String(step.nonce).repeat(32), sessionsMax: 4 },
      } as const;
    case 'noop':
      return null;
  }
}

describe('metadata of any history', () => {
  test('is the same after a restore in the middle, to the byte, and hangs together', () => {
    const history = fc.array(command, { maxLength: 60, size: 'max' });
    const property = fc.property(history, fc.nat({ max: 60 }), (steps, restartAt) => {
      const replicas = new Replicas();
      const machine = new MetadataMachine(replicas);
      const log = new MetadataLog(machine, checksums);
      log.run({ op: 'found', nodes: testNodes(3) });
      let snapshot = machine.snapshot();
      let from = 1;
      steps.forEach((step, i) => {
        run(machine, log, step);
        if (i !== restartAt) return;
        snapshot = machine.snapshot();
        from = log.prepares.length;
      });

      const restarted = new MetadataMachine({ onGroupCreated() {}, onGroupDeleted() {} });
      restarted.restore(snapshot);
      for (const prepare of log.prepares.slice(from)) restarted.apply(prepare);
      expect(restarted.snapshot()).toEqual(machine.snapshot());
      expect(restarted.describe()).toEqual(machine.describe());
      expect(restarted.groups()).toEqual(machine.groups());

      expect(new Set(machine.groups().map(({ group }) => group))).toEqual(replicas.groups);
      for (const group of replicas.ever) {
        expect(machine.groupStanding(group)).toBe(replicas.groups.has(group) ? 'known' : 'gone');
      }
      const described = machine.describe().streams;
      expect(new Set(described.map((stream) => stream.name)).size).toBe(described.length);
      for (const stream of described) {
        for (const topic of stream.topics) {
          expect(machine.lookupTopic(stream.name, topic.name)).toMatchObject({ ok: true, topic });
        }
      }
      const inTopics = described.flatMap(({ topics }) => topics.flatMap(({ groups }) => groups));
      expect(inTopics).toHaveLength(machine.groups().length);
    });
    fc.assert(property, { numRuns: 150, seed: 11 });
  });
});

describe('a snapshot that cannot be read', () => {
  const restore = (bytes: Buffer) => () =>
    new MetadataMachine({ onGroupCreated() {}, onGroupDeleted() {} }).restore(bytes);

  test('is an error with a code: another format, cut short, other content', () => {
    const good = new MetadataMachine({ onGroupCreated() {}, onGroupDeleted() {} }).snapshot();
    for (let length = 0; length < good.length; length++) {
      expect(restore(good.subarray(0, length))).toThrow(expect.objectContaining({ code: 'corruptPayload' }));
    }
    expect(restore(encodePayload({ format: 3 }))).toThrow(
      expect.objectContaining({ code: 'unsupportedFormat' }),
    );
    expect(restore(encodePayload({ format: 2 }))).toThrow(
      expect.objectContaining({ code: 'corruptPayload' }),
    );
    expect(restore(encodePayload([]))).toThrow(expect.objectContaining({ code: 'unsupportedFormat' }));
  });
});
