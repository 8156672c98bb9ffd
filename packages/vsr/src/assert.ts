/**
 * A broken invariant of our own code. Never thrown for what comes from outside: a damaged or hostile message is
 * an error path. Whoever runs the replica ends the process with a dump; the group never goes on.
 */
export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed';
  readonly details: readonly unknown[];

  constructor(message: string, details: readonly unknown[]) {
    super(details.length === 0 ? message : `${message}: ${details.map(String).join(', ')}`);
    this.details = details;
  }
}

/** On in production too: a wrong step that goes on costs more than a node that stops. */
export function assert(condition: boolean, message: string, ...details: unknown[]): asserts condition {
  if (!condition) throw new AssertionFailed(message, details);
}
