import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeTransfer,
  encodeTransfer,
  TRANSFER_FIXED_SIZE,
  type TransferMessage,
} from './transfer-message.ts';

const place = { op: 70, baseOp: 41, index: 3, length: 4096 };
const messages: readonly TransferMessage[] = [
  { type: 'getManifest', above: 12 },
  { type: 'manifest', above: 12, body: Buffer.from('a manifest') },
  { type: 'manifest', above: 12, body: null },
  { type: 'getChunk', place },
  { type: 'chunk', place, body: Buffer.from('some bytes of a file') },
  { type: 'chunk', place, body: null },
];

function payloadOf(message: TransferMessage): Buffer {
  const { covered, body } = encodeTransfer(message);
  return body === null ? covered : Buffer.concat([covered, body]);
}

function codeOf(payload: Buffer, covered = TRANSFER_FIXED_SIZE): string {
  const read = decodeTransfer(payload, covered);
  return read.ok ? 'ok' : read.error.code;
}

describe('a transfer message', () => {
  it.each(messages)('$type comes back as it was', (message) => {
    expect(decodeTransfer(payloadOf(message), TRANSFER_FIXED_SIZE)).toEqual({ ok: true, value: message });
  });

  it.each<[string, Buffer, number?]>([
    ['a payload that is cut short', payloadOf(messages[0]!).subarray(0, 31)],
    ['a frame that covers more', payloadOf(messages[4]!), 33],
    ['an unknown type', Buffer.alloc(TRANSFER_FIXED_SIZE)],
    ['a question with a body', Buffer.concat([payloadOf(messages[3]!), Buffer.from('x')])],
    ['an answer that has none, with a body', Buffer.concat([payloadOf(messages[5]!), Buffer.from('x')])],
    ['unused bytes', Buffer.concat([payloadOf(messages[0]!).subarray(0, 31), Buffer.from([1])])],
    ['a chunk number of a manifest', withByte(payloadOf(messages[0]!), 4)],
    ['a number beyond 2^53', withByte(payloadOf(messages[3]!), 15)],
  ])('refuses %s', (_what, payload, covered) => {
    expect(codeOf(payload, covered)).toBe('corruptFrame');
  });

  it('reads any bytes without an exception, and says the same again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 80 }), (bytes) => {
        const payload = Buffer.from(bytes);
        const read = decodeTransfer(payload, TRANSFER_FIXED_SIZE);
        if (read.ok) expect(payloadOf(read.value)).toEqual(payload);
      }),
    );
  });
});

function withByte(payload: Buffer, at: number): Buffer {
  payload[at] = 0xff;
  return payload;
}
