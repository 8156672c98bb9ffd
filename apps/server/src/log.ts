import type { EventLog } from '@vireo/node';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

/** Events of the process itself; those of the node are in the broker's table. Stable, like them. */
export const ServerEventNames = {
  'server.starting': 'the settings are valid and the data directory is being opened',
  'server.listening': 'clients can connect; fields say where, and where health and metrics are',
  'server.signal': 'a signal or the end of the parent asked the process to stop',
  'server.stopped': 'the process ends; `clean` false: a restart recovers as from a kill',
  'server.refused': 'the process does not start; fields code and message say why',
  'server.failed': 'the node can not go on; fields code and message say why',
} as const;

/** Name of an event of the process. */
export type ServerEventName = keyof typeof ServerEventNames;

/** How the log looks. */
export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'auto' | 'json' | 'pretty';
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Default: standard output. */
  readonly output?: DestinationStream;
}

/** The log of the process: one JSON object a line, one event each, with its stable name in `event`. */
export class ServerLog implements EventLog {
  readonly #logger: Logger;

  constructor({ level, format: wanted, terminal, output }: LogOptions) {
    const pretty = wanted === 'pretty' || (wanted === 'auto' && terminal);
    // Synchronous, because the last lines before an end are the ones that are looked for.
    const stdout = output ?? destination({ fd: 1, sync: true });
    // A reader of the log that goes away must not take the node with it.
    if (output === undefined) (stdout as ReturnType<typeof destination>).on('error', () => {});
    const options = {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    if (!pretty) {
      this.#logger = pino(options, stdout);
      return;
    }
    const format = prettyFactory({
      colorize: terminal && process.env.NO_COLOR === undefined,
      messageFormat: '{event}',
      ignore: 'event',
    });
    this.#logger = pino(options, { write: (line) => stdout.write(format(line)) });
  }

  event(
    level: 'debug' | 'info' | 'warn' | 'error',
    name: ServerEventName | Parameters<EventLog['event']>[1],
    fields: Record<string, unknown>,
  ): void {
    this.#logger[level]({ event: name, ...fields });
  }
}

/** The line on standard error of a process that does not start or can not go on. */
export function fatalLine(
  event: 'server.refused' | 'server.failed',
  fields: { readonly code: string; readonly message: string },
  terminal: boolean,
): string {
  if (terminal) return `vireo: ${fields.code}: ${fields.message}\n`;
  return `${JSON.stringify({ level: 'fatal', time: new Date().toISOString(), event, ...fields })}\n`;
}
