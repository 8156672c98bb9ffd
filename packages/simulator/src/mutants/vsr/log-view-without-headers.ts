import type { Mutant } from '../mutant.ts';

/** After a restart the old log comes back under the new logView, and outranks logs that hold what was acked. */
export const logViewWithoutHeaders: Mutant = {
  name: 'log-view-without-headers',
  rule: 'logView is durable only together with the headers that it ranks',
  edits: [
    {
      package: 'vsr',
      module: 'replay',
      find: 'record.headers.forEach((header, i) => {',
      replace: '[].forEach((header, i) => {',
    },
    {
      package: 'vsr',
      module: 'replay',
      find: 'if (!copied && this.#head > head && head >= op)',
      replace: 'if (this.#head < 0)',
    },
    {
      package: 'vsr',
      module: 'replay',
      find: 'this.#isReached = this.#head >= head || this.#isSuperseded(record);',
      replace: 'this.#isReached = true;',
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '5 durable view',
    '6 prepareOk is durable',
    '14 idempotent producers',
    'liveness',
    '8 nacked was never acked',
    '9 no truncation',
  ],
};
