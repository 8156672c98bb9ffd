/**
 * The command line itself is wrong: nothing was asked of a server. Rendered as `error usage: …` with a pointer
 * to the command's help; exit code 2, so that scripts can tell it from a refusal (1).
 */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}

/**
 * What the command found out on its own, with a literal code and what to do about it: a port in use, a node
 * that does not start. Exit code 1.
 */
export class CommandError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: string, message: string, hint?: string, details?: Readonly<Record<string, unknown>>) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}

/** The reason with which a command is aborted by a signal; its exit code is what shells expect of one. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`);
    this.name = 'Interrupted';
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}
