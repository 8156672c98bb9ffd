// `npm run check`: everything that can be said about the code without running it. The steps share nothing,
// so they run at the same time and each prints only when it has something to say.
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');

const staticSteps = [
  { name: 'types', command: ['tsc', '-p', 'tsconfig.check.json'] },
  { name: 'lint and format', command: ['biome', 'ci', '--error-on-warnings', '--colors=off'] },
  { name: 'unused exports', command: ['knip', '--no-config-hints', '--no-progress'] },
];
// Import arrows, the determinism rule and docs/proof.md. They are tests, so `npm test` runs them with all
// the others and asks for the static steps only.
const ruleStep = {
  name: 'architecture rules',
  command: ['vitest', 'run', 'test/src/architecture/', 'test/src/proof.test.ts', '--reporter=dot'],
};

/**
 * @param {{ name: string, command: string[] }} step
 * @returns {Promise<boolean>}
 */
function runStep({ name, command }) {
  const [program = '', ...args] = command;
  const startedMs = performance.now();
  return new Promise((done) => {
    const child = spawn(join(bin, program), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    /** @type {Buffer[]} */
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (code) => {
      const passed = code === 0;
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      if (!passed) process.stdout.write(Buffer.concat(output));
      console.log(`check: ${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      done(passed);
    });
  });
}

/**
 * Runs the checks and tells how many passed and failed.
 * @param {{ rules: boolean }} options `rules`: also the architecture rules, which are tests
 */
export async function runChecks({ rules }) {
  const results = await Promise.all([...staticSteps, ...(rules ? [ruleStep] : [])].map(runStep));
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed };
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { failed } = await runChecks({ rules: true });
  process.exitCode = failed === 0 ? 0 : 1;
}
