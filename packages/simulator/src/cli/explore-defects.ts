import { spawnSync } from 'node:child_process';
import { defects } from '../explorer/defects.ts';

/** Looks for every defect within its bounds. Returns the exit code: 0 when all were found. */
export function exploreDefects(main: string): number {
  let missed = 0;
  for (const { name } of defects) {
    // A process each: a defect is put into modules while they are loaded.
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--mutant', name], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    const lines = stdout.split('\n');
    if (status === 1) {
      const rule = lines.find((line) => line.includes('VIOLATION:'))?.trim() ?? '';
      console.log(`${name}: found, ${lines[1]?.split(';')[0] ?? ''}; ${rule}`);
      continue;
    }
    missed++;
    console.log(`${name}: NOT FOUND: ${lines[0]} ${lines[1]} ${stderr.trim().split('\n').at(-1)}`);
  }
  console.log(`${defects.length - missed} of ${defects.length} defects found`);
  return missed === 0 ? 0 : 1;
}
