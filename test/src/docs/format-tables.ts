import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../architecture/workspaces.ts';

/** One row of a layout. */
interface Field {
  readonly at: number;
  readonly size: number;
  readonly name: string;
}

/** A heading of docs/formats.md that states a size, and the layout below it. */
export interface Layout {
  readonly title: string;
  readonly size: number;
  readonly fields: readonly Field[];
}

const page = readFileSync(join(repositoryRoot, 'docs', 'formats.md'), 'utf8');

/** All layouts of the page, by the title before the comma: `### Frame header, 32 bytes`. */
export function readLayouts(): ReadonlyMap<string, Layout> {
  const layouts = new Map<string, Layout>();
  for (const section of page.split(/^### /m).slice(1)) {
    const [, title, size] = /^(.+), (\d+) bytes\n/.exec(section) ?? [];
    if (title === undefined) continue;
    const rows = section.matchAll(/^\| (\d+) \| (\d+) \| (\w+) \|/gm);
    const fields = [...rows].map(([, at, bytes, name = '']) => ({
      at: Number(at),
      size: Number(bytes),
      name,
    }));
    layouts.set(title, { title, size: Number(size), fields });
  }
  return layouts;
}

/** Rows `| number | name | …` of the table whose first column is headed `column`. */
export function readNumbers(column: string): Record<string, number> {
  const [, rows = ''] =
    new RegExp(`^\\| ${column} \\|.*\\n\\|[ :|-]+\\n((?:\\|.*\\n)+)`, 'm').exec(page) ?? [];
  return Object.fromEntries(
    [...rows.matchAll(/^\| (\d+) \| (\w+) \|/gm)].map(([, number, name]) => [name, Number(number)]),
  );
}

/** Names with numbers from running text: `1 batch, 2 noop` in the line that begins with `start`. */
export function readList(start: string): Record<string, number> {
  const at = page.indexOf(start);
  const text = at < 0 ? '' : page.slice(at + start.length).split(/\s\||;|\.\n/)[0]!;
  return Object.fromEntries(
    [...text.matchAll(/(\d+) (\w+)/g)].map(([, number, name]) => [name, Number(number)]),
  );
}

/** A field of `bytes` as the page lays it out: a number up to 8 bytes, else hex digits. */
export function readField(layout: Layout, bytes: Buffer, name: string, start = 0): number | string {
  const field = layout.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`${layout.title} has no field ${name}`);
  const at = start + field.at;
  if (field.size === 8) return Number(bytes.readBigUInt64LE(at));
  if (field.size > 6) return bytes.toString('hex', at, at + field.size);
  return bytes.readUIntLE(at, field.size);
}
