import Table from 'cli-table3';
import { readableText } from './value-text.ts';

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Numbers are read from the right. Default left. */
  readonly align?: 'left' | 'right';
}

/** Between two columns. */
const GAP = 2;
/** A column is never made narrower than this, or than its content if that is less. */
const WIDTH_MIN = 6;

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
} as const;

/**
 * A table without lines, no wider than `width` characters: what does not fit is wrapped inside its column, the
 * widest first, and never cut off. Cells have their control characters escaped; nothing is coloured.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
  width: number,
): string {
  const cells = rows.map((row) => row.map((cell) => readableText(String(cell))));
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align = 'left' }) => align),
    colWidths: columnWidths(columns, cells, width),
    wordWrap: true,
    wrapOnWordBoundary: false,
  });
  table.push(...cells);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Natural widths, the widest made narrower until all fit. */
function columnWidths(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  width: number,
): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[index] ?? '')), 1),
  );
  let excess = widths.reduce((sum, each) => sum + each, 0) + GAP * (columns.length - 1) - width;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= WIDTH_MIN) break;
    widths[widest]!--;
    excess--;
  }
  return widths;
}

/**
 * Terminal columns that a text takes; wide for East Asian scripts and emoji. An estimate from above: too many
 * columns cost a little room, too few would break the layout.
 */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += character.codePointAt(0)! >= 0x1100 ? 2 : 1;
  return width;
}
