import type { Mutant } from '../mutant.ts';

/** All acks are written into one Buffer, which may still wait to be sent. */
export const oneAckBuffer: Mutant = {
  name: 'one-ack-buffer',
  rule: 'a Buffer is not changed after it was handed to send',
  edits: [
    {
      package: 'broker',
      module: 'node/produce',
      find: 'connections.sendRaw(connection, [ack], ack.length);',
      replace:
        'this.shared ??= Buffer.alloc(512); ack.copy(this.shared); connections.sendRaw(connection, [this.shared.subarray(0, ack.length)], ack.length);',
    },
  ],
  finders: ['assertion'],
  assertionReason: 'the simulated network compares what leaves with what was handed over',
};
