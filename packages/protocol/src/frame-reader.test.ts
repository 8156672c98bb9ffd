import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrameHead, FRAME_HEADER_SIZE, type Frame, FrameField, FrameKind } from './frame.ts';
import { FrameReader } from './frame-reader.ts';

const checksums = { crc32 };
const LIMIT = 64 * 1024;
const runs = { seed: 1, numRuns: 300 };

interface Sent {
  kind: (typeof FrameKind)[keyof typeof FrameKind];
  correlation: number;
  group: number;
  covered: Uint8Array;
  body: Uint8Array;
}

const anyFrame: fc.Arbitrary<Sent> = fc.record({
  kind: fc.constantFrom(...Object.values(FrameKind)),
  correlation: fc.maxSafeNat(),
  group: fc.maxSafeNat(),
  covered: fc.uint8Array({ maxLength: 200 }),
  body: fc.uint8Array({ maxLength: 300 }),
});

function encode({ kind, correlation, group, covered, body }: Sent): Buffer {
  return Buffer.concat([encodeFrameHead(kind, correlation, group, covered, body.length, checksums), body]);
}

const sample: Sent = {
  kind: FrameKind.produce,
  correlation: 5,
  group: 3,
  covered: Buffer.from('covered'),
  body: Buffer.from('the body'),
};

/** Gives `stream` in pieces that end at `cuts` (and at its end). */
function read(stream: Buffer, cuts: readonly number[] = [], limit = LIMIT) {
  const reader = new FrameReader({ frameBytesMax: limit }, checksums);
  const frames: Frame[] = [];
  const chunks: Buffer[] = [];
  const ends = [...new Set([...cuts.filter((cut) => cut < stream.length), stream.length])].sort(
    (a, b) => a - b,
  );
  let error = null;
  let from = 0;
  for (const end of ends) {
    const chunk = Buffer.from(stream.subarray(from, end));
    chunks.push(chunk);
    error = reader.push(chunk, (frame) => frames.push(frame));
    from = end;
  }
  return { frames, error, reader, chunks };
}

describe('FrameReader', () => {
  it('gives back the frames sent, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.nat(4000), { maxLength: 20 }),
        (sent, cuts) => {
          const { frames, error } = read(Buffer.concat(sent.map(encode)), cuts);
          expect(error).toBeNull();
          expect(frames.map(({ kind, correlation, group }) => ({ kind, correlation, group }))).toEqual(
            sent.map(({ kind, correlation, group }) => ({ kind, correlation, group })),
          );
          for (const [i, frame] of frames.entries()) {
            const { covered, body } = sent[i]!;
            expect(frame.covered).toBe(covered.length);
            expect(frame.payload.equals(Buffer.concat([covered, body]))).toBe(true);
            expect(frame.bytes.equals(encode(sent[i]!))).toBe(true);
            expect(frame).toMatchObject({ version: 1, flags: 0 });
          }
        },
      ),
      runs,
    );
  });

  it('cut after every single byte, and in every two places, is the same', () => {
    const stream = Buffer.concat([
      encode(sample),
      encode({ ...sample, covered: Buffer.alloc(0), body: Buffer.alloc(0) }),
    ]);
    const everywhere = Array.from({ length: stream.length }, (_, i) => i);
    expect(read(stream, everywhere).frames).toHaveLength(2);
    for (const cut of everywhere) expect(read(stream, [cut]).frames).toHaveLength(2);
  });

  it('uses a whole frame where it lies, and assembles a split one in exactly its size', () => {
    const bytes = encode(sample);
    const whole = read(Buffer.concat([bytes, bytes]));
    expect(whole.frames.every((frame) => frame.bytes.buffer === whole.chunks[0]!.buffer)).toBe(true);
    const split = read(bytes, [40]);
    expect(split.frames[0]!.bytes.buffer.byteLength).toBe(bytes.length);
  });

  it('waits at every truncation: no frame, no error, no more memory than announced', () => {
    const bytes = encode(sample);
    for (let end = 0; end < bytes.length; end++) {
      const { frames, error, reader } = read(bytes.subarray(0, end));
      expect(frames).toHaveLength(0);
      expect(error).toBeNull();
      expect(reader.pendingBytes).toBe(end < FRAME_HEADER_SIZE ? 0 : bytes.length);
    }
  });

  it('refuses every bit flip in what the checksum covers, with a typed error', () => {
    const bytes = encode(sample);
    const end = FRAME_HEADER_SIZE + sample.covered.length;
    for (let bit = 0; bit < end * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      // A larger size makes the reader wait: what follows must then fail.
      const { frames, error } = read(Buffer.concat([flipped, Buffer.alloc(LIMIT)]));
      expect(frames).toHaveLength(0);
      expect(['corruptFrame', 'frameTooLarge', 'unsupportedVersion', 'unknownKind']).toContain(error?.code);
    }
  });

  it('accepts a frame at the limit, refuses one over it before anything is allocated', () => {
    const atLimit = { ...sample, body: Buffer.alloc(LIMIT - FRAME_HEADER_SIZE - sample.covered.length) };
    expect(read(encode(atLimit)).frames).toHaveLength(1);
    const over = encode({ ...atLimit, body: Buffer.alloc(atLimit.body.length + 1) });
    const { frames, error, reader } = read(over.subarray(0, FRAME_HEADER_SIZE));
    expect(frames).toHaveLength(0);
    expect(error).toMatchObject({ code: 'frameTooLarge' });
    expect(reader.pendingBytes).toBe(0);
  });

  it.each([
    ['another version', FrameField.version, 2, 'unsupportedVersion'],
    ['an unknown kind', FrameField.kind, 200, 'unknownKind'],
    ['kind 0', FrameField.kind, 0, 'unknownKind'],
    ['a reserved flag', FrameField.flags, 1, 'corruptFrame'],
    ['a checksum over more than there is', FrameField.covered + 1, 1, 'corruptFrame'],
    [
      'a checksum over one byte more than there is',
      FrameField.covered,
      sample.covered.length + sample.body.length + 1,
      'corruptFrame',
    ],
    ['a size without room for the header', FrameField.size, 31, 'corruptFrame'],
  ])('refuses %s as soon as the header is there', (_what, field, value, code) => {
    const head = encode(sample).subarray(0, FRAME_HEADER_SIZE);
    head[field] = value;
    expect(read(head).error).toMatchObject({ code });
  });

  it.each([FrameField.correlation, FrameField.group])(
    'refuses a u64 above 2^53-1 at %i, checksum right or not',
    (field) => {
      const bytes = encode({ ...sample, body: Buffer.alloc(0) });
      bytes[field + 7] = 1;
      bytes.writeUInt32LE(0, FrameField.checksum);
      bytes.writeUInt32LE(crc32(bytes), FrameField.checksum);
      expect(read(bytes).error).toMatchObject({
        code: 'corruptFrame',
        message: expect.stringContaining('2^53-1'),
      });
    },
  );

  it.each(['GET / HTTP/1.1\r\n\r\n', 'POST /x', 'PRI * HTTP/2.0', '\u0016\u0003\u0001\u0002\u0000\u0001'])(
    'says that %j is another protocol, also when it comes byte by byte',
    (text) => {
      const bytes = Buffer.from(text, 'latin1');
      const everywhere = Array.from({ length: bytes.length }, (_, i) => i);
      expect(read(bytes).error).toMatchObject({ code: 'notVireo' });
      expect(read(bytes, everywhere).error).toMatchObject({ code: 'notVireo' });
    },
  );

  it('takes a first frame of any size a handshake may have for what it is, also one that begins like SSL 3', () => {
    for (let size = FRAME_HEADER_SIZE; size < 2_000; size += 1) {
      const bytes = encode({
        ...sample,
        covered: Buffer.alloc(size - FRAME_HEADER_SIZE),
        body: Buffer.alloc(0),
      });
      expect(read(bytes).error, `${size} bytes`).toBeNull();
    }
  });

  it('stays in its error', () => {
    const { reader, error } = read(Buffer.from('GET / HTTP/1.1'));
    const frames: Frame[] = [];
    expect(reader.push(encode(sample), (frame) => frames.push(frame))).toBe(error);
    expect(frames).toHaveLength(0);
  });

  it('survives random bytes: a typed error or waiting, never more memory than the limit', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 500 }),
        fc.array(fc.nat(500), { maxLength: 5 }),
        (bytes, cuts) => {
          const { error, reader, frames } = read(Buffer.from(bytes), cuts);
          expect(frames).toHaveLength(0);
          expect(reader.pendingBytes).toBeLessThanOrEqual(LIMIT);
          if (bytes.length >= FRAME_HEADER_SIZE && error === null)
            expect(reader.pendingBytes).toBeGreaterThan(0);
        },
      ),
      runs,
    );
  });
});

describe('encodeFrameHead', () => {
  it('refuses what a u32 cannot say', () => {
    expect(() => encodeFrameHead(FrameKind.produce, 1, 1, Buffer.alloc(0), 2 ** 32, checksums)).toThrow(
      RangeError,
    );
  });
});
