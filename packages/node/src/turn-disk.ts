import type { Disk, DiskCallback, ReadCallback } from '@vireo/storage';

/** Runs a completion as an event of a turn. */
type RunInTurn = (name: string, action: () => void) => void;

/**
 * The disk as the core gets it: completions are events of the current turn, so they are settled and traced like
 * all others, whatever stands between this and the files.
 */
export class TurnDisk implements Disk {
  readonly #disk: Disk;
  readonly #run: RunInTurn;

  constructor(disk: Disk, run: RunInTurn) {
    this.#disk = disk;
    this.#run = run;
  }

  list(directory: string): string[] {
    return this.#disk.list(directory);
  }

  size(path: string): number | null {
    return this.#disk.size(path);
  }

  readSync(path: string, position: number, length: number): Buffer {
    return this.#disk.readSync(path, position, length);
  }

  write(
    path: string,
    position: number,
    buffers: readonly Buffer[],
    durable: boolean,
    done: DiskCallback,
  ): void {
    this.#disk.write(path, position, buffers, durable, this.#completion('written', done));
  }

  read(path: string, position: number, length: number, done: ReadCallback): void {
    this.#disk.read(path, position, length, (error, bytes) => this.#run('read', () => done(error, bytes)));
  }

  sync(path: string, done: DiskCallback): void {
    this.#disk.sync(path, this.#completion('synced', done));
  }

  create(path: string, size: number, done: DiskCallback): void {
    this.#disk.create(path, size, this.#completion('created', done));
  }

  truncate(path: string, size: number, done: DiskCallback): void {
    this.#disk.truncate(path, size, this.#completion('truncated', done));
  }

  rename(from: string, to: string, done: DiskCallback): void {
    this.#disk.rename(from, to, this.#completion('renamed', done));
  }

  remove(path: string, done: DiskCallback): void {
    this.#disk.remove(path, this.#completion('removed', done));
  }

  makeDirectory(path: string, done: DiskCallback): void {
    this.#disk.makeDirectory(path, this.#completion('directoryMade', done));
  }

  #completion(name: string, done: DiskCallback): DiskCallback {
    return (error) => this.#run(name, () => done(error));
  }
}
