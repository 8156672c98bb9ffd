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
let ran = [];

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

/** @returns {Counts} */
function runVitest() {
  const scratch = mkdtempSync(join(tmpdir(), 'vireo-test-'));
  const reportFile = join(scratch, 'report.json');
  const { status } = spawnSync(
    join(root, 'node_modules', '.bin', 'vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  /** @type {FileResult[]} */
  const files = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')).testResults : [];
  rmSync(scratch, { recursive: true, force: true });

  ran = files.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      file: relative(root, name),
      name: [...ancestorTitles, title].join(' > '),
      status,
    })),
  );
  const passed = ran.filter(({ status }) => status === 'passed').length;
  let failed = ran.filter(({ status }) => status === 'failed').length;
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
    skipped: ran.length - passed - ran.filter((test) => test.status === 'failed').length,
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
 * In order; each has a name and returns what it counted. The simulator's fixed seeds get their place here,
 * after the proof, when packages/simulator has a main.ts; a step that cannot run counts as failed.
 * @type {{ name: string, run: () => Counts | Promise<Counts> }[]}
 */
const steps = [
  { name: 'build', run: runBuild },
  { name: 'check', run: runStaticChecks },
  { name: 'vitest', run: runVitest },
  { name: 'skips', run: checkSkips },
  { name: 'proof', run: checkProof },
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
