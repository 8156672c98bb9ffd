import type { Client } from '@vireo/client';
import { type StreamDescription, VireoError } from '@vireo/protocol';
import type { CommandContext } from '../context.ts';
import { renderTable } from '../output/table.ts';
import { renderTopics, topicJson } from '../view/topic-tables.ts';
import { REQUEST_MS_MAX, withClient } from '../with-client.ts';
import { confirmName } from './confirm.ts';
import { settle } from './settle.ts';

/** `stream create NAME`: `{"stream":"shop","id":1,"created":true}`. */
export async function createStream(
  context: CommandContext,
  name: string,
  options: { readonly ifNotExists?: boolean },
): Promise<void> {
  setSubject(context, name);
  const { output, signal } = context;
  await withClient(context, async (client) => {
    try {
      const call = { signal, deadlineMs: REQUEST_MS_MAX };
      const answer = await settle(() => client.admin.createStream(name, call), ['alreadyExists'], signal);
      const id = answer?.streamId ?? (await findStream(client, context, name)).id;
      if (output.json) await output.jsonLine({ stream: name, id, created: true });
      else await output.line(`stream ${name} created, id ${id}`);
    } catch (error) {
      if (!options.ifNotExists || !VireoError.is(error) || error.code !== 'alreadyExists') throw error;
      const { id } = await findStream(client, context, name);
      if (output.json) await output.jsonLine({ stream: name, id, created: false });
      else await output.line(`stream ${name} exists already, id ${id}`);
    }
  });
}

/** `stream ls`: `{"streams":[{"name":"shop","id":1,"topics":2}]}`. */
export async function listStreams(context: CommandContext): Promise<void> {
  const { output, signal } = context;
  await withClient(context, async (client) => {
    const { streams } = await client.admin.describe({ signal, deadlineMs: REQUEST_MS_MAX });
    if (output.json) {
      const list = streams.map(({ name, id, topics }) => ({ name, id, topics: topics.length }));
      await output.jsonLine({ streams: list });
      return;
    }
    const rows = streams.map(({ name, id, topics }) => [name, id, topics.length]);
    await output.line(
      renderTable(
        [{ title: 'STREAM' }, { title: 'ID', align: 'right' }, { title: 'TOPICS', align: 'right' }],
        rows,
        output.width,
      ),
    );
    if (rows.length === 0) output.talk('there are no streams yet: vireo stream create NAME');
  });
}

/** `stream describe NAME`: `{"stream":"shop","id":1,"topics":[…]}`, topics as `topic ls` has them. */
export async function describeStream(context: CommandContext, name: string): Promise<void> {
  setSubject(context, name);
  const { output } = context;
  await withClient(context, async (client) => {
    const { id, topics } = await findStream(client, context, name);
    if (output.json) {
      await output.jsonLine({ stream: name, id, topics: topics.map((topic) => topicJson(name, topic)) });
      return;
    }
    output.talk(`stream ${name}, id ${id}`);
    await output.line(
      renderTopics(
        topics.map((topic) => ({ stream: name, topic })),
        output.width,
      ),
    );
  });
}

/** `stream rm NAME`: `{"stream":"shop","deleted":true}`. */
export async function removeStream(
  context: CommandContext,
  name: string,
  { cascade = false, yes }: { readonly cascade?: boolean; readonly yes?: boolean },
): Promise<void> {
  setSubject(context, name);
  const { output, signal } = context;
  await withClient(context, async (client) => {
    if (!yes) {
      const { topics } = await findStream(client, context, name);
      const what =
        cascade && topics.length > 0 ? `stream ${name} with ${topics.length} topics` : `stream ${name}`;
      await confirmName(context, name, what);
    }
    const call = { cascade, signal, deadlineMs: REQUEST_MS_MAX };
    await settle(() => client.admin.deleteStream(name, call), ['unknownStream'], signal);
    if (output.json) await output.jsonLine({ stream: name, deleted: true });
    else await output.line(`stream ${name} deleted`);
  });
}

function setSubject(context: CommandContext, stream: string): void {
  context.subject = { ...context.subject, stream };
}

async function findStream(client: Client, context: CommandContext, name: string): Promise<StreamDescription> {
  const { streams } = await client.admin.describe({ signal: context.signal, deadlineMs: REQUEST_MS_MAX });
  const found = streams.find((stream) => stream.name === name);
  if (found === undefined) throw new VireoError('unknownStream', `there is no stream '${name}'`);
  return found;
}
