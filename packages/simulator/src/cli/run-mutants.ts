import { spawnSync } from 'node:child_process';
import { type Mutant, mutants } from '../mutants/index.ts';

/** A mutant counts as found when it is found from each of these. */
const firstSeeds = [1, 10_001, 20_001, 30_001, 40_001];
const seedsMax = 2_000;

interface Found {
  readonly seeds: number;
  readonly checker: string;
}

/** Looks for every mutant. Returns the exit code: 0 when all were found by a checker that may. */
export function runMutants(main: string): number {
  let missed = 0;
  for (const mutant of mutants) {
    const found: Found[] = [];
    let problem: string | null = null;
    for (const first of firstSeeds) {
      const outcome = hunt(main, mutant, first);
      if (typeof outcome === 'string') {
        problem = outcome;
        break;
      }
      found.push(outcome);
    }
    const checkers = [...new Set(found.map(({ checker }) => checker))].join(', ');
    if (problem === null) {
      console.log(
        `${mutant.name}: found in ${found.map(({ seeds }) => seeds).join(', ')} seeds by ${checkers}`,
      );
    } else {
      missed += 1;
      console.log(
        `${mutant.name}: NOT FOUND (${problem})${checkers === '' ? '' : `; before by ${checkers}`}`,
      );
    }
  }
  console.log(`${mutants.length - missed} of ${mutants.length} mutants found`);
  return missed === 0 ? 0 : 1;
}

/** Each mutant runs in a process of its own: it changes modules while they are loaded. */
function hunt(main: string, mutant: Mutant, first: number): Found | string {
  const child = spawnSync(
    process.execPath,
    [main, '--mutant', mutant.name, '--seeds', `${first}..${first + seedsMax - 1}`, '--json'],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const lines = child.stdout.split('\n').filter((line) => line !== '');
  const last = lines.at(-1);
  if (last === undefined) return child.stderr.trim().split('\n').slice(-5).join(' | ');
  const { checker, message } = JSON.parse(last) as { checker: string | null; message: string | null };
  if (checker === null) return `not from seed ${first} within ${lines.length}`;
  if (!(mutant.finders as readonly string[]).includes(checker)) {
    return `from seed ${first} by ${checker}, which may not: ${message}`;
  }
  const seed = first + lines.length - 1;
  // A failure that the code shows without the mutant says nothing of the mutant.
  const unmutated = spawnSync(process.execPath, [main, '--seed', String(seed), '--json'], {
    encoding: 'utf8',
  });
  if (unmutated.status !== 0) return `seed ${seed} fails without the mutant too`;
  return { seeds: lines.length, checker };
}
