import { resolve } from 'node:path';
import type { Founder } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import { formatDirectory } from '../dev/format-nodes.ts';
import { UsageError } from '../errors.ts';
import { shellWord } from '../output/hints.ts';

/** Options of `node format`. */
export interface FormatOptions {
  readonly data: string;
  readonly node: number;
  readonly cluster: string;
  readonly founders: readonly Founder[];
}

/** `node format`: `{"directory":"/data","node":0,"cluster":"prod","founders":[{"id":0,"address":"…"}]}`. */
export async function formatNode({ output }: CommandContext, options: FormatOptions): Promise<void> {
  const { node, cluster, founders } = options;
  const directory = resolve(options.data);
  if (!founders.some(({ id }) => id === node)) {
    throw new UsageError(
      `--founders does not list node ${node} itself`,
      'every founder lists all, in one order',
    );
  }
  await formatDirectory({ directory, node, cluster, founders });
  if (output.json) {
    await output.jsonLine({ directory, node, cluster, founders });
    return;
  }
  await output.line(`node ${node} of ${cluster} formatted in ${directory}`);
  output.talk(`start it with: vireo server --data ${shellWord(directory)}`);
}
