import type { Mutant } from '../mutant.ts';

/** What was admitted stays in the producer table though a view change has dropped it: a retry is a "duplicate". */
export const e11TableAtRequest: Mutant = {
  name: 'e11-table-at-request',
  rule: 'E11: the producer table changes at commit only',
  edits: [
    {
      package: 'broker',
      module: 'partition/machine',
      find: 'this.#head.push(op, next + prepare.header.count, prepare.header.producerId, laneEntryOf(prepare));',
      replace:
        '{ this.#head.push(op, next + prepare.header.count, prepare.header.producerId, laneEntryOf(prepare));' +
        ' if (laneEntryOf(prepare) !== null) this.#lanes.record(prepare.header.producerId, laneEntryOf(prepare)); }',
    },
    {
      package: 'broker',
      module: 'partition/machine',
      find: 'this.#lanes.record(producerId, entry);',
      replace:
        'this.#lanes.get(producerId)?.window.some((each) => each.op === op) || this.#lanes.record(producerId, entry);',
    },
  ],
  finders: [
    '2 acked is kept',
    '14 idempotent producers',
    '15 notApplied is in no log',
    '10 dense offsets',
    'liveness',
    '1 canonical chain',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
  ],
};
