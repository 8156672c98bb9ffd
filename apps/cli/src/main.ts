import { Interrupted } from './errors.ts';
import { run } from './run.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Once: whoever asks a second time means at once, and gets what the system does then.
  process.once(signal, () => stop.abort(new Interrupted(signal)));
}
process.exitCode = await run(process.argv.slice(2), process, stop.signal);
