import type { InitializeHook, LoadHook } from 'node:module';
import type { MutantEdit } from './mutant.ts';
import { replaceOnce } from './replace.ts';

/**
 * Hooks of Node's module loader (they run in a thread of their own): a module that a mutant edits is changed
 * while it is loaded. Files are never written, so a run that is killed leaves nothing behind.
 */
let edits: readonly MutantEdit[] = [];

export const initialize: InitializeHook<readonly MutantEdit[]> = (data) => {
  edits = data;
};

export const load: LoadHook = async (url, context, nextLoad) => {
  const result = await nextLoad(url, context);
  const own = edits.filter((edit) => url.endsWith(`/packages/${edit.package}/dist/${edit.module}.js`));
  if (own.length === 0) return result;
  if (result.source === undefined || result.source === null)
    throw new Error(`${url} was loaded without its source`);
  let text =
    typeof result.source === 'string'
      ? result.source
      : Buffer.from(result.source as Uint8Array).toString('utf8');
  for (const { find, replace } of own) text = replaceOnce(text, find, replace, url);
  return { ...result, source: text };
};
