import { type Disk, type DiskCallback, DiskError, type DiskErrorCode, type ReadCallback } from '../disk.ts';
import { type Below, MemoryFile, type Mutation } from './memory-file.ts';

/** One call on the disk, as it stands in the trace and in the list of what is in flight. */
export interface DiskOperation {
  /** Counts all calls, from 1. */
  readonly id: number;
  readonly kind:
    | 'list'
    | 'size'
    | 'readSync'
    | 'write'
    | 'read'
    | 'sync'
    | 'create'
    | 'truncate'
    | 'rename'
    | 'remove'
    | 'makeDirectory';
  readonly path: string;
  readonly position: number;
  /** Bytes read or written, or the size asked for. */
  readonly length: number;
  readonly durable: boolean;
  /** New name, for `rename`. */
  readonly to: string;
}

export interface MemoryDiskOptions {
  /**
   * Given: completions come by themselves, each call handing this function what to run later (for example
   * `setImmediate`). Absent: they come when `pump` or `complete` is called.
   */
  readonly schedule?: (run: () => void) => void;
  /** Asked for every call (synchronous ones too): an error code makes the call fail. */
  readonly fault?: (operation: DiskOperation) => DiskErrorCode | null;
  /** Calls kept in the trace; 0 keeps none. @default 100 000 */
  readonly traceMax?: number;
}

export interface CrashOptions {
  /**
   * Given: each change that was not durable is lost, kept or torn at 512-byte sectors as this decides, and
   * creations and renames in flight may have happened. Absent: all of them are lost.
   */
  readonly below?: Below;
  /** True: only the process dies; what was written and completed stays. @default false */
  readonly processOnly?: boolean;
}

interface InFlight {
  readonly operation: DiskOperation;
  /** The change it makes to a file's bytes, if any. */
  readonly mutation: Mutation | null;
  readonly apply: () => DiskErrorCode | null;
  readonly finish: (error: DiskError | null) => void;
}

/**
 * A deterministic disk in memory. Nothing happens before it is pumped: a call is in flight until then, its
 * bytes neither readable nor safe. Completed writes are readable, and durable from the next `sync` of, or
 * `durable` write to, their file. Created, renamed and removed names are durable when the call completes.
 */
export class MemoryDisk implements Disk {
  readonly #options: MemoryDiskOptions;
  readonly #traceMax: number;
  readonly #files = new Map<string, MemoryFile>();
  readonly #directories = new Set<string>(['']);
  #inFlight: InFlight[] = [];
  #operations = 0;
  /** Counts crashes: completions scheduled before one must not arrive after it. */
  #life = 0;
  readonly trace: DiskOperation[] = [];

  constructor(options: MemoryDiskOptions = {}) {
    this.#options = options;
    this.#traceMax = options.traceMax ?? 100_000;
  }

  list(directory: string): string[] {
    this.#checkNow(this.#note('list', directory));
    if (!this.#directories.has(directory)) throw new DiskError('notFound', directory, `no ${directory}`);
    const prefix = directory === '' ? '' : `${directory}/`;
    const names = new Set<string>();
    for (const path of [...this.#files.keys(), ...this.#directories]) {
      if (path !== '' && path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/')[0]!);
    }
    return [...names].sort();
  }

  size(path: string): number | null {
    this.#checkNow(this.#note('size', path));
    return this.#files.get(path)?.size ?? null;
  }

  readSync(path: string, position: number, length: number): Buffer {
    this.#checkNow(this.#note('readSync', path, position, length));
    const file = this.#files.get(path);
    if (file === undefined) throw new DiskError('notFound', path, `no file ${path}`);
    return file.read(position, length);
  }

  write(
    path: string,
    position: number,
    buffers: readonly Buffer[],
    durable: boolean,
    done: DiskCallback,
  ): void {
    const bytes = Buffer.concat(buffers);
    const operation = this.#note('write', path, position, bytes.length, durable);
    const mutation: Mutation = { type: 'write', position, bytes };
    const apply = (): DiskErrorCode | null => {
      if (!Buffer.concat(buffers).equals(bytes)) {
        throw new Error(`a buffer given to write(${path}, ${position}) was changed before it completed`);
      }
      return this.#change(path, mutation, durable);
    };
    this.#issue({ operation, mutation, apply, finish: done });
  }

  read(path: string, position: number, length: number, done: ReadCallback): void {
    let bytes: Buffer = Buffer.alloc(0);
    const apply = (): DiskErrorCode | null => {
      const file = this.#files.get(path);
      if (file === undefined) return 'notFound';
      bytes = file.read(position, length);
      return null;
    };
    const operation = this.#note('read', path, position, length);
    this.#issue({ operation, mutation: null, apply, finish: (error) => done(error, bytes) });
  }

  sync(path: string, done: DiskCallback): void {
    const apply = (): DiskErrorCode | null => {
      const file = this.#files.get(path);
      file?.sync();
      return file === undefined ? 'notFound' : null;
    };
    this.#issue({ operation: this.#note('sync', path), mutation: null, apply, finish: done });
  }

  create(path: string, size: number, done: DiskCallback): void {
    const apply = (): DiskErrorCode | null => {
      if (!this.#directories.has(parentOf(path))) return 'notFound';
      this.#files.set(path, new MemoryFile(size));
      return null;
    };
    this.#issue({ operation: this.#note('create', path, 0, size), mutation: null, apply, finish: done });
  }

  truncate(path: string, size: number, done: DiskCallback): void {
    const mutation: Mutation = { type: 'truncate', size };
    const apply = (): DiskErrorCode | null => this.#change(path, mutation, false);
    this.#issue({ operation: this.#note('truncate', path, 0, size), mutation, apply, finish: done });
  }

  rename(from: string, to: string, done: DiskCallback): void {
    const apply = (): DiskErrorCode | null => {
      const file = this.#files.get(from);
      if (file === undefined || !this.#directories.has(parentOf(to))) return 'notFound';
      this.#files.delete(from);
      this.#files.set(to, file);
      return null;
    };
    const operation = this.#note('rename', from, 0, 0, false, to);
    this.#issue({ operation, mutation: null, apply, finish: done });
  }

  remove(path: string, done: DiskCallback): void {
    const apply = (): null => {
      this.#files.delete(path);
      return null;
    };
    this.#issue({ operation: this.#note('remove', path), mutation: null, apply, finish: done });
  }

  makeDirectory(path: string, done: DiskCallback): void {
    const apply = (): null => {
      const parts = path.split('/');
      for (let i = 1; i <= parts.length; i++) this.#directories.add(parts.slice(0, i).join('/'));
      return null;
    };
    this.#issue({ operation: this.#note('makeDirectory', path), mutation: null, apply, finish: done });
  }

  /** Calls in flight, oldest first. */
  get inFlight(): DiskOperation[] {
    return this.#inFlight.map(({ operation }) => operation);
  }

  /** Names of all files, sorted. */
  get paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** Completes up to `count` calls, oldest first, those too that completions give rise to. Answers how many. */
  pump(count = Number.POSITIVE_INFINITY): number {
    let completed = 0;
    while (completed < count && this.#inFlight.length > 0) {
      this.complete(this.#inFlight[0]!.operation.id);
      completed += 1;
    }
    return completed;
  }

  /** Completes one call in flight: the oldest of its file, since a file's completions keep their order. */
  complete(id: number): void {
    const at = this.#inFlight.findIndex(({ operation }) => operation.id === id);
    if (at < 0) throw new Error(`no call ${id} is in flight`);
    const call = this.#inFlight[at]!;
    const { operation } = call;
    if (this.#inFlight.findIndex((other) => other.operation.path === operation.path) !== at) {
      throw new Error(`call ${id} would overtake another on ${operation.path}`);
    }
    this.#inFlight.splice(at, 1);
    const code = this.#options.fault?.(operation) ?? call.apply();
    call.finish(code === null ? null : failure(code, operation));
  }

  /** Ends the process or the power: what is in flight never completes, what was not durable may be gone. */
  crash(options: CrashOptions = {}): void {
    const calls = this.#inFlight;
    this.#inFlight = [];
    this.#life += 1;
    const below = options.below ?? null;
    if (options.processOnly === true) {
      if (below !== null) for (const call of calls) if (below(2) === 0) this.#takenOver(call);
      return;
    }
    for (const [path, file] of this.#files) {
      const changes = calls.filter((call) => call.mutation !== null && call.operation.path === path);
      file.losePower(
        changes.map((call) => call.mutation!),
        below,
      );
    }
    if (below === null) return;
    for (const call of calls) this.#maybeHappened(call, below);
  }

  /** Flips the bits of `mask` in one byte, on stable storage and for reads: damage that stays. */
  corrupt(path: string, position: number, mask = 0xff): void {
    this.#existing(path).flip(position, mask);
  }

  /** How many changes to the file a loss of power would take. */
  unsynced(path: string): number {
    return this.#existing(path).unsynced;
  }

  /** What reads of the whole file see. */
  content(path: string): Buffer {
    const file = this.#existing(path);
    return file.read(0, file.size);
  }

  #existing(path: string): MemoryFile {
    const file = this.#files.get(path);
    if (file === undefined) throw new Error(`no file ${path}`);
    return file;
  }

  #change(path: string, mutation: Mutation, durable: boolean): DiskErrorCode | null {
    const file = this.#files.get(path);
    if (file === undefined) return 'notFound';
    file.change(mutation);
    if (durable) file.sync();
    return null;
  }

  /** The kernel has the call, the process died before its end: bytes are readable and not yet safe. */
  #takenOver(call: InFlight): void {
    if (call.mutation === null) call.apply();
    else this.#change(call.operation.path, call.mutation, false);
  }

  #maybeHappened(call: InFlight, below: Below): void {
    const { kind, path, length } = call.operation;
    if (kind === 'create') {
      const fate = below(3);
      if (fate === 1) call.apply();
      // Cut off while it was filled: the name is there and the size is not.
      if (fate === 2 && this.#directories.has(parentOf(path))) {
        this.#files.set(path, new MemoryFile(Math.floor(length / 2)));
      }
    } else if (kind === 'rename' || kind === 'remove' || kind === 'makeDirectory') {
      if (below(2) === 0) call.apply();
    }
  }

  #note(
    kind: DiskOperation['kind'],
    path: string,
    position = 0,
    length = 0,
    durable = false,
    to = '',
  ): DiskOperation {
    this.#operations += 1;
    const operation = { id: this.#operations, kind, path, position, length, durable, to };
    if (this.trace.length < this.#traceMax) this.trace.push(operation);
    return operation;
  }

  #checkNow(operation: DiskOperation): void {
    const code = this.#options.fault?.(operation) ?? null;
    if (code !== null) throw failure(code, operation);
  }

  #issue(call: InFlight): void {
    this.#inFlight.push(call);
    const life = this.#life;
    this.#options.schedule?.(() => {
      // In order: whichever of the scheduled runs comes first completes the oldest call.
      if (life === this.#life) this.pump(1);
    });
  }
}

function failure(code: DiskErrorCode, operation: DiskOperation): DiskError {
  return new DiskError(code, operation.path, `${operation.kind} of ${operation.path}: ${code}`);
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}
