import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { coverage } from '../coverage-table.ts';
import { type Mutant, mutants } from '../mutants/index.ts';
import type { Arguments } from './arguments.ts';
import type { HuntLine } from './hunt.ts';

/** A mutant counts as found when it is found from each of these. */
const firstSeeds = [1, 10_001, 20_001, 30_001, 40_001];
const seedsMax = 2_000;

/** Where to look for a mutant. */
interface Search {
  readonly firsts: readonly number[];
  readonly most: number;
}

/**
 * Looks for mutants: all of them, or those of `--only`. `--quick` looks from one first seed only, the one from which
 * the coverage table says that the mutant is found soonest, and not much further than its longest hunt: a check that they are
 * still found, not proof; mutants that were not found from all first seeds yet are left out. Returns the exit code: 0 when all were found by a checker that may.
 */
export function runMutants(main: string, { only, quick }: Arguments): number {
  const unknown = only.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    console.error(`there is no mutant ${unknown.join(', ')}`);
    return 2;
  }
  const named = only.length === 0 ? mutants : mutants.filter(({ name }) => only.includes(name));
  const isSettled = (mutant: Mutant): boolean => seedsOf(mutant) !== null || directedOf(mutant) !== null;
  const wanted = quick ? named.filter(isSettled) : named;
  const unmutated = new Unmutated(main);
  let missed = 0;
  for (const mutant of wanted) {
    const directed = directedOf(mutant);
    if (directed !== null) {
      const isFound = showsIn(main, mutant, directed.scenario, directed.by);
      if (!isFound) missed += 1;
      console.log(
        `${mutant.name}: ${isFound ? `found by ${directed.by}` : 'NOT FOUND'} in ${directed.scenario}, a scenario`,
      );
      continue;
    }
    const search = quick ? quickSearch(mutant) : { firsts: firstSeeds, most: seedsMax };
    const { found, problem } = look(main, mutant, search, unmutated);
    const checkers = [...new Set(found.map(({ checker }) => checker))].join(', ');
    if (problem === null) {
      console.log(
        `${mutant.name}: found in ${found.map(({ seeds }) => seeds).join(', ')} seeds by ${checkers}`,
      );
    } else {
      missed += 1;
      const before = checkers === '' ? '' : `; from the others by ${checkers}`;
      console.log(`${mutant.name}: NOT FOUND (${problem})${before}`);
    }
  }
  console.log(`${wanted.length - missed} of ${wanted.length} mutants found${quick ? ', quickly' : ''}`);
  return missed === 0 ? 0 : 1;
}

/** Seeds that the coverage table gives for each first seed; null: it was not found from all of them yet. */
function seedsOf({ name }: Mutant): number[] | null {
  for (const { standing } of coverage) {
    if (standing.state === 'found' && standing.mutant === name) return standing.seeds.split(', ').map(Number);
  }
  return null;
}

/** The scenario on which a mutant rests alone, as the coverage table says. */
function directedOf({ name }: Mutant): { readonly scenario: string; readonly by: string } | null {
  for (const { standing } of coverage)
    if (standing.state === 'directed' && standing.mutant === name) return standing;
  return null;
}

/** Whether the scenario passes as the code is, and fails with the mutant by the checker that may find it. */
function showsIn(main: string, mutant: Mutant, scenario: string, by: string): boolean {
  const file = join(dirname(main), '..', '..', '..', 'test', 'scenarios', `${scenario}.json`);
  const run = (...options: string[]) =>
    spawnSync(process.execPath, [main, '--scenario', file, ...options], { encoding: 'utf8' });
  if (run().status !== 0) return false;
  return run('--mutant', mutant.name).stdout.includes(`checker ${by}`);
}

function quickSearch(mutant: Mutant): Search {
  const seeds = seedsOf(mutant) ?? [seedsMax];
  const least = Math.min(...seeds);
  return { firsts: [firstSeeds[seeds.indexOf(least)] ?? 1], most: 2 * Math.max(...seeds) + 40 };
}

/** Each mutant runs in a process of its own: it changes modules while they are loaded. */
function look(
  main: string,
  mutant: Mutant,
  search: Search,
  unmutated: Unmutated,
): { found: HuntLine[]; problem: string | null } {
  const answer = runHunt(main, search, ['--mutant', mutant.name]);
  if (typeof answer === 'string') return { found: [], problem: answer };
  const found = answer.filter(({ checker }) => checker !== null);
  const problem = problemOf(mutant, answer, search) ?? unmutated.problem(found);
  return { found, problem };
}

function problemOf(mutant: Mutant, lines: readonly HuntLine[], search: Search): string | null {
  for (const { first, seeds, checker, message } of lines) {
    if (checker === null) return `not from seed ${first} within ${seeds}`;
    if (!(mutant.finders as readonly string[]).includes(checker)) {
      return `from seed ${first} after ${seeds} by ${checker}, which may not: ${message}`;
    }
  }
  return lines.length === search.firsts.length ? null : 'its process ended early';
}

/** Lines of a hunt in a process of its own; a text says what was wrong with that. */
function runHunt(main: string, { firsts, most }: Search, options: readonly string[]): HuntLine[] | string {
  const child = spawnSync(
    process.execPath,
    [main, '--hunt', firsts.join(','), '--most', String(most), ...options],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (child.status !== 0) return child.stderr.trim().split('\n').slice(-5).join(' | ');
  const lines = child.stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as HuntLine);
}

/** A failure that the code shows without the mutant says nothing of the mutant. Each seed is run once. */
class Unmutated {
  readonly #main: string;
  readonly #passed = new Set<number>();

  constructor(main: string) {
    this.#main = main;
  }

  /** Whether the code as it is fails at a seed at which a mutant was found. */
  problem(found: readonly HuntLine[]): string | null {
    for (const seed of found.map(({ first, seeds }) => first + seeds - 1)) {
      if (this.#passed.has(seed)) continue;
      const answer = runHunt(this.#main, { firsts: [seed], most: 1 }, []);
      if (typeof answer === 'string') return answer;
      if (answer[0]?.checker !== null) return `seed ${seed} fails without the mutant too`;
      this.#passed.add(seed);
    }
    return null;
  }
}
