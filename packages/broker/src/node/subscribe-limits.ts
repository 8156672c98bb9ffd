import type { DecodeError, Limits, Subscribe } from '@vireo/protocol';
import type { Connection } from './connection.ts';

/** Why the connection may not have this subscription beside those it has, or null. */
export function overLimit(connection: Connection, request: Subscribe, limits: Limits): DecodeError | null {
  const { subscription, creditBytes, creditRecords } = request;
  if (connection.subscriptions.has(subscription)) {
    return {
      code: 'invalidRequest',
      message: `subscription ${subscription} exists already on this connection`,
    };
  }
  if (connection.subscriptions.size >= limits.connectionSubscriptionsMax) {
    const message = `a connection has at most ${limits.connectionSubscriptionsMax} subscriptions`;
    return { code: 'limit', message };
  }
  if (
    creditBytes > limits.subscriptionCreditBytesMax ||
    creditRecords > limits.subscriptionCreditRecordsMax
  ) {
    return { code: 'limit', message: 'the credit is larger than a subscription may hold' };
  }
  if (connection.creditBytes + creditBytes > limits.connectionCreditBytesMax) {
    return { code: 'limit', message: 'the subscriptions of the connection hold too much credit' };
  }
  return null;
}
