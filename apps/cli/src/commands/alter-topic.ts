import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '@vireo/protocol';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { memoryWarning } from '../output/memory-warning.ts';
import { topicJson } from '../view/topic-tables.ts';
import { REQUEST_MS_MAX, withClient } from '../with-client.ts';
import { askPartitions, setSubject } from './topic.ts';

/** Between two looks at how far the partitions are, ms. */
const LOOK_MS = 200;

/**
 * `topic alter shop/orders --durability disk`: a topic as in `topic ls`, when all its partitions have followed.
 *
 * @throws CommandError `notReady`: the topic is altered, but some partitions have not followed in time; they will.
 */
export async function alterTopic(
  context: CommandContext,
  name: string,
  { durability, wait }: { readonly durability: Durability; readonly wait: boolean },
): Promise<void> {
  const { stream } = setSubject(context, name);
  const { output, signal } = context;
  const call = { signal, deadlineMs: REQUEST_MS_MAX };
  await withClient(context, async (client) => {
    const { admin } = client;
    const { id } = (await admin.lookupTopic(name, call)).topic;
    await admin.alterTopic({ topicId: id }, { durability }, call);
    const { topic } = await admin.lookupTopic(name, call);
    const warning = memoryWarning(topic);
    if (warning !== null) output.talk(warning);
    const untilMs = performance.now() + REQUEST_MS_MAX;
    while (wait) {
      const rows = await askPartitions(client, name, topic, signal);
      const behind = rows.filter(({ bounds }) => bounds?.mode !== durability).length;
      if (behind === 0) break;
      if (performance.now() >= untilMs) {
        output.endProgress();
        throw new CommandError(
          'notReady',
          `topic ${name} is altered, but ${behind} of ${rows.length} partitions have not followed yet`,
          `see how far they are with: vireo topic describe ${name}`,
        );
      }
      output.progress(`${rows.length - behind} of ${rows.length} partitions have followed`);
      await sleep(LOOK_MS, undefined, { signal });
    }
    output.endProgress();
    if (output.json) await output.jsonLine(topicJson(stream, topic));
    else await output.line(`topic ${name} has durability ${durability}`);
  });
}
