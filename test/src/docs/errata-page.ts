import { type CoverageRow, coverage, mutants as putBack } from '@vireo/simulator';
import { errata, reasons } from './errata.ts';

const intro = `# Errata

<!-- Written by test/src/docs/errata.test.ts from errata.ts beside it and from the simulator's coverage table:
\`npx vitest run test/src/docs -u\` -->

Continues [the protocol](../protocol.md) and [restart and recovery](restart.md).

Viewstamped Replication has a short paper, and a long list of defects found in it and in its implementations since. Each
row: the defect, our rule, where it stands in the code, and the **mutant** that puts the defect back. The simulator has to
find every mutant (\`npm run simulate -- --mutants\`), or it would not notice if the rule were lost by accident. A row without a
mutant says what it waits for. § is the section of the paper; files are below \`packages/\`.

## The known errata

| # | § | defect | rule | where | guarded by |
| --- | --- | --- | --- | --- | --- |
`;

const outro = `
## Variants that lose data

Defects that a search of the rules found, or others had; each would pass for a simplification. They are mutants of the same
kind.

| variant | why not, or the rule that it breaks | guarded by |
| --- | --- | --- |
`;

const mutants = coverage.filter(({ kind }) => kind === 'mutant');
const isErratum = ({ name }: CoverageRow) => /^E\d+ /.test(name);

function guard({ standing }: CoverageRow): string {
  switch (standing.state) {
    case 'found':
      return `\`${standing.mutant}\``;
    case 'directed':
      return `\`${standing.mutant}\` (in \`${standing.scenario}\` alone: ${standing.why})`;
    case 'sought':
      return `\`${standing.mutant}\` (${standing.tried})`;
    case 'in place':
      return standing.by;
    case 'waits':
      return `waits for ${standing.for}`;
  }
}

function reasonOf({ name, standing }: CoverageRow): string {
  const mutant =
    standing.state === 'found' || standing.state === 'directed'
      ? putBack.find((each) => each.name === standing.mutant)
      : undefined;
  return reasons[name] ?? mutant?.rule ?? '–';
}

/** docs/protocol/errata.md. */
export function errataPage(): string {
  const known = Object.entries(errata).map(([number, { section, defect, rule, files }]) => {
    const guards = mutants.filter(({ name }) => name.startsWith(`${number} `)).map(guard);
    const where = files.map((file) => `\`${file}\``).join(' ');
    return `| ${number} | ${section} | ${defect} | ${rule} | ${where} | ${guards.join(', ')} |\n`;
  });
  const variants = mutants
    .filter((row) => !isErratum(row))
    .map((row) => `| ${row.name} | ${reasonOf(row)} | ${guard(row)} |\n`);
  return intro + known.join('') + outro + variants.join('');
}
