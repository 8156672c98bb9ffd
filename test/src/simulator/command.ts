import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../architecture/workspaces.ts';

export interface CommandResult {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

/** Runs `npm run simulate -- ARGS` in `directory`, built first if it is stale. */
export function simulateCommand(directory: string, ...args: string[]): CommandResult {
  const built = join(repositoryRoot, 'scripts', 'ensure-built.mjs');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [built, 'packages/simulator/dist/main.js', ...args],
    { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  return { code: status, out: stdout, errors: stderr };
}
