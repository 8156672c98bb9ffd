import { drawProfile, simulate } from '../cluster/index.ts';
import type { Arguments } from './arguments.ts';

/** What came of the runs from one first seed on; one JSON line for the parent process. */
export interface HuntLine {
  readonly first: number;
  /** Runs up to the first failure, that one included; all of them when none failed. */
  readonly seeds: number;
  /** Whose failure; null: none. */
  readonly checker: string | null;
  readonly message: string | null;
}

/** Runs the default profile from each first seed until a run fails; ends at a first seed from which none does. */
export function hunt({ firsts, most }: Arguments): void {
  for (const first of firsts) {
    const line = huntFrom(first, most);
    console.log(JSON.stringify(line));
    if (line.checker === null) return;
  }
}

function huntFrom(first: number, most: number): HuntLine {
  for (let seeds = 1; seeds <= most; seeds += 1) {
    const { failure } = simulate(drawProfile(first + seeds - 1));
    if (failure === null) continue;
    return { first, seeds, checker: failure.checker, message: failure.message.split('\n')[0] ?? '' };
  }
  return { first, seeds: most, checker: null, message: null };
}
