import type { Disk } from '@vireo/storage';

/**
 * Stands between a process and its disk. While it holds, whatever would change the disk waits here, in order; reads go
 * through. What waits when the process ends has never reached the disk: so a scenario can say "before its write".
 */
export class DiskHold {
  #holds = false;
  #waiting: (() => void)[] = [];

  hold(): void {
    this.#holds = true;
  }

  release(): void {
    this.#holds = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }

  /** The process is gone, and what it had handed over with it. */
  drop(): void {
    this.#holds = false;
    this.#waiting = [];
  }

  wrap(disk: Disk): Disk {
    const pass = (run: () => void): void => {
      if (this.#holds) this.#waiting.push(run);
      else run();
    };
    return {
      ...disk,
      write: (...args) => pass(() => disk.write(...args)),
      sync: (...args) => pass(() => disk.sync(...args)),
      create: (...args) => pass(() => disk.create(...args)),
      truncate: (...args) => pass(() => disk.truncate(...args)),
      rename: (...args) => pass(() => disk.rename(...args)),
      remove: (...args) => pass(() => disk.remove(...args)),
      makeDirectory: (...args) => pass(() => disk.makeDirectory(...args)),
    };
  }
}
