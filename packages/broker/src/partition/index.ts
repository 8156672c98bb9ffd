export { PartitionMachine, type ProduceContext } from './machine.ts';
export type { ProduceReply } from './reply.ts';
