import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a row of docs/proof.md names as the thing that shows its promise to be kept. */
export type Evidence =
  | { readonly kind: 'test'; readonly file: string; readonly name: string }
  | { readonly kind: 'simulator'; readonly name: string }
  | { readonly kind: 'figure'; readonly file: string; readonly anchor: string }
  | { readonly kind: 'open' };

export interface ProofRow {
  readonly line: number;
  readonly promise: string;
  readonly origin: string;
  readonly evidence: readonly Evidence[];
}

const columns = ['promise', 'where it comes from', 'shown by'];

/** Cells of a table line. `\|` is a bar inside a cell. */
function splitCells(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

function parseEvidence(entry: string, line: number): Evidence {
  const text = entry.trim().replaceAll('`', '');
  if (text === 'open') return { kind: 'open' };
  const [, kind, value = ''] = /^(test|simulator|figure):\s*(.+)$/.exec(text) ?? [];
  if (kind === 'test') {
    const at = value.indexOf(' > ');
    if (at > 0) return { kind, file: value.slice(0, at).trim(), name: value.slice(at + 3).trim() };
  } else if (kind === 'simulator') {
    return { kind, name: value.trim() };
  } else if (kind === 'figure') {
    const [file = '', anchor = ''] = value.trim().split('#');
    if (file !== '' && anchor !== '') return { kind, file, anchor };
  }
  throw new Error(`docs/proof.md:${line}: '${entry.trim()}' is none of test:, simulator:, figure:, open`);
}

/** Rows of every table with the three columns; entries of the last column are parted by `<br>`. */
export function parseProofTable(text: string): ProofRow[] {
  const rows: ProofRow[] = [];
  let inTable = false;
  for (const [index, source] of text.split('\n').entries()) {
    const line = index + 1;
    if (!source.trim().startsWith('|')) {
      inTable = false;
      continue;
    }
    const cells = splitCells(source);
    if (!inTable) {
      inTable = cells.join('|') === columns.join('|');
      if (!inTable)
        throw new Error(`docs/proof.md:${line}: a table here has the columns ${columns.join(', ')}`);
      continue;
    }
    if (cells.every((cell) => /^:?-+:?$/.test(cell))) continue;
    const [promise = '', origin = '', shownBy = ''] = cells;
    if (cells.length !== columns.length || promise === '' || origin === '' || shownBy === '') {
      throw new Error(`docs/proof.md:${line}: a row has three filled cells`);
    }
    const evidence = shownBy.split('<br>').map((entry) => parseEvidence(entry, line));
    rows.push({ line, promise, origin, evidence });
  }
  return rows;
}

export function readProofTable(root: string): ProofRow[] {
  return parseProofTable(readFileSync(join(root, 'docs', 'proof.md'), 'utf8'));
}
