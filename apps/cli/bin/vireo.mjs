#!/usr/bin/env node
// Committed as plain JavaScript because npm links a workspace's command only if its file exists at `npm ci`,
// before anything was built.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/main.js', import.meta.url);
// Present in a checkout only; an installed package brings its dist.
const ensureBuilt = new URL('../../../scripts/ensure-built.mjs', import.meta.url);

if (existsSync(ensureBuilt)) {
  const { runBuilt } = await import(ensureBuilt.href);
  await runBuilt(fileURLToPath(main));
} else {
  await import(main.href);
}
