// `npm test`: the whole gate, as a list of steps. Every step adds its counts; the last line is their sum.
// A test that is skipped fails the gate unless test/allowed-skips.json gives its name and the reason.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './check.mjs';
import { ensureBuilt } from './ensure-built.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/** @typedef {{ ancestorTitles: string[], title: string, status: string }} Assertion */
/** @typedef {{ name: string, status: string, message?: string, assertionResults: Assertion[] }} FileResult */
/** @typedef {{ file: string, name: string, status: string }} TestResult */

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What vitest ran, for the steps after it. @type {TestResult[]} */
const ran = [];

/** @param {string} text */
const complain = (text) => console.error(`test: ${text}`);

/** @returns {Counts} */
function runBuild() {
  // Ends the process when it fails: nothing behind it would test what is written.
  ensureBuilt({ force: true });
  return { passed: 0, failed: 0, skipped: 0 };
}

/** @returns {Promise<Counts>} */
async function runStaticChecks() {
  return { ...(await runChecks({ rules: false })), skipped: 0 };
}

/**
 * Tests that start clusters of real processes: one file after another, since each wants the whole machine and
 * some of them measure how long things take.
 */
const PROCESS_TESTS = [
  'test/src/faults/',
  'test/src/bad-input/',
  'test/src/docs/examples',
  'apps/cli/src/e2e',
  'apps/cli/src/memory.e2e',
  'apps/server/src/main.test.ts',
];

/** @returns {Counts} */
function runUnitTests() {
  return runVitest(PROCESS_TESTS.flatMap((path) => ['--exclude', `${path}**`]));
}

/** @returns {Counts} */
function runProcessTests() {
  return runVitest(['--no-file-parallelism', ...PROCESS_TESTS]);
}

/**
 * @param {string[]} options
 * @returns {Counts}
 */
function runVitest(options) {
  const scratch = mkdtempSync(join(tmpdir(), 'vireo-test-'));
  const reportFile = join(scratch, 'report.json');
  const { status } = spawnSync(
    join(root, 'node_modules', '.bin', 'vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, ...options],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  /** @type {FileResult[]} */
  const files = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')).testResults : [];
  rmSync(scratch, { recursive: true, force: true });

  const these = files.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      file: relative(root, name),
      name: [...ancestorTitles, title].join(' > '),
      status,
    })),
  );
  ran.push(...these);
  const passed = these.filter(({ status }) => status === 'passed').length;
  let failed = these.filter(({ status }) => status === 'failed').length;
  // A file that did not load has no tests to count; it is one failure of its own.
  failed += files.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  ).length;
  if (status !== 0 && failed === 0) {
    complain('vitest failed outside any test');
    failed = 1;
  }
  if (passed === 0) {
    complain('vitest ran no test');
    failed += 1;
  }
  return {
    passed,
    failed,
    skipped: these.length - passed - these.filter((test) => test.status === 'failed').length,
  };
}

/** @returns {Counts} */
function checkSkips() {
  /** @type {{ name: string, reason: string }[]} */
  const allowed = JSON.parse(readFileSync(join(root, 'test', 'allowed-skips.json'), 'utf8'));
  let failed = 0;
  for (const { file, name, status } of ran) {
    if (status === 'passed' || status === 'failed') continue;
    if (allowed.some((entry) => entry.name === name && entry.reason.length > 0)) continue;
    complain(`skipped without a reason in test/allowed-skips.json: ${file} > ${name}`);
    failed += 1;
  }
  return { passed: 0, failed, skipped: 0 };
}

/**
 * Every test that docs/proof.md names has run and passed. A name may be a whole path of describes, a part of
 * one, or a describe alone: then all tests below it.
 * @returns {Promise<Counts>}
 */
async function checkProof() {
  const table = join(root, 'test', 'dist', 'proof', 'proof-table.js');
  const { readProofTable } = await import(table);
  let failed = 0;
  for (const { line, evidence } of readProofTable(root)) {
    for (const item of evidence) {
      if (item.kind !== 'test') continue;
      const named = ran.filter(
        ({ file, name }) => file === item.file && ` > ${name} > `.includes(` > ${item.name} > `),
      );
      if (named.length > 0 && named.every(({ status }) => status === 'passed')) continue;
      complain(`docs/proof.md:${line}: did not run and pass: ${item.file} > ${item.name}`);
      failed += 1;
    }
  }
  return { passed: 0, failed, skipped: 0 };
}

/**
 * Fixed seeds of the simulator, and the trace hashes of some compared with a second process.
 * @returns {Counts}
 */
function runSimulator() {
  const main = join(root, 'packages', 'simulator', 'dist', 'main.js');
  const { status, stdout } = spawnSync(
    process.execPath,
    [main, '--seeds', '1..200', '--verify-hash', '--keep-going'],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  process.stdout.write(stdout);
  const counts = /(\d+) passed, (\d+) failed/.exec(stdout);
  const passed = Number(counts?.[1] ?? 0);
  // A floor that was not reached, or hashes that differ, fail the run though every seed has passed.
  const failed = Math.max(Number(counts?.[2] ?? 1), status === 0 ? 0 : 1);
  return { passed, failed, skipped: 0 };
}

/** @returns {Counts} */
function runDemo() {
  const main = join(root, 'test', 'dist', 'demo', 'main.js');
  const { status } = spawnSync(process.execPath, [main, '--repeat', '3'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0 ? { passed: 3, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/**
 * In order; each has a name and returns what it counted. A step that cannot run counts as failed.
 * @type {{ name: string, run: () => Counts | Promise<Counts> }[]}
 */
const steps = [
  { name: 'build', run: runBuild },
  { name: 'check', run: runStaticChecks },
  { name: 'unit tests', run: runUnitTests },
  { name: 'process tests', run: runProcessTests },
  { name: 'skips', run: checkSkips },
  { name: 'proof', run: checkProof },
  { name: 'simulator', run: runSimulator },
  { name: 'demo', run: runDemo },
];

/** @type {Counts} */
const total = { passed: 0, failed: 0, skipped: 0 };
for (const { name, run } of steps) {
  /** @type {Counts} */
  let counts;
  try {
    counts = await run();
  } catch (error) {
    complain(`step ${name}: ${error instanceof Error ? error.stack : error}`);
    counts = { passed: 0, failed: 1, skipped: 0 };
  }
  if (counts.failed > 0) complain(`step ${name}: ${counts.failed} failed`);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
