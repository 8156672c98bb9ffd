import type { Client } from '@vireo/client';

/** What was read back, and by whom it was served. */
export interface Consumed {
  /** By key, the values in the order of their partition. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly records: number;
  readonly byPrimaries: number;
  readonly byBackups: number;
}

/** Reads every partition from a member that does not lead it, up to what its primary has committed. */
export async function consumeFromBackups(client: Client, topic: string): Promise<Consumed> {
  const { topic: description } = await client.admin.lookupTopic(topic);
  const values = new Map<string, string[]>();
  let records = 0;
  let byPrimaries = 0;
  for (const { partition, members } of description.groups) {
    const { node: primary } = await client.admin.partitionInfo(topic, partition);
    const backups = members.filter((member) => member !== primary);
    const node = backups[partition % backups.length];
    if (node === undefined) throw new Error(`partition ${partition} has no backup`);
    const consumer = client.consumer(topic, {
      partitions: [partition],
      from: 'start',
      until: 'end',
      readFrom: { node },
    });
    for await (const message of consumer.messages()) {
      records++;
      if (message.role === 'primary') byPrimaries++;
      const key = message.key?.toString() ?? '';
      const list = values.get(key);
      if (list === undefined) values.set(key, [message.value.toString()]);
      else list.push(message.value.toString());
    }
    await consumer.close();
  }
  return { values, records, byPrimaries, byBackups: records - byPrimaries };
}

/** What differs between what was sent and what was read; empty when count, order per key and content are equal. */
export function differences(
  sent: ReadonlyMap<string, readonly string[]>,
  read: ReadonlyMap<string, readonly string[]>,
): string[] {
  const found: string[] = [];
  for (const [key, values] of sent) {
    const got = read.get(key) ?? [];
    if (got.length !== values.length) found.push(`${key}: ${values.length} sent, ${got.length} read`);
    const at = values.findIndex((value, i) => got[i] !== value);
    if (at >= 0)
      found.push(`${key}: record ${at} is ${got[at]?.slice(0, 60)}, sent was ${values[at]?.slice(0, 60)}`);
  }
  for (const key of read.keys()) if (!sent.has(key)) found.push(`${key}: read, never sent`);
  return found;
}
