import type { DecodeError } from './decoded.ts';

/** How deep arrays and maps may be nested. */
export const PAYLOAD_DEPTH_MAX = 16;

/**
 * Walks MessagePack (github.com/msgpack/msgpack/blob/master/spec.md) without building anything, and refuses what
 * the library behind it would be hurt by or that Vireo does not use: lengths beyond the bytes at hand, deep nesting,
 * extensions (dates, classes, cyclic references), keys that are no strings, integers above 2^53−1, rests.
 *
 * @returns null, or `corruptPayload`, or `tooLarge` for more than `valuesMax` values.
 */
export function scanPayload(bytes: Buffer, valuesMax: number): DecodeError | null {
  const scan = new Scan(bytes, valuesMax);
  if (!scan.value(0, false)) return scan.error;
  if (scan.position === bytes.length) return null;
  return {
    code: 'corruptPayload',
    message: `${bytes.length - scan.position} bytes are left behind the payload`,
  };
}

class Scan {
  readonly bytes: Buffer;
  position = 0;
  error: DecodeError | null = null;
  #valuesLeft: number;

  constructor(bytes: Buffer, valuesMax: number) {
    this.bytes = bytes;
    this.#valuesLeft = valuesMax;
  }

  /** Passes over one value; false with `error` set when it is not acceptable. */
  value(depth: number, asKey: boolean): boolean {
    if (this.position >= this.bytes.length) return this.#fail('the payload is cut short');
    if (--this.#valuesLeft < 0) {
      this.error = { code: 'tooLarge', message: 'the payload holds too many values' };
      return false;
    }
    const type = this.bytes[this.position++]!;
    if ((type & 0xe0) === 0xa0) return this.#skip(type & 0x1f);
    if (type >= 0xd9 && type <= 0xdb) return this.#skip(this.#length(1 << (type - 0xd9)));
    if (asKey) return this.#fail('a key of a map is not a string');
    if (type <= 0x7f || type >= 0xe0) return true;
    if (type <= 0x8f) return this.#items(type & 0x0f, depth, true);
    if (type <= 0x9f) return this.#items(type & 0x0f, depth, false);
    switch (type) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#skip(this.#length(1 << (type - 0xc4)));
      case 0xca:
        return this.#skip(4);
      case 0xcb:
        return this.#skip(8);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#skip(1 << (type - 0xcc));
      case 0xcf:
      case 0xd3:
        return this.#int64(type === 0xd3);
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#skip(1 << (type - 0xd0));
      case 0xdc:
      case 0xdd:
        return this.#items(this.#length(type === 0xdc ? 2 : 4), depth, false);
      case 0xde:
      case 0xdf:
        return this.#items(this.#length(type === 0xde ? 2 : 4), depth, true);
      default:
        return this.#fail(`type ${type} of MessagePack is not used here`);
    }
  }

  /** A big-endian length of `size` bytes; −1 when cut short. */
  #length(size: number): number {
    if (size > this.bytes.length - this.position) return -1;
    const length = this.bytes.readUIntBE(this.position, size);
    this.position += size;
    return length;
  }

  #skip(length: number): boolean {
    if (length < 0 || length > this.bytes.length - this.position)
      return this.#fail('the payload is cut short');
    this.position += length;
    return true;
  }

  #int64(signed: boolean): boolean {
    const at = this.position;
    if (!this.#skip(8)) return false;
    const high = signed ? this.bytes.readInt32BE(at) : this.bytes.readUInt32BE(at);
    if (high > 0x1f_ffff || high < -0x1f_ffff) return this.#fail('an integer is larger than 2^53-1');
    return true;
  }

  #items(count: number, depth: number, keyed: boolean): boolean {
    if (depth >= PAYLOAD_DEPTH_MAX)
      return this.#fail(`the payload is nested deeper than ${PAYLOAD_DEPTH_MAX}`);
    // Each takes at least a byte: an announced length that cannot be there is refused before the walk.
    if (count < 0 || count > this.bytes.length - this.position) return this.#fail('the payload is cut short');
    for (let i = 0; i < count; i++) {
      if (keyed && !this.value(depth + 1, true)) return false;
      if (!this.value(depth + 1, false)) return false;
    }
    return true;
  }

  #fail(message: string): false {
    this.error = { code: 'corruptPayload', message };
    return false;
  }
}
