import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** What a package may import from other packages here, and whether it must be deterministic. */
interface Workspace {
  readonly directory: string;
  readonly mayImport: readonly string[];
  readonly pure: boolean;
}

/**
 * The only arrows between packages. `protocol` may be imported by all. What is missing here fails the check,
 * so a new package starts with a line that says what it may touch.
 */
export const workspaces: Readonly<Record<string, Workspace>> = {
  protocol: { directory: 'packages/protocol', mayImport: [], pure: true },
  vsr: { directory: 'packages/vsr', mayImport: ['protocol'], pure: true },
  storage: { directory: 'packages/storage', mayImport: ['protocol'], pure: true },
  broker: { directory: 'packages/broker', mayImport: ['protocol', 'vsr', 'storage'], pure: true },
  simulator: {
    directory: 'packages/simulator',
    mayImport: ['protocol', 'vsr', 'storage', 'broker'],
    pure: false,
  },
  node: { directory: 'packages/node', mayImport: ['protocol', 'vsr', 'storage', 'broker'], pure: false },
  client: { directory: 'packages/client', mayImport: ['protocol'], pure: false },
  testing: { directory: 'packages/testing', mayImport: ['protocol', 'node', 'client'], pure: false },
  server: { directory: 'apps/server', mayImport: ['protocol', 'node'], pure: false },
  gateway: { directory: 'apps/gateway', mayImport: ['protocol', 'client'], pure: false },
  // Offline tools read segments and journals through `storage`. The server is started, never imported.
  cli: { directory: 'apps/cli', mayImport: ['protocol', 'storage', 'client'], pure: false },
  // What somebody can write who has installed the SDK, or replication alone.
  examples: { directory: 'examples', mayImport: ['protocol', 'vsr', 'client'], pure: false },
  benchmarks: { directory: 'benchmarks', mayImport: ['*'], pure: false },
  test: { directory: 'test', mayImport: ['*'], pure: false },
};

/** Packages that are needed as a process to start: a dependency in package.json, never an import. */
export const startedNotImported: Readonly<Record<string, readonly string[]>> = { cli: ['server'] };

export interface SourceFile {
  /** Path from the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript sources of a workspace; none when the directory does not exist yet. */
export function readSources(directory: string): SourceFile[] {
  const source = join(repositoryRoot, directory, 'src');
  let names: string[];
  try {
    names = readdirSync(source, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(source, name))
    .map((path) => ({ path: relative(repositoryRoot, path), text: readFileSync(path, 'utf8') }));
}
