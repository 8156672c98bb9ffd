import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CreditWindow } from './credit-window.ts';

test('no order of sending, handling and resubscribing stops the flow or passes the window by more than a batch', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(
        fc.record({ bytes: fc.integer({ min: 1, max: 90 }), records: fc.integer({ min: 1, max: 9 }) }),
        {
          minLength: 1,
          maxLength: 60,
        },
      ),
      fc.infiniteStream(fc.nat(9)),
      (bytesMax, recordsMax, batches, choices) => {
        const window = new CreditWindow(bytesMax, recordsMax);
        let node = { ...window.open() };
        const held: { bytes: number; records: number }[] = [];
        let next = 0;
        const handle = (): void => {
          const batch = held.shift()!;
          window.release(batch.bytes, batch.records);
          const credit = window.due(batch.bytes, batch.records);
          if (credit === null) return;
          node = { bytes: node.bytes + credit.bytes, records: node.records + credit.records };
        };
        for (const choice of choices) {
          if (next === batches.length) break;
          const canSend = node.bytes > 0 && node.records > 0;
          if (choice === 0 && !window.full) node = { ...window.open() };
          else if (canSend && (choice < 6 || held.length === 0)) {
            const batch = batches[next++]!;
            node = { bytes: node.bytes - batch.bytes, records: node.records - batch.records };
            window.hold(batch.bytes, batch.records);
            held.push(batch);
            const unhandled = held.reduce((sum, { bytes }) => sum + bytes, 0);
            // One batch of overshoot: before it there was room.
            expect(unhandled - batch.bytes).toBeLessThan(bytesMax);
          } else {
            // Nothing may be sent: then something is held that can be handled.
            expect(held.length).toBeGreaterThan(0);
            handle();
          }
        }
      },
    ),
    { numRuns: 300, seed: 5 },
  );
});
