import { CommandError, UsageError } from '../errors.ts';
import { type ErrorSubject, hintFor } from './hints.ts';
import { readableText } from './value-text.ts';

/** The command did what was asked. */
export const EXIT_OK = 0;
/** It was refused, or failed. */
const EXIT_FAILED = 1;
/** The command line was wrong; nothing was done. */
const EXIT_USAGE = 2;

/** An error as the command shows it, and as `--json` prints it. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Only of errors that come from the servers or the way to them. */
  readonly retryable?: boolean;
  readonly outcome?: string;
  readonly details?: unknown;
}

/** Errors of `@vireo/protocol` by their brand: this module must not load the package to print a usage error. */
interface VireoErrorShape {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly outcome: string;
  readonly details: unknown;
}

const VIREO_ERROR = Symbol.for('vireo.error');

function isVireoError(error: unknown): error is VireoErrorShape {
  return typeof error === 'object' && error !== null && VIREO_ERROR in error;
}

/** What to tell of `error`, whatever was thrown. */
export function reportError(error: unknown, subject: ErrorSubject = {}): ErrorReport {
  if (error instanceof UsageError) return { code: 'usage', message: error.message, ...hinted(error.hint) };
  if (error instanceof CommandError) {
    const { code, message, hint, details } = error;
    return { code, message, ...hinted(hint ?? hintFor(code, subject)), ...(details && { details }) };
  }
  if (isVireoError(error)) {
    const { code, message, retryable, outcome, details } = error;
    return {
      code,
      message,
      ...hinted(hintFor(code, subject)),
      retryable,
      outcome,
      ...(details !== undefined && { details }),
    };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

function hinted(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

/** The exit code that goes with an error. */
export function exitCodeOf(report: ErrorReport): number {
  return report.code === 'usage' ? EXIT_USAGE : EXIT_FAILED;
}

/** `error CODE: message`, then a line `hint: …` if there is one; or one JSON line. For standard error. */
export function renderError(report: ErrorReport, json: boolean): string {
  if (json) return JSON.stringify({ error: report });
  const line = `error ${report.code}: ${readableText(report.message)}`;
  return report.hint === undefined ? line : `${line}\nhint: ${readableText(report.hint)}`;
}
