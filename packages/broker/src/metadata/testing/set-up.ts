import { defaultLimits, type Limits } from '@vireo/protocol';
import { plainChecksums } from '@vireo/storage/testing';
import { MetadataMachine } from '../machine.ts';
import type { Plan, TopicRequest } from '../plan.ts';
import { MetadataLog, testNodes } from './metadata-log.ts';

/** A machine with its log, founded with so many nodes, and short ways to the usual ops. */
export function setUp(nodes = 3) {
  const events: string[] = [];
  const machine = new MetadataMachine({
    onGroupCreated: ({ group, members }) => events.push(`+${group}:${members.join()}`),
    onGroupDeleted: ({ group }) => events.push(`-${group}`),
  });
  const log = new MetadataLog(machine, plainChecksums);
  if (nodes > 0) log.run({ op: 'found', nodes: testNodes(nodes) });
  const run = (plan: Plan) => (plan.ok ? log.run(plan.op) : plan);
  const createStream = (name: string, limits: Limits = defaultLimits) =>
    log.run({ op: 'createStream', name, streamsMax: limits.streamsMax });
  const createTopic = (path: string, changes: Partial<TopicRequest> = {}, limits: Limits = defaultLimits) => {
    const [stream, name] = path.split('/') as [string, string];
    const request = { stream, name, partitions: 2, replication: 3, durability: 'disk', ...changes };
    return run(machine.planCreateTopic(request, limits));
  };
  const register = (nonce: number, sessionsMax = 100) =>
    log.run({ op: 'register', nonce: String(nonce).repeat(32), sessionsMax });
  return { machine, log, events, run, register, createStream, createTopic };
}
