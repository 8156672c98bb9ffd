import { describe, expect, test } from 'vitest';
import { FileOrder } from './file-order.ts';

type Kind = 'change' | 'sync' | 'read';

/** Operations that are finished by hand, and what was started and delivered so far. */
function manual() {
  const order = new FileOrder();
  const started: string[] = [];
  const delivered: string[] = [];
  const finishers = new Map<string, () => void>();
  return {
    started,
    delivered,
    add: (name: string, kind: Kind, path = 'a') =>
      order.add(path, kind, (finished) => {
        started.push(name);
        finishers.set(name, () => finished(() => delivered.push(name)));
      }),
    finish: (name: string) => finishers.get(name)?.(),
  };
}

describe('order of the operations of a file', () => {
  test('changes run one after the other', () => {
    const { add, finish, started, delivered } = manual();
    add('w1', 'change');
    add('w2', 'change');
    expect(started).toEqual(['w1']);
    finish('w1');
    expect(started).toEqual(['w1', 'w2']);
    finish('w2');
    expect(delivered).toEqual(['w1', 'w2']);
  });

  test('a read sees every change that was asked for before it', () => {
    const { add, finish, started } = manual();
    add('w1', 'change');
    add('r1', 'read');
    expect(started).toEqual(['w1']);
    finish('w1');
    expect(started).toEqual(['w1', 'r1']);
  });

  test('reads run beside each other and are delivered in the order of the calls', () => {
    const { add, finish, started, delivered } = manual();
    add('r1', 'read');
    add('r2', 'read');
    expect(started).toEqual(['r1', 'r2']);
    finish('r2');
    expect(delivered).toEqual([]);
    finish('r1');
    expect(delivered).toEqual(['r1', 'r2']);
  });

  test('a change does not wait for a read to be made, but to be delivered', () => {
    const { add, finish, started, delivered } = manual();
    add('r1', 'read');
    add('w1', 'change');
    expect(started).toEqual(['r1', 'w1']);
    finish('w1');
    expect(delivered).toEqual([]);
    finish('r1');
    expect(delivered).toEqual(['r1', 'w1']);
  });

  test('a read overtakes a sync, a change does not', () => {
    const { add, finish, started, delivered } = manual();
    add('s1', 'sync');
    add('r1', 'read');
    add('w1', 'change');
    add('r2', 'read');
    expect(started).toEqual(['s1', 'r1']);
    finish('r1');
    expect(delivered).toEqual(['r1']);
    finish('s1');
    expect(started).toEqual(['s1', 'r1', 'w1']);
    finish('w1');
    expect(started).toEqual(['s1', 'r1', 'w1', 'r2']);
    finish('r2');
    expect(delivered).toEqual(['r1', 's1', 'w1', 'r2']);
  });

  test('a sync waits for the changes before it', () => {
    const { add, finish, started } = manual();
    add('w1', 'change');
    add('s1', 'sync');
    expect(started).toEqual(['w1']);
    finish('w1');
    expect(started).toEqual(['w1', 's1']);
  });

  test('files do not wait for each other', () => {
    const { add, finish, started, delivered } = manual();
    add('a', 'change', 'a');
    add('b', 'change', 'b');
    expect(started).toEqual(['a', 'b']);
    finish('b');
    expect(delivered).toEqual(['b']);
  });

  test('what is asked for while completions are delivered keeps its place', () => {
    const order = new FileOrder();
    const log: string[] = [];
    const finishers: (() => void)[] = [];
    const add = (name: string, then?: () => void) =>
      order.add('a', 'change', (finished) => {
        finishers.push(() =>
          finished(() => {
            log.push(name);
            then?.();
          }),
        );
      });
    add('first', () => add('third'));
    add('second');
    finishers.shift()?.();
    finishers.shift()?.();
    finishers.shift()?.();
    expect(log).toEqual(['first', 'second', 'third']);
  });
});
