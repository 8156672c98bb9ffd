import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { exploreUsage, parseExploreArguments } from './cli/explore-arguments.ts';
import { defects } from './explorer/defects.ts';

/** `npm run explore`: the exhaustive search of one small group. */

const main = fileURLToPath(import.meta.url);
const argv = process.argv.slice(2);
const args = parseExploreArguments(argv);

if (argv.includes('--help')) {
  console.log(exploreUsage);
} else if (typeof args === 'string') {
  console.error(`${args}\n\n${exploreUsage}`);
  process.exitCode = 2;
} else if (args.allDefects) {
  const { exploreDefects } = await import('./cli/explore-defects.ts');
  process.exitCode = exploreDefects(main);
} else {
  const { defect } = args;
  const edits = defects.find(({ name }) => name === defect)?.edits;
  if (edits !== undefined) register('./mutants/hooks.js', import.meta.url, { data: edits });
  // Only now: what is loaded from here on is the code under search, with the defect in it.
  const { explore } = await import('./cli/explore.ts');
  process.exitCode = explore(args);
}
