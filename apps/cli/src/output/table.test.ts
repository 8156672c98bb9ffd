import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Column, renderTable } from './table.ts';

const columns: readonly Column[] = [{ title: 'NAME' }, { title: 'OP', align: 'right' }, { title: 'MEMBERS' }];

describe('a table', () => {
  test('is aligned, without lines, colours and blanks at the ends', () => {
    const text = renderTable(
      columns,
      [
        ['shop/orders/0', 12, '0 1 2'],
        ['metadata', 1234, '0 1'],
      ],
      80,
    );
    expect(text.split('\n')).toEqual([
      'NAME             OP  MEMBERS',
      'shop/orders/0    12  0 1 2',
      'metadata       1234  0 1',
    ]);
  });

  test('escapes what could command the terminal', () => {
    expect(renderTable([{ title: 'A' }], [['x\x1b[2J']], 80)).toBe('A\nx\\x1b[2J');
  });

  test('wraps what does not fit and loses nothing of it', () => {
    const name = 'n'.repeat(255);
    const text = renderTable(columns, [[name, 9007199254740991, '0 1 2 3 4 5 6']], 80);
    expect(text.split('\n').every((line) => line.length <= 80)).toBe(true);
    expect(text.replace(/[^n]/g, '')).toBe(name);
    expect(text).toContain('9007199254740991');
  });

  test('is never wider than 80 columns, whatever stands in it', () => {
    const cell = fc.oneof(
      fc.string({ maxLength: 120 }),
      fc.nat().map(String),
      fc.string({ unit: 'binary', maxLength: 60 }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell, cell, cell), { maxLength: 4 }), (rows) => {
        const five = ['A', 'B', 'C', 'D', 'E'].map((title) => ({ title }));
        for (const line of renderTable(five, rows, 80).split('\n'))
          expect([...line].length).toBeLessThanOrEqual(80);
      }),
      { numRuns: 60 },
    );
  });
});
