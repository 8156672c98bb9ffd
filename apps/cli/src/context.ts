import type { Readable } from 'node:stream';
import type { ErrorSubject } from './output/hints.ts';
import type { Output } from './output/output.ts';

/** What every command gets besides its own arguments. */
export interface CommandContext {
  /** Where to find a cluster: `host:port` of one or more of its nodes. */
  readonly servers: readonly string[];
  readonly output: Output;
  /** Standard input; not opened by commands that do not read it. */
  readonly input: () => Readable;
  /** Aborted by SIGINT, SIGTERM, and when standard output was closed. */
  readonly signal: AbortSignal;
  /** What the command is about, for the hints of its errors. */
  subject: ErrorSubject;
  /** What the process ends with when the command does not throw. */
  exitCode: number;
}
