import type { TopicDescription } from '@vireo/protocol';
import type { Prng } from '../world/prng.ts';
import { type ClientWorld, insist, type Link } from './link.ts';

export const streamName = 'sim';
/** The topic that producers write and consumers read. */
export const topicName = 'records';

/** Name of a partition in the history. */
export function partitionName(partition: number): string {
  return `${streamName}/${topicName}/${partition}`;
}

/** Creates stream and topic, whatever has become of earlier attempts. */
export function createTopic(
  world: ClientWorld,
  links: readonly Link[],
  random: Prng,
  partitions: number,
  replication: number,
  durability: 'disk' | 'memory',
  done: () => void,
): void {
  const expect = (error: { code: string; message: string } | null, next: () => void): void => {
    if (error === null || error.code === 'alreadyExists') next();
    else throw world.broken('admin', `creation was refused: ${error.code} ${error.message}`);
  };
  insist(world, links, random, { op: 'createStream', name: streamName }, (_stream, streamError) =>
    expect(streamError, () =>
      insist(
        world,
        links,
        random,
        {
          op: 'createTopic',
          stream: streamName,
          name: topicName,
          partitions,
          replication,
          durability,
        },
        (_topic, topicError) => expect(topicError, done),
      ),
    ),
  );
}

/** Resolves the topic at any node; one that is behind its metadata is asked again. */
export function lookUpTopic(
  world: ClientWorld,
  links: readonly Link[],
  random: Prng,
  topic: string,
  done: (topic: TopicDescription) => void,
): void {
  const ask = (): void =>
    insist(world, links, random, { op: 'lookupTopic', stream: streamName, topic }, (found) => {
      if (found !== null) done(found.topic);
      else world.scheduler.after(50_000, ask);
    });
  ask();
}
