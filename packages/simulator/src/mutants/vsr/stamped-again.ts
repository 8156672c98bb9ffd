import type { Mutant } from '../mutant.ts';

/** A backup seals what it is sent again, with the time of its own clock. */
export const stampedAgain: Mutant = {
  name: 'stamped-again',
  rule: 'baseOffset and timestamp are assigned once, by the primary',
  edits: [
    {
      package: 'vsr',
      module: 'normal',
      find: 'const { prepare } = message;',
      replace:
        'const prepare = sealPrepare(Buffer.from(message.prepare.bytes), { ...message.prepare.header, parent: message.prepare.header.op === headOp(state) + 1 ? headChecksum(state) : message.prepare.header.parent, timestamp: Math.max(headTimestamp(state), core.clock.wallMicros()) }, core.checksums);',
    },
  ],
  finders: [
    'liveness',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
  ],
};
