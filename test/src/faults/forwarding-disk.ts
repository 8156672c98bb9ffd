import type { Disk, DiskCallback, ReadCallback } from '@vireo/storage';

/** Passes every call on; what stands between a node and its files overrides what it is about. */
export class ForwardingDisk implements Disk {
  protected readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  list(directory: string): string[] {
    return this.disk.list(directory);
  }

  size(path: string): number | null {
    return this.disk.size(path);
  }

  readSync(path: string, position: number, length: number): Buffer {
    return this.disk.readSync(path, position, length);
  }

  write(
    path: string,
    position: number,
    buffers: readonly Buffer[],
    durable: boolean,
    done: DiskCallback,
  ): void {
    this.disk.write(path, position, buffers, durable, done);
  }

  read(path: string, position: number, length: number, done: ReadCallback): void {
    this.disk.read(path, position, length, done);
  }

  sync(path: string, done: DiskCallback): void {
    this.disk.sync(path, done);
  }

  create(path: string, size: number, done: DiskCallback): void {
    this.disk.create(path, size, done);
  }

  truncate(path: string, size: number, done: DiskCallback): void {
    this.disk.truncate(path, size, done);
  }

  rename(from: string, to: string, done: DiskCallback): void {
    this.disk.rename(from, to, done);
  }

  remove(path: string, done: DiskCallback): void {
    this.disk.remove(path, done);
  }

  makeDirectory(path: string, done: DiskCallback): void {
    this.disk.makeDirectory(path, done);
  }
}
