import type { Disk, DiskCallback, ReadCallback } from '@vireo/storage';

/** Passes everything on to real files; while withholding, completions of durable writes and syncs wait. */
export class WithholdingDisk implements Disk {
  readonly #disk: Disk;
  #withholding = false;
  #waiting: (() => void)[] = [];

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  get withheld(): number {
    return this.#waiting.length;
  }

  withhold(): void {
    this.#withholding = true;
  }

  release(): void {
    this.#withholding = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const complete of waiting) complete();
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
    this.#disk.write(path, position, buffers, durable, durable ? this.#held(done) : done);
  }

  read(path: string, position: number, length: number, done: ReadCallback): void {
    this.#disk.read(path, position, length, done);
  }

  sync(path: string, done: DiskCallback): void {
    this.#disk.sync(path, this.#held(done));
  }

  create(path: string, size: number, done: DiskCallback): void {
    this.#disk.create(path, size, done);
  }

  truncate(path: string, size: number, done: DiskCallback): void {
    this.#disk.truncate(path, size, done);
  }

  rename(from: string, to: string, done: DiskCallback): void {
    this.#disk.rename(from, to, done);
  }

  remove(path: string, done: DiskCallback): void {
    this.#disk.remove(path, done);
  }

  makeDirectory(path: string, done: DiskCallback): void {
    this.#disk.makeDirectory(path, done);
  }

  #held(done: DiskCallback): DiskCallback {
    return (error) => {
      if (this.#withholding) this.#waiting.push(() => done(error));
      else done(error);
    };
  }
}
