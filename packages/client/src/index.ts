export type {
  ClusterDescription,
  DecodedRecord,
  Durability,
  ErrorCode,
  GroupState,
  NodeDescription,
  Outcome,
  PartitionDescription,
  RecordHeader,
  RecordInput,
  StreamDescription,
  TopicDescription,
} from '@vireo/protocol';
export { ErrorCodes, HeaderKind, VireoError } from '@vireo/protocol';
export type { Admin, PartitionBounds, TopicSettings } from './admin.ts';
export type { CallOptions } from './call.ts';
export { type Client, type ConnectOptions, connect } from './connect.ts';
export type { Consumer, IterateOptions } from './consumer/consumer.ts';
export type { FetchedBatch } from './consumer/fetched-batch.ts';
export type { Message } from './consumer/message.ts';
export type {
  ConsumerEvent,
  ConsumerOptions,
  ReadConsistency,
  ReadFrom,
  StartAt,
} from './consumer/options.ts';
export type { BatchAck, ManyAck, RecordAck } from './producer/ack.ts';
export type {
  CloseOptions,
  CloseReport,
  ProducerOptions,
  SendBatchOptions,
  SendManyOptions,
  SendOptions,
} from './producer/options.ts';
export type { Producer } from './producer/producer.ts';
export { type ParsingCodec, type Topic, type TopicOptions, topic, type ValueCodec } from './topic.ts';
