import { crc32 } from 'node:zlib';
import { FRAME_HEADER_SIZE, FrameField, FrameKind } from '@vireo/protocol';
import type { Prng } from './prng.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** Drawn per run. Times in µs; probabilities per mille of `replica` frames. */
export interface NetworkProfile {
  readonly delayMin: number;
  readonly delayMean: number;
  readonly lossPerMille: number;
  readonly duplicatePerMille: number;
  /** Per mille of deliveries that arrive in two pieces, as TCP may cut anywhere. */
  readonly splitPerMille: number;
}

/** Who is on the network: a node's process or a client. Calls mean "has arrived"; taking them up may wait. */
export interface Endpoint {
  accepted(connection: number): void;
  dialed(connection: number, peer: number, channel: string): void;
  dialFailed(peer: number, channel: string, refused: boolean): void;
  received(connection: number, chunk: Buffer): void;
  closed(connection: number): void;
}

/** Sees each frame as it is handed to the network, whole and copied. */
export type FrameObserver = (from: number, to: number, frame: Buffer) => void;

/** One frame under way, with its checksum for the trace. */
interface Sent {
  readonly frame: Buffer;
  readonly crc: number;
}

interface Side {
  readonly id: number;
  readonly owner: number;
  /** The owner's process this belongs to: a connection dies with its process. */
  readonly endpoint: Endpoint;
  open: boolean;
  paused: boolean;
  /** Sent bytes that do not make a whole frame yet. */
  partial: Buffer;
  /** No frame of this side arrives before this instant (order within a connection). */
  arrivalMin: number;
  /** Arrived while the link was cut or the reader paused, in order; null: the end of the stream. */
  readonly held: (Sent | null)[];
  other: Side | null;
}

/** Frames larger than this mean that the sender's framing is broken. */
const frameSizeMax = 64 * 1024 * 1024;
const dialTimeout = 1_000_000;

/**
 * TCP between nodes and clients, at the grain of frames: in order within a connection, in any order across
 * connections. Frames between replicas may also be lost or arrive twice and late, which TCP does not do
 * within one connection, but a node that reconnects and sends again does.
 *
 * A cut link holds what is sent; when it heals each connection either delivers all of it late or is reset.
 * What is sent is copied at once, and the sender's Buffers are compared with the copy when the bytes would
 * have left the kernel: a Buffer changed after it was handed to `send` is reported.
 */
export class SimNetwork {
  readonly #scheduler: Scheduler;
  readonly #random: Prng;
  readonly #profile: NetworkProfile;
  readonly #trace: Trace;
  readonly #listeners = new Map<number, Endpoint>();
  readonly #sides = new Map<number, Side>();
  readonly #cut = new Set<string>();
  #connectionNext = 1;
  /** Faults that act on single frames are off in the liveness phase. */
  calm = false;
  onFrame: FrameObserver = () => {};
  /** Told of a Buffer that changed between `send` and the departure of its bytes. */
  onBufferChanged: (from: number, to: number) => void = () => {};

  constructor(scheduler: Scheduler, random: Prng, profile: NetworkProfile, trace: Trace) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#profile = profile;
    this.#trace = trace;
  }

  listen(owner: number, endpoint: Endpoint): void {
    this.#listeners.set(owner, endpoint);
  }

  /**
   * The process of `owner` ended. A kernel that lives on closes its connections; after a power cut
   * (`silent`) the other ends stay open until something tells them, here a drawn time.
   */
  crash(owner: number, silent: boolean): void {
    this.#listeners.delete(owner);
    for (const side of [...this.#sides.values()]) {
      if (side.owner !== owner || !side.open) continue;
      if (silent) side.arrivalMin = this.#scheduler.now + this.#random.between(100_000, 3_000_000);
      this.#shut(side);
    }
  }

  dial(from: number, endpoint: Endpoint, peer: number, channel: string): void {
    if (this.#isCut(from, peer) || this.#isCut(peer, from)) {
      this.#scheduler.after(dialTimeout, () => endpoint.dialFailed(peer, channel, false));
      return;
    }
    this.#scheduler.after(this.#delay() + this.#delay(), () => {
      const listener = this.#listeners.get(peer);
      this.#trace.event(this.#scheduler.now, 'net.dial', from, peer, channel, listener !== undefined);
      if (listener === undefined) {
        endpoint.dialFailed(peer, channel, true);
        return;
      }
      const near = this.#side(from, endpoint);
      const far = this.#side(peer, listener);
      near.other = far;
      far.other = near;
      listener.accepted(far.id);
      endpoint.dialed(near.id, peer, channel);
    });
  }

  send(connection: number, buffers: readonly Buffer[]): void {
    const side = this.#sides.get(connection);
    if (side === undefined || !side.open || side.other === null) return;
    const copy = Buffer.concat(buffers);
    const before = crc32(copy);
    this.#scheduler.after(this.#random.below(this.#profile.delayMin + 1), () => {
      let after = 0;
      for (const buffer of buffers) after = crc32(buffer, after);
      if (after !== before) this.onBufferChanged(side.owner, side.other?.owner ?? -1);
    });
    side.partial = side.partial.length === 0 ? copy : Buffer.concat([side.partial, copy]);
    while (side.partial.length >= 4) {
      const size = side.partial.readUInt32LE(0);
      if (size < 5 || size > frameSizeMax) {
        throw new Error(`node ${side.owner} sent a frame that states ${size} bytes`);
      }
      if (side.partial.length < size) break;
      const isAll = size === copy.length && side.partial.length === size;
      const frame = side.partial.subarray(0, size);
      this.#sendFrame(side, { frame, crc: isAll ? before : crc32(frame) });
      side.partial = side.partial.subarray(size);
    }
  }

  pause(connection: number): void {
    const side = this.#sides.get(connection);
    if (side !== undefined) side.paused = true;
  }

  resume(connection: number): void {
    const side = this.#sides.get(connection);
    if (side === undefined) return;
    side.paused = false;
    if (side.other !== null) this.#release(side.other);
  }

  /** Orderly close by the owner: the other side reads what was sent before, then the end. */
  close(connection: number): void {
    const side = this.#sides.get(connection);
    if (side?.open) this.#shut(side);
  }

  /** Both ends lose the connection at once (RST). */
  reset(connection: number): void {
    const side = this.#sides.get(connection);
    if (side === undefined) return;
    for (const end of [side, side.other]) {
      if (end === null || !end.open) continue;
      end.open = false;
      end.held.length = 0;
      this.#sides.delete(end.id);
      end.endpoint.closed(end.id);
    }
  }

  /** Open connections, each once (by its dialing end). */
  connections(): { id: number; owner: number; peer: number }[] {
    const out: { id: number; owner: number; peer: number }[] = [];
    for (const side of this.#sides.values()) {
      if (side.other !== null && side.open && side.id < side.other.id) {
        out.push({ id: side.id, owner: side.owner, peer: side.other.owner });
      }
    }
    return out;
  }

  /** Nothing from `from` reaches `to` until `heal`. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** All links work again; a connection that held something delivers it late or, by draw, is reset. */
  heal(): void {
    this.#cut.clear();
    for (const side of [...this.#sides.values()]) {
      if (side.held.length === 0) continue;
      if (side.open && this.#random.chance(500)) this.reset(side.id);
      else this.#release(side);
    }
  }

  get isWhole(): boolean {
    return this.#cut.size === 0;
  }

  #side(owner: number, endpoint: Endpoint): Side {
    const side: Side = {
      id: this.#connectionNext,
      owner,
      endpoint,
      open: true,
      paused: false,
      partial: Buffer.alloc(0),
      arrivalMin: 0,
      held: [],
      other: null,
    };
    this.#connectionNext += 1;
    this.#sides.set(side.id, side);
    return side;
  }

  #sendFrame(side: Side, sent: Sent): void {
    const { frame, crc } = sent;
    const to = side.other?.owner ?? -1;
    const kind = frame[4] ?? 0;
    this.onFrame(side.owner, to, frame);
    const isReplica = kind === FrameKind.replica || kind === FrameKind.transfer;
    const isLost = this.#random.chance(this.#profile.lossPerMille);
    const isDuplicated = this.#random.chance(this.#profile.duplicatePerMille);
    if (isReplica && isLost && !this.calm) {
      this.#trace.event(this.#scheduler.now, 'net.lost', side.owner, to, crc);
      return;
    }
    if (kind === FrameKind.transfer && !this.calm && this.#random.chance(3 * this.#profile.lossPerMille))
      garble(frame, this.#random);
    this.#arriveInOrder(side, sent);
    if (isReplica && isDuplicated && !this.calm) {
      const copy = { frame: Buffer.from(frame), crc };
      // Soon after, or long after: past what the sender has sent since.
      const late = this.#delay() * this.#random.pick([2, 10, 200]);
      this.#scheduler.after(late, () => this.#arrive(side, copy));
    }
  }

  #arriveInOrder(side: Side, sent: Sent | null): void {
    side.arrivalMin = Math.max(side.arrivalMin + 1, this.#scheduler.now + this.#delay());
    this.#scheduler.at(side.arrivalMin, () => this.#arrive(side, sent));
  }

  #arrive(side: Side, sent: Sent | null): void {
    const target = side.other;
    if (target === null || !target.open) {
      if (!side.open) this.#sides.delete(side.id);
      return;
    }
    if (side.held.length > 0 || target.paused || this.#isCut(side.owner, target.owner)) {
      side.held.push(sent);
      return;
    }
    this.#deliver(target, sent);
  }

  #deliver(target: Side, sent: Sent | null): void {
    if (sent === null) {
      target.open = false;
      this.#sides.delete(target.id);
      if (target.other !== null) this.#sides.delete(target.other.id);
      target.endpoint.closed(target.id);
      return;
    }
    const { frame, crc } = sent;
    this.#trace.event(this.#scheduler.now, 'net.frame', target.owner, target.id, frame[4] ?? 0, crc);
    if (!this.#random.chance(this.#profile.splitPerMille)) {
      target.endpoint.received(target.id, frame);
      return;
    }
    const at = this.#random.between(1, frame.length - 1);
    target.endpoint.received(target.id, Buffer.from(frame.subarray(0, at)));
    target.endpoint.received(target.id, Buffer.from(frame.subarray(at)));
  }

  #release(side: Side): void {
    const target = side.other;
    if (target === null) return;
    while (side.held.length > 0 && !target.paused && target.open) {
      if (this.#isCut(side.owner, target.owner)) return;
      const sent = side.held.shift();
      if (sent !== undefined) this.#deliver(target, sent);
    }
  }

  /** The side stays known until its end has arrived: a link that is cut holds that too. */
  #shut(side: Side): void {
    side.open = false;
    if (side.other?.open) this.#arriveInOrder(side, null);
    else this.#sides.delete(side.id);
  }

  #isCut(from: number, to: number): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  #delay(): number {
    return this.#random.delay(this.#profile.delayMin, this.#profile.delayMean);
  }
}

/**
 * Damages the body of a frame, which the frame's own checksum does not cover: as if it had been read from a bad disk, or
 * had passed bad memory on its way. Whoever takes it in has checksums of its own for it.
 */
function garble(frame: Buffer, random: Prng): void {
  const body = FRAME_HEADER_SIZE + frame.readUInt32LE(FrameField.covered);
  if (frame.length <= body) return;
  const at = body + random.below(frame.length - body);
  frame[at] = (frame[at] as number) ^ (1 + random.below(255));
}
