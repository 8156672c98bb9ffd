import { setTimeout as sleep } from 'node:timers/promises';
import { VireoError } from '@vireo/protocol';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { NODE_MS_MAX, REQUEST_MS_MAX, withClient } from '../with-client.ts';
import { confirm } from './confirm.ts';
import { viewGroup } from './group-view.ts';

/** Between two looks at whether the group has a primary, ms. */
const LOOK_MS = 200;

/** Options of `cluster cold-start`. */
export interface ColdStartOptions {
  readonly group: number;
  readonly withoutAbsent?: boolean;
  readonly yes?: boolean;
}

/**
 * `cluster cold-start --group 7`: orders all members of a group without primary to go on from the best log that is
 * left: `{"group":7,"name":"shop/orders/0","ordered":[0,1,2],"primary":1,"lossEpoch":1}`.
 *
 * @throws CommandError `notNeeded` when the group has a primary, `notReady` when it has none afterwards.
 */
export async function coldStart(
  context: CommandContext,
  { group: id, withoutAbsent: without = false, yes }: ColdStartOptions,
): Promise<void> {
  const { output, signal } = context;
  await withClient(context, async (client) => {
    const look = () => viewGroup(client, id, signal);
    const before = await look();
    if (before.primary !== null) {
      throw new CommandError(
        'notNeeded',
        `group ${id} (${before.name}) has a primary, node ${before.primary}`,
      );
    }
    if (!yes) {
      const absent = without
        ? ' Members that do not answer are left out: what they alone hold is given up.'
        : '';
      const what = `Group ${id} (${before.name}) goes on from the best log that is left.`;
      await confirm(
        context,
        before.name,
        `${what} What was acknowledged beyond it is gone, for good.${absent}`,
      );
    }
    const ordered: number[] = [];
    for (const { node, present } of before.replicas) {
      if (!present) continue;
      try {
        await client.admin.coldStart(node, id, { without, signal, deadlineMs: NODE_MS_MAX });
        ordered.push(node);
      } catch (error) {
        signal.throwIfAborted();
        if (!VireoError.is(error)) throw error;
        output.talk(`node ${node} did not take the order: ${error.code}: ${error.message}`);
      }
    }
    const untilMs = performance.now() + REQUEST_MS_MAX;
    let after = await look();
    while (after.primary === null && performance.now() < untilMs) {
      await sleep(LOOK_MS, undefined, { signal });
      after = await look();
    }
    const { name, primary, lossEpoch } = after;
    if (primary === null) {
      throw new CommandError(
        'notReady',
        `group ${id} (${name}) has no primary yet: ${before.members.length - ordered.length} members did not take the order`,
        'start the nodes that are down, or use --without-absent',
      );
    }
    if (output.json) await output.jsonLine({ group: id, name, ordered, primary, lossEpoch });
    else await output.line(`group ${id} (${name}) goes on, primary node ${primary}, loss epoch ${lossEpoch}`);
  });
}
