// Makes sure that `dist` is what the sources say, then, when given a file, runs it:
//   node scripts/ensure-built.mjs                                    build everything if stale
//   node scripts/ensure-built.mjs --force                            let the compiler decide (`npm run build`)
//   node scripts/ensure-built.mjs packages/x/dist/main.js --seed 1   build x and what it needs, then run it
//
// The build is one `tsc -b` over the project references and not one turbo task a package: the compiler
// knows the same graph, works on it with threads in one process, and rebuilds what changed in well under a
// second; turbo would start a compiler per package to the same end. Turbo is kept for tests (turbo.json).
//
// Commands run the built files because loading TypeScript at start costs more than all of them together;
// the look at modification times here costs a few milliseconds.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// In node_modules so that `npm ci`, which may bring another compiler, makes every build stale.
const cache = join(root, 'node_modules', '.cache', 'vireo');
const lock = join(cache, 'build-lock');
const lockWaitMsMax = 120_000;

/**
 * When a project was last built with all it needs: the time of this file. One a project, so that a package
 * that does not compile stops only what depends on it.
 * @param {string} project
 */
const stampOf = (project) => join(cache, `built-${relative(root, project).replaceAll('/', '-') || 'all'}`);

/**
 * The project's directory and, through its references, those of all it needs.
 * @param {string} project
 * @param {Set<string>} found
 */
function projectsOf(project, found = new Set()) {
  if (found.has(project)) return found;
  found.add(project);
  /** @type {{ references?: { path: string }[] }} */
  const { references = [] } = JSON.parse(readFileSync(join(project, 'tsconfig.json'), 'utf8'));
  for (const { path } of references) projectsOf(join(project, path), found);
  return found;
}

/**
 * True when `directory` or anything in it changed after `sinceMs`. A directory's own time tells of a file
 * that was removed or renamed, which no remaining file's time does.
 * @param {string} directory
 * @param {number} sinceMs
 * @returns {boolean}
 */
function isTreeNewer(directory, sinceMs) {
  if (statSync(directory).mtimeMs >= sinceMs) return true;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (isTreeNewer(path, sinceMs)) return true;
    } else if (!entry.name.endsWith('.test.ts') && statSync(path).mtimeMs >= sinceMs) {
      return true;
    }
  }
  return false;
}

/** @param {string} path */
const modifiedMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs;

/** @param {string} target */
function isStale(target) {
  const builtMs = modifiedMs(stampOf(target));
  if (builtMs === undefined) return true;
  if ((modifiedMs(join(root, 'tsconfig.base.json')) ?? 0) >= builtMs) return true;
  for (const project of projectsOf(target)) {
    if ((modifiedMs(join(project, 'tsconfig.json')) ?? 0) >= builtMs) return true;
    if (project === root) continue;
    if ((modifiedMs(join(project, 'package.json')) ?? 0) >= builtMs) return true;
    // Without its build info the project's dist was removed by hand.
    if (modifiedMs(join(project, 'dist', 'tsconfig.tsbuildinfo')) === undefined) return true;
    if (isTreeNewer(join(project, 'src'), builtMs)) return true;
  }
  return false;
}

/** @param {number} milliseconds */
function sleep(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs `action` while no other process builds: a dozen commands started at once by a test must neither write
 * the same dist at the same time nor run one that is half written.
 * @template T
 * @param {() => T} action
 * @returns {T}
 */
function withLock(action) {
  mkdirSync(cache, { recursive: true });
  for (let waitedMs = 0; ; waitedMs += 50) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (waitedMs >= lockWaitMsMax) throw new Error(`another build has held ${lock} for too long`);
    sleep(50);
    let holder = 0;
    try {
      holder = Number(readFileSync(lock, 'utf8'));
    } catch {
      // Released between the two calls.
    }
    if (holder > 0 && !isAlive(holder)) rmSync(lock, { force: true });
  }
  try {
    return action();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** @param {string} target */
function build(target) {
  // The time before the compiler reads: a source edited while it runs is newer than the stamp.
  const started = new Date();
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (modifiedMs(compiler) === undefined) {
    console.error('vireo: dependencies are missing, run `npm ci` first');
    return 1;
  }
  const { status } = spawnSync(process.execPath, [compiler, '-b', target], {
    cwd: root,
    // The compiler's messages are about the build, not the answer of the command that was asked for.
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) return status ?? 1;
  for (const project of projectsOf(target)) {
    writeFileSync(stampOf(project), '');
    utimesSync(stampOf(project), started, started);
  }
  return 0;
}

/**
 * Builds `target`, a directory with a tsconfig.json, and what it needs, if a source is newer than its last
 * build. Ends the process with the compiler's code if that fails.
 */
export function ensureBuilt({ target = root, force = false } = {}) {
  if (!force && !isStale(target)) return;
  const code = withLock(() => (force || isStale(target) ? build(target) : 0));
  if (code !== 0) process.exit(code);
}

/**
 * Builds if stale, then runs a built file as if it had been started by node itself.
 * @param {string} file below the `dist` of its project
 */
export async function runBuilt(file) {
  const project = file.slice(0, file.lastIndexOf('/dist/'));
  ensureBuilt({ target: project });
  if (modifiedMs(file) === undefined) {
    console.error(`vireo: ${file} does not exist after the build: its source is missing`);
    process.exit(1);
  }
  process.argv[1] = file;
  await import(pathToFileURL(file).href);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [first, ...rest] = process.argv.slice(2);
  if (first === undefined || first === '--force') {
    ensureBuilt({ force: first === '--force' });
  } else {
    process.argv.splice(2, Number.POSITIVE_INFINITY, ...rest);
    await runBuilt(resolve(root, first));
  }
}
