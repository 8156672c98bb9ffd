import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameAligner } from './frame-aligner.ts';

const FRAME_BYTES_MAX = 300_000;

function frame(size: number, fill: number): Buffer {
  const bytes = Buffer.alloc(size, fill);
  bytes.writeUInt32LE(size, 0);
  return bytes;
}

/** Brings `stream` in reads of the sizes given, as a socket would, into whatever the aligner offers. */
function read(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  const aligner = new FrameAligner(FRAME_BYTES_MAX);
  aligner.emit = (chunk) => chunks.push(chunk);
  let at = 0;
  for (let i = 0; at < stream.length; i++) {
    const target = aligner.target();
    const bytes = Math.min(target.length, stream.length - at, Math.max(1, sizes[i % sizes.length] ?? 1));
    stream.copy(target, 0, at, at + bytes);
    aligner.filled(bytes);
    at += bytes;
  }
  return chunks;
}

describe('FrameAligner', () => {
  it('hands on every byte in order, whatever the frames and the reads', () => {
    const frames = fc.array(
      fc.tuple(fc.integer({ min: 32, max: 150_000 }), fc.integer({ min: 0, max: 255 })),
      {
        minLength: 1,
        maxLength: 8,
      },
    );
    const sizes = fc.array(
      fc.oneof(fc.constant(65_536), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 70_000 })),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(frames, sizes, (list, reads) => {
        const stream = Buffer.concat(list.map(([size, fill]) => frame(size, fill)));
        const reading = reads.every((size) => size < 100) ? [...reads, 65_536] : reads;
        expect(Buffer.concat(read(stream, reading)).equals(stream)).toBe(true);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('puts a large frame together in one piece, with nothing else in it', () => {
    const first = frame(64, 1);
    const large = frame(200_000, 2);
    const chunks = read(Buffer.concat([first, large, frame(40, 3)]), [65_536]);
    expect(chunks.map(({ length }) => length)).toEqual([64, 200_000, 40]);
    expect(chunks[1]?.equals(large)).toBe(true);
  });

  it('keeps what it handed on: later reads do not write over it', () => {
    const [one] = read(Buffer.concat([frame(64, 1), frame(64, 2)]), [64]);
    expect(one?.equals(frame(64, 1))).toBe(true);
  });

  it('hands on the pieces of the first frame as they come, so that a stranger is recognised at once', () => {
    const chunks = read(frame(100_000, 1), [1_000]);
    expect(chunks).toHaveLength(100);
  });

  it('hands on what is no frame: HTTP, sizes below a header, sizes above the limit', () => {
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      '\u0001\u0000\u0000\u0000rest',
      '\u00ff\u00ff\u00ff\u007frest',
    ]) {
      const stream = Buffer.from(bytes, 'latin1');
      expect(Buffer.concat(read(stream, [7])).equals(stream)).toBe(true);
    }
  });
});
