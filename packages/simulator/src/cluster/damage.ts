import { PREPARE_HEADER_SIZE } from '@vireo/protocol';
import type { JournalMap, MappedFlush } from '@vireo/storage/testing';
import type { Prng } from '../world/prng.ts';
import type { LostOp } from './fault-atlas.ts';
import type { DamagePiece, DamageShape } from './faults.ts';

/** Bytes that are to be put over others. */
interface Patch {
  readonly path: string;
  readonly position: number;
  readonly bytes: Buffer;
}

/** A damage, and all ops that lose a copy by it. */
export interface DamagePlan {
  readonly patches: readonly Patch[];
  readonly ops: readonly LostOp[];
}

interface Place {
  readonly map: JournalMap;
  read(path: string, position: number, length: number): Buffer;
}

/**
 * Where and how to damage a journal so that it stays readable; null when it has no such piece.
 *
 * What it leaves alone is what the design calls a lost disk, or cannot tell from a torn write: a flush beside one
 * whose head is lost already (the copy of its index would go too), and the last flush, which nothing follows yet.
 */
export function planDamage(
  piece: DamagePiece,
  shape: DamageShape,
  place: Place,
  random: Prng,
): DamagePlan | null {
  if (piece === 'fileHead') return planFileHead(shape, place, random);
  const { flushes } = place.map;
  const lastWithPrepares = flushes.findLastIndex(({ prepares }) => prepares.length > 0);
  const candidates = flushes.filter((flush, index) => {
    const next = flushes[index + 1];
    if (flush.size === 0 || next === undefined) return false;
    if (piece === 'body' || piece === 'payload') return flush.prepares.length > 0;
    if (next.size === 0 || flushes[index - 1]?.size === 0) return false;
    return piece === 'head' ? index === lastWithPrepares : true;
  });
  if (candidates.length === 0) return null;
  // Mostly late flushes: what lies below a checkpoint is not looked at again.
  const flush = random.chance(700)
    ? candidates[candidates.length - 1 - random.below(Math.min(4, candidates.length))]!
    : random.pick(candidates);
  return piece === 'body' || piece === 'payload'
    ? planBody(flush, piece, shape, place, random)
    : planFlush(flush, piece, shape, place, random);
}

function planBody(
  flush: MappedFlush,
  piece: 'body' | 'payload',
  shape: DamageShape,
  place: Place,
  random: Prng,
): DamagePlan {
  const { group, op, checksum, position, size } = random.pick(flush.prepares);
  // An op without a payload has its header alone to lose.
  const skipped = piece === 'payload' && size > PREPARE_HEADER_SIZE ? PREPARE_HEADER_SIZE : 0;
  const patch = makePatch(flush, shape, position + skipped, size - skipped, place, random);
  return { patches: [patch], ops: [{ group, op, checksum }] };
}

function planFlush(
  flush: MappedFlush,
  piece: DamagePiece,
  shape: DamageShape,
  place: Place,
  random: Prng,
): DamagePlan {
  const { path, position, headSize, size, prepares } = flush;
  if (shape === 'astray' && piece === 'flush') {
    const last = place.map.flushes.at(-1)!;
    const file = place.map.files.find((each) => each.path === last.path);
    const end = last.position + last.size;
    // It arrived where it belongs and, once more, behind the end: where an earlier use of the file may have left it.
    if (file !== undefined && end + size <= file.bytes) {
      return {
        patches: [{ path: last.path, position: end, bytes: place.read(path, position, size) }],
        ops: [],
      };
    }
  }
  const length = piece === 'index' ? headSize : size;
  const ops = prepares.map(({ group, op, checksum }) => ({ group, op, checksum }));
  const patch = makePatch(flush, shape, position, length, place, random);
  // Bits that flip in the bodies leave the head readable; to be sure that it is lost, it is hit as well.
  const head = makePatch(flush, 'flip', position, headSize, place, random);
  return { patches: shape === 'flip' && piece !== 'index' ? [patch, head] : [patch], ops };
}

/** One of two copies: the other one is all that is needed, so it must be sound. */
function planFileHead(shape: DamageShape, place: Place, random: Prng): DamagePlan | null {
  const sound = place.map.files.filter(({ path, dataStart }) => {
    const half = dataStart / 2;
    return place.read(path, 0, half).equals(place.read(path, half, half));
  });
  if (sound.length === 0) return null;
  const { path, dataStart } = random.pick(sound);
  const half = dataStart / 2;
  const position = random.pick([0, half]);
  const before = place.read(path, position, half);
  return {
    patches: [{ path, position, bytes: shape === 'flip' ? flip(before) : Buffer.alloc(half) }],
    ops: [],
  };
}

function makePatch(
  flush: MappedFlush,
  shape: DamageShape,
  position: number,
  length: number,
  place: Place,
  random: Prng,
): Patch {
  const { path } = flush;
  const before = place.read(path, position, length);
  if (shape === 'zeros') return { path, position, bytes: Buffer.alloc(length) };
  const others = place.map.flushes.filter((other) => other.size > 0 && other !== flush);
  if (shape === 'astray' && others.length > 0) {
    const other = random.pick(others);
    const bytes = Buffer.alloc(length);
    place.read(other.path, other.position, Math.min(length, other.size)).copy(bytes);
    // By chance the same bytes: then nothing is damaged, and bits flip instead.
    if (!bytes.equals(before)) return { path, position, bytes };
  }
  return { path, position, bytes: flip(before) };
}

/** Sticky: which bits flip follows from the bytes alone. */
export function flip(before: Buffer): Buffer {
  const bytes = Buffer.from(before);
  let state = 0x811c9dc5 | 0;
  for (const byte of before) state = Math.imul(state ^ byte, 0x01000193);
  const count = (state & 3) === 0 ? bytes.length : 1 + (state & 7);
  for (let index = 0; index < count; index += 1) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + index;
    const at = count === bytes.length ? index : (state >>> 0) % bytes.length;
    bytes[at] = bytes[at]! ^ (1 << ((state >>> 8) & 7));
  }
  // An even number of flips of one bit would have undone itself.
  if (bytes.equals(before) && bytes.length > 0) bytes[0] = bytes[0]! ^ 1;
  return bytes;
}
