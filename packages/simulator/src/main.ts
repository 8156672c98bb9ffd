import { spawnSync } from 'node:child_process';
import { register } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArguments, usage } from './cli/arguments.ts';
import { mutants } from './mutants/index.ts';

/** The commit of the working tree, for the report; null outside of git. */
function commitName(directory: string): string | null {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: directory, encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : null;
}

const main = fileURLToPath(import.meta.url);
const args = parseArguments(process.argv.slice(2));

if (typeof args === 'string') {
  console.error(`${args}\n\n${usage}`);
  process.exitCode = 2;
} else if (args.mode === 'mutants') {
  const { runMutants } = await import('./cli/run-mutants.ts');
  process.exitCode = runMutants(main, args);
} else {
  const mutant = mutants.find(({ name }) => name === args.mutant);
  if (args.mutant !== null && mutant === undefined) {
    console.error(
      `there is no mutant ${args.mutant}; there are ${mutants.map(({ name }) => name).join(', ')}`,
    );
    process.exitCode = 2;
  } else {
    if (mutant !== undefined) register('./mutants/hooks.js', import.meta.url, { data: mutant.edits });
    // Only now: what is loaded from here on is the production code, with the mutant in it.
    const commit = args.json ? null : commitName(dirname(main));
    if (args.mode === 'hunt') (await import('./cli/hunt.ts')).hunt(args);
    else if (args.mode === 'scenario') {
      process.exitCode = (await import('./cli/run-scenario.ts')).runScenario(args, commit);
    } else if (args.mode === 'dump') {
      process.exitCode = (await import('./cli/run-dump.ts')).runDump(args.file);
    } else if (args.mode === 'fleet') {
      process.exitCode = (await import('./cli/run-fleet.ts')).runFleet(args, commit);
    } else if (args.jobs > 1) {
      process.exitCode = await (await import('./cli/run-jobs.ts')).runJobs(args, main, commit);
    } else {
      const { runSeeds } = await import('./cli/run-seeds.ts');
      process.exitCode = runSeeds(args, main, commit);
    }
  }
}
