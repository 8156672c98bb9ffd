import { parseArgs } from 'node:util';
import { runDemo } from './run-demo.ts';

/** `npm run demo [-- --repeat N]`: exits 0 only if everything that was sent came back, once and in order. */
const { values } = parseArgs({ options: { repeat: { type: 'string', default: '1' } } });

let failed = 0;
for (let run = 1; run <= Number(values.repeat); run++) {
  if (Number(values.repeat) > 1) console.log(`\nrun ${run} of ${values.repeat}`);
  const { rows, problems } = await runDemo((line) => console.log(`  ${line}`));
  console.log('');
  for (const [name, value] of rows) console.log(`  ${name.padEnd(30)} ${value}`);
  for (const problem of problems.slice(0, 10)) console.log(`  PROBLEM ${problem}`);
  if (problems.length > 0) failed++;
}
console.log('\n  Data: GeoNames (geonames.org), CC BY 4.0');
process.exitCode = failed === 0 ? 0 : 1;
