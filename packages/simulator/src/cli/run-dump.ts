import { readFileSync } from 'node:fs';
import { playDump } from '../dump/play-dump.ts';
import { readDump } from '../dump/read-dump.ts';

/** Goes through the dump of a node. Returns the exit code: 2 when the file holds none. */
export function runDump(file: string): number {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    console.error(`${file} can not be read: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const dump = readDump(content);
  if (typeof dump === 'string') {
    console.error(`${file}: ${dump}`);
    return 2;
  }
  playDump(dump, (line) => console.log(line));
  return 0;
}
