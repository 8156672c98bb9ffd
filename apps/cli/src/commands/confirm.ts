import { createInterface } from 'node:readline/promises';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';

/**
 * Lets the user type the name of what is about to be deleted. From a pipe, too: `echo shop | vireo stream rm shop`.
 *
 * @throws CommandError `notConfirmed`
 */
export function confirmName(context: CommandContext, name: string, what: string): Promise<void> {
  return confirm(context, name, `This deletes ${what}, for good.`);
}

/** As `confirmName`, for anything that cannot be taken back. @throws CommandError `notConfirmed` */
export async function confirm(
  { input, output, signal }: CommandContext,
  name: string,
  warning: string,
): Promise<void> {
  output.talk(`${warning} Type its name to go on (--yes does not ask):`);
  const stdin = input();
  const lines = createInterface({ input: stdin });
  try {
    const typed = await new Promise<string | null>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(null));
      signal.addEventListener('abort', () => resolve(null), { once: true });
    });
    signal.throwIfAborted();
    if (typed?.trim() === name) return;
  } finally {
    lines.close();
    stdin.destroy();
  }
  throw new CommandError(
    'notConfirmed',
    `the name was not given: ${name} is untouched`,
    'type it in full, or use --yes',
  );
}
