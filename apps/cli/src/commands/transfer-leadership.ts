import { setTimeout as sleep } from 'node:timers/promises';
import { VireoError } from '@vireo/protocol';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { NODE_MS_MAX, REQUEST_MS_MAX, withClient } from '../with-client.ts';
import { viewGroup } from './group-view.ts';

/** Between two looks at who leads the group, ms. */
const LOOK_MS = 50;
/** What the primary says while things are moving: asked again. */
const PASSING: ReadonlySet<string> = new Set(['notPrimary', 'notReady', 'behind']);

/** Options of `cluster transfer`. */
export interface TransferOptions {
  readonly group: number;
  readonly to?: number;
}

/**
 * `cluster transfer --group 7 --to 2`: the primary lets another replica lead, and it is waited for:
 * `{"group":7,"name":"shop/orders/0","from":0,"primary":2,"view":5}`.
 *
 * @throws CommandError `notReady` when the group has no primary, or nobody has taken over in time.
 */
export async function transferLeadership(context: CommandContext, options: TransferOptions): Promise<void> {
  const { output, signal } = context;
  const { group: id, to } = options;
  await withClient(context, async (client) => {
    const untilMs = performance.now() + REQUEST_MS_MAX;
    const first = await viewGroup(client, id, signal);
    const { name, primary: from } = first;
    let now = first;
    let problem = from === null ? 'it has no primary' : 'nobody took over';
    const isDone = () =>
      now.primary !== null && (to === undefined ? now.primary !== from : now.primary === to);
    while (from !== null && !isDone() && performance.now() < untilMs) {
      if (now.primary !== null) {
        try {
          await client.admin.transfer(now.primary, id, to, { signal, deadlineMs: NODE_MS_MAX });
        } catch (error) {
          signal.throwIfAborted();
          if (!VireoError.is(error) || !PASSING.has(error.code)) throw error;
          problem = error.message;
        }
      }
      await sleep(LOOK_MS, undefined, { signal });
      now = await viewGroup(client, id, signal);
    }
    const { primary, view } = now;
    if (!isDone())
      throw new CommandError('notReady', `group ${id} (${name}) was not handed over: ${problem}`);
    if (output.json) await output.jsonLine({ group: id, name, from, primary, view });
    else if (primary === from)
      await output.line(`group ${id} (${name}) is led by node ${primary}: it was already`);
    else
      await output.line(
        `group ${id} (${name}) is led by node ${primary}, before by node ${from}; view ${view}`,
      );
  });
}
