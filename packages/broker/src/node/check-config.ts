import { MEMBERS_MAX } from '@vireo/vsr';
import { type BrokerConfig, StartError } from './world.ts';

/** Settings that cannot work together. @throws StartError invalidConfig */
export function checkConfig({ nodes, node, limits }: BrokerConfig): void {
  const refuse = (message: string) => new StartError('invalidConfig', message);
  if (!nodes.some(({ id }) => id === node)) throw refuse(`node ${node} is not among the configured nodes`);
  if (new Set(nodes.map(({ id }) => id)).size !== nodes.length) throw refuse('a node id is configured twice');
  if (nodes.length > MEMBERS_MAX) throw refuse(`a cluster has at most ${MEMBERS_MAX} nodes`);
  // A prepare has to fit into one file of the journal, next to the heads and indexes of its flush.
  if (limits.batchBytesMax > limits.journalFileBytes / 2) {
    throw refuse(`batchBytesMax (${limits.batchBytesMax}) is more than half of journalFileBytes`);
  }
}
