import type { Readable } from 'node:stream';
import { type Command, CommanderError } from 'commander';
import type { CommandContext } from './context.ts';
import { CommandError, Interrupted, UsageError } from './errors.ts';
import { Output, type OutputStream } from './output/output.ts';
import { EXIT_OK, exitCodeOf, renderError, reportError } from './output/render-error.ts';
import { buildProgram } from './program.ts';

/** The ways into and out of the process. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/**
 * Runs one command line, without the two words that start every one. What goes wrong is told on standard error
 * and in the exit code; the promise never rejects.
 *
 * @param stop Aborted with an `Interrupted` to end the command.
 * @returns the exit code
 */
export async function run(args: readonly string[], streams: Streams, stop: AbortSignal): Promise<number> {
  // Known before anything is parsed: a command line that is wrong is told in JSON, too.
  const output = new Output(streams.stdout, streams.stderr, args.includes('--json'));
  let context: CommandContext | undefined;
  let help = '';
  const program = buildProgram(
    ({ server }) => {
      const signal = AbortSignal.any([stop, output.signal]);
      context = {
        servers: server,
        output,
        input: () => streams.stdin,
        signal,
        subject: { servers: server },
        exitCode: EXIT_OK,
      };
      return context;
    },
    {
      writeOut: (text) => void output.line(text.trimEnd()),
      writeErr: (text) => {
        help += text;
      },
      // Errors are told by the exception; see below.
      outputError: () => {},
    },
  );
  try {
    await program.parseAsync(args.length === 0 ? ['--help'] : [...args], { from: 'user' });
    return context?.exitCode ?? EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_OK;
    if (stop.reason instanceof Interrupted) return stop.reason.exitCode;
    // Whatever the command says to a reader that has left: it is not what went wrong.
    if (output.signal.aborted && output.failure === undefined) return EXIT_OK;
    if (help !== '' && !output.json) output.talk(help.trimEnd());
    const report = reportError(explain(error, output, program, args), context?.subject);
    output.talk(renderError(report, output.json));
    return exitCodeOf(report);
  } finally {
    output.endProgress();
    await output.flush();
  }
}

function explain(error: unknown, output: Output, program: Command, args: readonly string[]): unknown {
  if (output.failure !== undefined) {
    return new CommandError(
      'outputFailed',
      `standard output could not be written: ${output.failure.message}`,
    );
  }
  return error instanceof CommanderError ? usageError(error, program, args) : error;
}

/** The parser's error in our words: `error: unknown option '--x'` and, on a second line, a suggestion. */
function usageError(error: CommanderError, program: Command, args: readonly string[]): UsageError {
  const path = commandPath(program, args);
  if (error.code === 'commander.help') return new UsageError(`${path} needs a command`);
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  return new UsageError(message, suggestion?.replace(/^\((.*)\)$/, '$1') ?? `see: ${path} --help`);
}

/** `vireo topic create`: the command that the words name, as far as they name one. */
function commandPath(program: Command, args: readonly string[]): string {
  let command = program;
  let path = program.name();
  for (const word of args) {
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next === undefined) continue;
    command = next;
    path += ` ${next.name()}`;
  }
  return path;
}
