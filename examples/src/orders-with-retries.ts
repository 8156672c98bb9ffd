// Sends typed records one by one and decides by an error's code and outcome what to do.
//   node examples/dist/orders-with-retries.js [host:port,…]
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Producer, topic, VireoError } from '@vireo/client';
import { ensureTopic } from './ensure-topic.ts';

interface Order {
  id: string;
  customer: string;
  total: number;
  note?: string;
}

const orders = topic<Order>('shop/orders', 'json', { key: (order) => order.customer });

const client = await connect(process.argv[2] ?? '127.0.0.1:7400');
await ensureTopic(client, orders.name, 6);
const producer = client.producer(orders);
for (let i = 0; i < 20; i++) {
  await place(producer, { id: `order-${i}`, customer: `customer-${i % 7}`, total: 5 + i });
}
// Larger than a record may be: refused for good, and the program hears of it.
await place(producer, { id: 'order-huge', customer: 'customer-1', total: 1, note: 'x'.repeat(2 << 20) });
await client.close();

/**
 * The producer already retries by itself, without storing anything twice: lost connections, view changes and
 * redirects are no errors here. What it reports is what it could not settle in the time given.
 */
async function place(producer: Producer<Order>, order: Order): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { partition, offset, node } = await producer.send(order, { deadlineMs: 10_000 });
      console.log(`${order.id}: partition ${partition}, offset ${offset}, acked by node ${node}`);
      return;
    } catch (error) {
      if (!VireoError.is(error)) throw error;
      const said = `${order.id}: ${error.code} (${error.outcome})`;
      if (error.outcome === 'unknown') {
        // It may be in the log. Sent anew it could be there twice: only somebody who looks can tell.
        console.error(`${said}: look for it before sending it again`);
        return;
      }
      // In no log, and never will be: sending it again is safe, if it can help.
      if (!error.retryable || attempt === 5) {
        console.error(`${said}: not stored, ${error.message}`);
        return;
      }
      await sleep(200 * attempt);
    }
  }
}
