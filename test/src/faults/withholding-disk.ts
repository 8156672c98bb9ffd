import type { DiskCallback } from '@vireo/storage';
import { ForwardingDisk } from './forwarding-disk.ts';

/** Passes everything on to real files; while withholding, completions of durable writes and syncs wait. */
export class WithholdingDisk extends ForwardingDisk {
  #withholding = false;
  #waiting: (() => void)[] = [];

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

  override write(
    path: string,
    position: number,
    buffers: readonly Buffer[],
    durable: boolean,
    done: DiskCallback,
  ): void {
    super.write(path, position, buffers, durable, durable ? this.#held(done) : done);
  }

  override sync(path: string, done: DiskCallback): void {
    super.sync(path, this.#held(done));
  }

  #held(done: DiskCallback): DiskCallback {
    return (error) => {
      if (this.#withholding) this.#waiting.push(() => done(error));
      else done(error);
    };
  }
}
