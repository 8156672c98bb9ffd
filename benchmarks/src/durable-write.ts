// Which way of making a journal write durable is faster on this disk? `npm run durable-write -w benchmarks`
//
//   writev + fdatasync   two trips through libuv's thread pool
//   O_DSYNC writev       one trip: the kernel returns when the data is on stable storage
//
// Both write to a file that was filled with zeros and synced before, as journal files are, so neither has
// to make block allocation durable. The two alternate write by write, so that a disk that slows down for a
// while slows both. One write is in flight at a time: that is what a journal does (replication.md, §5).
// `--load` keeps a second file written without syncs at the side, as write-behind segments are: fdatasync
// and O_DSYNC then share the device and the file system's log with it.
import {
  closeSync,
  constants,
  fdatasync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
  writev,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const FILE_BYTES = 64 << 20;
const BLOCK = 4096;

interface Method {
  readonly name: string;
  readonly write: (buffers: Buffer[], position: number) => Promise<void>;
  position: number;
}

function writeOnce(fd: number, buffers: Buffer[], position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const wanted = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    writev(fd, buffers, position, (error, written) => {
      if (error !== null) reject(error);
      else if (written !== wanted) reject(new Error(`short write: ${written} of ${wanted} bytes`));
      else resolve();
    });
  });
}

function syncOnce(fd: number): Promise<void> {
  return new Promise((resolve, reject) =>
    fdatasync(fd, (error) => (error === null ? resolve() : reject(error))),
  );
}

/** A file of `FILE_BYTES` zeros, synced: writes to it change data only. */
function preallocate(path: string): void {
  const fd = openSync(path, 'w');
  const zeros = Buffer.alloc(1 << 20);
  for (let at = 0; at < FILE_BYTES; at += zeros.length) writeSync(fd, zeros, 0, zeros.length, at);
  fsyncSync(fd);
  closeSync(fd);
}

function percentile(sortedMs: number[], fraction: number): string {
  return (sortedMs[Math.min(sortedMs.length - 1, Math.floor(sortedMs.length * fraction))] ?? 0).toFixed(3);
}

/** Writes to a file at the side, 256 KiB at a time and about 100 MB/s, until told to stop. */
function startLoad(path: string): () => Promise<void> {
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(256 << 10, 7);
  let stopped = false;
  let position = 0;
  const running = (async () => {
    while (!stopped) {
      await writeOnce(fd, [block], position);
      position = (position + block.length) % (256 << 20);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    closeSync(fd);
  })();
  return () => {
    stopped = true;
    return running;
  };
}

async function measure(directory: string, bytes: number, rounds: number): Promise<void> {
  const plainPath = join(directory, 'plain');
  const dsyncPath = join(directory, 'dsync');
  preallocate(plainPath);
  preallocate(dsyncPath);
  const plain = openSync(plainPath, 'r+');
  const dsync = openSync(dsyncPath, constants.O_RDWR | constants.O_DSYNC);
  const methods: Method[] = [
    {
      name: 'writev + fdatasync',
      position: 0,
      write: async (buffers, position) => {
        await writeOnce(plain, buffers, position);
        await syncOnce(plain);
      },
    },
    {
      name: 'O_DSYNC writev',
      position: 0,
      write: (buffers, position) => writeOnce(dsync, buffers, position),
    },
  ];
  // A header and a body, as a flush is; distinct bytes so that no layer below can fold them.
  const header = Buffer.alloc(Math.min(BLOCK, bytes), 1);
  const body = Buffer.alloc(bytes - header.length, 2);
  const stride = Math.ceil(bytes / BLOCK) * BLOCK;
  const times = methods.map((): number[] => []);
  for (let round = -10; round < rounds; round++) {
    for (let turn = 0; turn < methods.length; turn++) {
      const index = (round + 10 + turn) % methods.length;
      const method = methods[index];
      if (method === undefined) continue;
      header.writeUInt32LE(round + 10, 0);
      if (method.position + stride > FILE_BYTES) method.position = 0;
      const started = performance.now();
      await method.write(body.length > 0 ? [header, body] : [header], method.position);
      const tookMs = performance.now() - started;
      method.position += stride;
      if (round >= 0) times[index]?.push(tookMs);
    }
  }
  for (const [index, method] of methods.entries()) {
    const all = times[index] ?? [];
    const sumMs = all.reduce((sum, value) => sum + value, 0);
    const sorted = all.toSorted((a, b) => a - b);
    console.log(
      `| ${(bytes / 1024).toFixed(0)} KiB | ${method.name} | ${percentile(sorted, 0.5)} | ${percentile(sorted, 0.95)} | ` +
        `${percentile(sorted, 0.99)} | ${((bytes * all.length) / 1e6 / (sumMs / 1000)).toFixed(0)} |`,
    );
  }
  closeSync(plain);
  closeSync(dsync);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      directory: { type: 'string', default: tmpdir() },
      rounds: { type: 'string', default: '500' },
      load: { type: 'boolean', default: false },
    },
  });
  const directory = mkdtempSync(join(values.directory, 'vireo-durable-write-'));
  const stopLoad = values.load ? startLoad(join(directory, 'load')) : async () => {};
  try {
    console.log(
      '| write | method | p50 ms | p95 ms | p99 ms | MB/s |\n| --- | --- | --- | --- | --- | --- |',
    );
    const rounds = Number(values.rounds);
    await measure(directory, 4096, rounds);
    await measure(directory, 100_000, rounds);
    await measure(directory, 1 << 20, Math.ceil(rounds / 4));
  } finally {
    await stopLoad();
    rmSync(directory, { recursive: true });
  }
}

await main();
