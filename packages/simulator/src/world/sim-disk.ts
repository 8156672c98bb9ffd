import { type Disk, DiskError, type DiskReads } from '@vireo/storage';
import { DiskErrors } from './disk-errors.ts';
import type { Prng } from './prng.ts';
import type { Scheduler } from './scheduler.ts';
import { SimFile, sectorSize } from './sim-file.ts';
import type { Trace } from './trace.ts';

/** Drawn per run. Times in µs. */
export interface DiskProfile {
  readonly latencyMin: number;
  readonly latencyMean: number;
  /** Added to what must reach stable storage. */
  readonly syncMean: number;
}

type Change =
  | { type: 'write'; file: SimFile; position: number; buffers: readonly Buffer[]; durable: boolean }
  | { type: 'create'; path: string; size: number }
  | { type: 'truncate'; file: SimFile; size: number }
  | { type: 'rename'; from: string; to: string }
  | { type: 'remove'; path: string }
  | { type: 'makeDirectory'; path: string };

/**
 * The disk of one node; it outlives the node's processes. `open` gives a process its `Disk`; `crash` ends
 * what that process had in flight: each interrupted operation happened, partly happened or did not, and of
 * what completed without a sync each sector is kept or lost.
 *
 * Operations on different files complete in a drawn order, as with several threads below one event loop. Bytes are
 * taken when an operation completes, not when it is issued: a Buffer that its owner changes in between is
 * damage on the disk here, as it would be in production.
 */
export class SimDisk {
  readonly #files = new Map<string, SimFile>();
  readonly #directories = new Set<string>(['']);
  readonly #inFlight = new Set<Change>();
  readonly #scheduler: Scheduler;
  readonly #random: Prng;
  readonly #profile: DiskProfile;
  readonly #trace: Trace;
  readonly #node: number;
  /** By path: when the last operation on it completes. */
  readonly #completions = new Map<string, number>();
  #epoch = 0;
  readonly errors = new DiskErrors();
  /** Multiplies latencies while the fault "slow disk" lasts. */
  slowness = 1;
  /** Told of each file that a process wants removed. */
  onRemove: (path: string) => void = () => {};
  /** Bytes written since the start of the run, for totals. */
  bytesWritten = 0;

  constructor(node: number, scheduler: Scheduler, random: Prng, profile: DiskProfile, trace: Trace) {
    this.#node = node;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#profile = profile;
    this.#trace = trace;
  }

  /**
   * The disk as one process sees it. `complete` takes each completion into that process's inbox; `gate` says
   * before each operation whether the process still lives, so that a crash can fall between any two.
   */
  open(complete: (run: () => void) => void, gate: () => boolean): Disk {
    this.#epoch += 1;
    this.errors.processStarted();
    const epoch = this.#epoch;
    const start = (
      change: Change | null,
      name: string,
      path: string,
      slow: boolean,
      finish: () => void,
    ): void => {
      if (!gate()) return;
      if (change !== null) this.#inFlight.add(change);
      // In order within a file, in a drawn order across files.
      const at = Math.max((this.#completions.get(path) ?? 0) + 1, this.#scheduler.now + this.#latency(slow));
      this.#completions.set(path, at);
      this.#scheduler.at(at, () => {
        if (epoch !== this.#epoch) return;
        this.#trace.event(this.#scheduler.now, `disk.${name}`, this.#node, path);
        // The effect is there before the process hears of it; a crash in between is a write that happened.
        if (change !== null) this.#inFlight.delete(change);
        finish();
      });
    };
    const failure = (path: string) => new DiskError('notFound', path, `${path} does not exist`);
    return {
      list: (directory) => this.list(directory),
      size: (path) => this.#files.get(path)?.size ?? null,
      readSync: (path, position, length) => {
        const file = this.#files.get(path);
        if (file === undefined) throw failure(path);
        const refusal = this.errors.read(path);
        if (refusal !== null) throw refusal;
        return file.read(position, length);
      },
      write: (path, position, buffers, durable, done) => {
        const file = this.#files.get(path);
        if (file === undefined) {
          start(null, 'write', path, false, () => complete(() => done(failure(path))));
          return;
        }
        const change: Change = { type: 'write', file, position, buffers, durable };
        start(change, durable ? 'writeDurable' : 'write', path, durable, () => {
          const size = buffers.reduce((sum, buffer) => sum + buffer.length, position);
          const full = this.errors.space(path, size > file.size);
          const error = full ?? (durable ? this.errors.sync(path) : null);
          if (full === null) this.#apply(error === null ? change : { ...change, durable: false });
          if (full === null && error !== null) file.failSync(this.#random);
          complete(() => done(error));
        });
      },
      read: (path, position, length, done) => {
        start(null, 'read', path, false, () => {
          const file = this.#files.get(path);
          const error = file === undefined ? failure(path) : this.errors.read(path);
          const bytes = file === undefined || error !== null ? Buffer.alloc(0) : file.read(position, length);
          complete(() => done(error, bytes));
        });
      },
      sync: (path, done) => {
        start(null, 'sync', path, true, () => {
          const file = this.#files.get(path);
          const error = file === undefined ? failure(path) : this.errors.sync(path);
          if (error === null) file?.sync();
          else file?.failSync(this.#random);
          complete(() => done(error));
        });
      },
      create: (path, size, done) => {
        const directory = path.slice(0, Math.max(0, path.lastIndexOf('/')));
        if (!this.#directories.has(directory)) {
          start(null, 'create', path, false, () => complete(() => done(failure(directory))));
          return;
        }
        const change: Change = { type: 'create', path, size };
        start(change, 'create', path, true, () => {
          const error = this.errors.space(path, true);
          if (error === null) this.#apply(change);
          complete(() => done(error));
        });
      },
      truncate: (path, size, done) => {
        const file = this.#files.get(path);
        const change: Change | null = file === undefined ? null : { type: 'truncate', file, size };
        start(change, 'truncate', path, false, () => {
          if (change !== null) this.#apply(change);
          complete(() => done(change === null ? failure(path) : null));
        });
      },
      rename: (from, to, done) => {
        const change: Change = { type: 'rename', from, to };
        start(change, 'rename', from, true, () => {
          const found = this.#files.has(from);
          this.#apply(change);
          complete(() => done(found ? null : failure(from)));
        });
      },
      remove: (path, done) => {
        const change: Change = { type: 'remove', path };
        this.onRemove(path);
        start(change, 'remove', path, false, () => {
          this.#apply(change);
          complete(() => done(null));
        });
      },
      makeDirectory: (path, done) => {
        const change: Change = { type: 'makeDirectory', path };
        start(change, 'makeDirectory', path, true, () => {
          this.#apply(change);
          complete(() => done(null));
        });
      },
    };
  }

  /** Nothing that changes the disk is under way. */
  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** Sorted names directly in `directory`; throws `notFound` as a file system does. */
  list(directory: string): string[] {
    if (!this.#directories.has(directory)) {
      throw new DiskError('notFound', directory, `${directory} does not exist`);
    }
    const prefix = directory === '' ? '' : `${directory}/`;
    const names = new Set<string>();
    for (const path of [...this.#files.keys(), ...this.#directories]) {
      if (path === '' || !path.startsWith(prefix)) continue;
      const name = path.slice(prefix.length).split('/')[0];
      if (name !== undefined && name !== '') names.add(name);
    }
    return [...names].sort();
  }

  /** What the disk holds, for who looks at it from outside of any process. */
  reader(): DiskReads {
    return {
      list: (directory) => this.list(directory),
      size: (path) => this.#files.get(path)?.size ?? null,
      readSync: (path, position, length) => {
        const file = this.#files.get(path);
        if (file === undefined) throw new DiskError('notFound', path, `${path} does not exist`);
        return file.read(position, length);
      },
    };
  }

  /** Puts `bytes` in place of what stable storage holds there, as decay or a write gone astray does. */
  damage(path: string, position: number, bytes: Buffer): void {
    const file = this.#files.get(path);
    if (file === undefined) throw new Error(`there is no ${path} to damage`);
    this.#trace.event(this.#scheduler.now, 'disk.damage', this.#node, path, position, bytes.length);
    file.damage(position, bytes);
  }

  /** The files of a directory are gone, as after a copy that left it out; no process may run. */
  removeBelow(directory: string): void {
    this.#trace.event(this.#scheduler.now, 'disk.removed', this.#node, directory);
    for (const path of [...this.#files.keys()])
      if (path.startsWith(`${directory}/`)) this.#files.delete(path);
  }

  /** An empty disk in place of this one; no process may run. */
  wipe(): void {
    this.#trace.event(this.#scheduler.now, 'disk.wipe', this.#node);
    this.#files.clear();
    this.#directories.clear();
    this.#directories.add('');
  }

  /** A file as an operator would put it there, synced (`vireo node format`). */
  place(path: string, bytes: Buffer): void {
    this.#addDirectoriesOf(path);
    const file = new SimFile(0);
    file.write(0, bytes);
    file.sync();
    this.#files.set(path, file);
  }

  /** All files with their present bytes, sorted by path; for checkers at quiesce. */
  contents(): { path: string; bytes: Buffer }[] {
    return [...this.#files]
      .map(([path, file]) => ({ path, bytes: file.read(0, file.size) }))
      .sort((left, right) => (left.path < right.path ? -1 : 1));
  }

  /**
   * The process is gone. With `powerLost`, completed writes that no sync covered are kept or lost sector by
   * sector; else the machine lives on and the page cache with it.
   */
  crash(powerLost: boolean): void {
    this.#epoch += 1;
    for (const change of this.#inFlight) {
      const draw = this.#random.below(3);
      if (draw === 0) continue;
      if (draw === 1) this.#apply(change);
      else this.#applyPartly(change);
    }
    this.#inFlight.clear();
    this.#completions.clear();
    if (!powerLost) return;
    const keepPerMille = this.#random.pick([0, 500, 1000]);
    for (const file of this.#files.values()) file.crash(this.#random, keepPerMille);
  }

  #latency(slow: boolean): number {
    const { latencyMin, latencyMean, syncMean } = this.#profile;
    const base = this.#random.delay(latencyMin, latencyMean) + (slow ? this.#random.delay(0, syncMean) : 0);
    return base * this.slowness;
  }

  #apply(change: Change): void {
    switch (change.type) {
      case 'write': {
        const bytes = Buffer.concat(change.buffers);
        this.bytesWritten += bytes.length;
        change.file.write(change.position, bytes);
        // What was written to the file before completed before: one sync covers it all.
        if (change.durable) change.file.sync();
        return;
      }
      case 'create':
        this.#addDirectoriesOf(change.path);
        this.#files.set(change.path, new SimFile(change.size));
        return;
      case 'truncate':
        change.file.truncate(change.size);
        return;
      case 'rename': {
        const file = this.#files.get(change.from);
        if (file === undefined) return;
        this.#files.delete(change.from);
        this.#files.set(change.to, file);
        return;
      }
      case 'remove':
        this.#files.delete(change.path);
        return;
      case 'makeDirectory':
        this.#addDirectoriesOf(`${change.path}/x`);
        return;
    }
  }

  #applyPartly(change: Change): void {
    if (change.type === 'create') {
      // Interrupted while the zeros were written.
      this.#apply({ ...change, size: this.#random.below(change.size + 1) });
      return;
    }
    if (change.type !== 'write') return;
    const bytes = Buffer.concat(change.buffers);
    // Cuts fall on the disk's sectors, not on multiples of 512 within the request.
    let from = 0;
    while (from < bytes.length) {
      const position = change.position + from;
      const length = Math.min(sectorSize - (position % sectorSize), bytes.length - from);
      if (this.#random.chance(500)) {
        change.file.write(position, bytes.subarray(from, from + length));
      }
      from += length;
    }
  }

  #addDirectoriesOf(path: string): void {
    const parts = path.split('/');
    for (let count = 1; count < parts.length; count += 1) {
      this.#directories.add(parts.slice(0, count).join('/'));
    }
  }
}
