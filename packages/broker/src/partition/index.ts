export {
  PartitionMachine,
  type PartitionOptions,
  type PartitionWorld,
  type ProduceContext,
} from './machine.ts';
export { type ProduceAcked, type ProduceRefused, type ProduceReply, UNKNOWN_OFFSET } from './reply.ts';
