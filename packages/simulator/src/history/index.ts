export {
  type ConsumedRecord,
  History,
  type HistoryProblem,
  type HistoryRule,
  type ProducedRecord,
  type ProduceOutcome,
  type Reading,
} from './history.ts';
export { type FinalLog, verifyHistory } from './verify-history.ts';
