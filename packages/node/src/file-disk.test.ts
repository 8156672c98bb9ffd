import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskError } from '@vireo/storage';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileSystem } from './file-descriptors.ts';
import { FileDisk } from './file-disk.ts';

let root: string;
let disk: FileDisk;

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'vireo-disk-'));
  disk = new FileDisk(root);
});

afterEach(() => {
  disk.close();
  fs.rmSync(root, { recursive: true });
});

/** Runs a call of the disk and waits for its completion, which must not come before the call returns. */
function completed(call: (done: (error: DiskError | null, bytes?: Buffer) => void) => void) {
  return new Promise<{ error: DiskError | null; bytes: Buffer }>((resolve) => {
    let returned = false;
    call((error, bytes) => {
      expect(returned).toBe(true);
      resolve({ error, bytes: bytes ?? Buffer.alloc(0) });
    });
    returned = true;
  });
}

async function ok(call: Parameters<typeof completed>[0]): Promise<Buffer> {
  const { error, bytes } = await completed(call);
  expect(error).toBeNull();
  return bytes;
}

async function refusal(call: Parameters<typeof completed>[0]): Promise<string | undefined> {
  return (await completed(call)).error?.code;
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** A disk whose file system has some calls replaced. */
function diskWith(replaced: Partial<Record<keyof FileSystem, unknown>>, options = {}): FileDisk {
  disk.close();
  disk = new FileDisk(root, { ...options, fs: { ...fs, ...replaced } as FileSystem });
  return disk;
}

function content(name: string): string {
  return fs.readFileSync(join(root, name), 'latin1');
}

describe('files', () => {
  test('create makes zeros of the wanted size, also over several fill steps, and in place of an older file', async () => {
    const size = (9 << 20) + 5;
    fs.writeFileSync(join(root, 'a'), 'older');
    await ok((done) => disk.create('a', size, done));
    const bytes = fs.readFileSync(join(root, 'a'));
    expect(bytes.length).toBe(size);
    expect(bytes.equals(Buffer.alloc(size))).toBe(true);
  });

  test.each(['dsync', 'fdatasync'] as const)(
    'durable writes (%s) and plain ones read back',
    async (durableBy) => {
      disk = diskWith({}, { durableBy });
      await ok((done) => disk.create('a', 4, done));
      await ok((done) =>
        disk.write('a', 2, [Buffer.from('xy'), Buffer.from(''), Buffer.from('zw')], true, done),
      );
      await ok((done) => disk.write('a', 6, [Buffer.from('!')], false, done));
      const bytes = await ok((done) => disk.read('a', 0, 100, done));
      expect(bytes.toString('latin1')).toBe('\0\0xyzw!');
      expect(disk.readSync('a', 2, 2).toString()).toBe('xy');
      expect(disk.readSync('a', 6, 10).toString()).toBe('!');
      expect(disk.size('a')).toBe(7);
    },
  );

  test('an empty write and an empty read complete', async () => {
    await ok((done) => disk.create('a', 1, done));
    await ok((done) => disk.write('a', 0, [], true, done));
    expect(await ok((done) => disk.read('a', 0, 0, done))).toHaveLength(0);
  });

  test('truncate, rename over another file, remove', async () => {
    await ok((done) => disk.create('a', 10, done));
    await ok((done) => disk.write('a', 0, [Buffer.from('hello')], false, done));
    await ok((done) => disk.truncate('a', 5, done));
    await ok((done) => disk.create('b', 3, done));
    await ok((done) => disk.write('b', 0, [Buffer.from('old')], false, done));
    await ok((done) => disk.rename('a', 'b', done));
    expect(disk.size('a')).toBeNull();
    // Not by the descriptor that was open for the old file of this name.
    expect((await ok((done) => disk.read('b', 0, 9, done))).toString()).toBe('hello');
    await ok((done) => disk.write('b', 0, [Buffer.from('J')], true, done));
    expect(content('b')).toBe('Jello');
    await ok((done) => disk.remove('b', done));
    expect(await refusal((done) => disk.read('b', 0, 1, done))).toBe('notFound');
  });

  test('remove of what is absent is no error, and an empty directory goes too', async () => {
    await ok((done) => disk.remove('none', done));
    await ok((done) => disk.remove('no/such/directory/none', done));
    await ok((done) => disk.makeDirectory('groups/7', done));
    await ok((done) => disk.makeDirectory('groups/7', done));
    await ok((done) => disk.remove('groups/7', done));
    expect(disk.list('groups')).toEqual([]);
  });

  test('list is sorted', async () => {
    for (const name of ['b', 'c', 'a']) fs.writeFileSync(join(root, name), '');
    expect(disk.list('.')).toEqual(['a', 'b', 'c']);
  });

  test('completions of one file come in the order of the calls', async () => {
    await ok((done) => disk.create('a', 4 << 20, done));
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        completed((done) => {
          const write = index % 4 !== 3;
          const bytes = Buffer.alloc(index % 3 === 0 ? 1 << 20 : 10, index);
          const finished = (error: DiskError | null) => {
            order.push(index);
            done(error);
          };
          if (write) disk.write('a', 0, [bytes], index % 2 === 0, finished);
          else disk.read('a', 0, 4096, finished);
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('few descriptors serve many files, and unsynced ones are synced before they are closed', async () => {
    let syncs = 0;
    disk = diskWith(
      {
        fdatasync: (fd: number, callback: fs.NoParamCallback) => {
          syncs++;
          fs.fdatasync(fd, callback);
        },
      },
      { filesMax: 2 },
    );
    for (let index = 0; index < 10; index++) {
      await ok((done) => disk.create(`f${index}`, 0, done));
      await ok((done) => disk.write(`f${index}`, 0, [Buffer.from(String(index))], false, done));
    }
    for (let index = 0; index < 10; index++) {
      expect((await ok((done) => disk.read(`f${index}`, 0, 9, done))).toString()).toBe(String(index));
    }
    await expect.poll(() => disk.openFiles).toBeLessThanOrEqual(2);
    expect(syncs).toBeGreaterThanOrEqual(7);
  });
});

describe('what the file system refuses', () => {
  test('a file that is not there is notFound, at boot and at run time; its size is null', async () => {
    expect(disk.size('none')).toBeNull();
    expect(() => disk.readSync('none', 0, 1)).toThrow(
      expect.objectContaining({ code: 'notFound', path: 'none' }),
    );
    expect(() => disk.list('none')).toThrow(expect.objectContaining({ code: 'notFound' }));
    expect(await refusal((done) => disk.read('none', 0, 1, done))).toBe('notFound');
    expect(await refusal((done) => disk.write('none', 0, [Buffer.from('x')], true, done))).toBe('notFound');
    expect(await refusal((done) => disk.sync('none', done))).toBe('notFound');
    expect(await refusal((done) => disk.rename('none', 'other', done))).toBe('notFound');
    expect(await refusal((done) => disk.create('no/such/directory', 1, done))).toBe('notFound');
    expect(disk.openFiles).toBe(0);
  });

  test('a path through a file is io, never absent', async () => {
    fs.writeFileSync(join(root, 'a'), 'x');
    expect(() => disk.size('a/b')).toThrow(expect.objectContaining({ code: 'io' }));
    expect(await refusal((done) => disk.read('a/b', 0, 1, done))).toBe('io');
  });

  test.each([
    ['EACCES', 'denied'],
    ['EPERM', 'denied'],
    ['EROFS', 'denied'],
    ['ENOSPC', 'noSpace'],
    ['EDQUOT', 'noSpace'],
    ['EIO', 'io'],
    ['EMFILE', 'io'],
  ])('%s is %s', async (system, code) => {
    const failing = (...args: unknown[]) => {
      (args.at(-1) as (error: Error) => void)(systemError(system));
    };
    await ok((done) => disk.create('a', 1, done));
    disk = diskWith({
      writev: (...args: unknown[]) => setImmediate(failing, ...args),
      read: (...args: unknown[]) => setImmediate(failing, ...args),
      unlink: (...args: unknown[]) => setImmediate(failing, ...args),
      rmdir: (...args: unknown[]) => setImmediate(failing, ...args),
    });
    expect(await refusal((done) => disk.write('a', 0, [Buffer.from('x')], false, done))).toBe(code);
    expect(await refusal((done) => disk.read('a', 0, 1, done))).toBe(code);
    expect(await refusal((done) => disk.remove('a', done))).toBe(code);
  });

  test('no room for a new file: noSpace, and no short file stays', async () => {
    let calls = 0;
    disk = diskWith({
      writev: (
        fd: number,
        buffers: Buffer[],
        position: number,
        callback: (error: Error | null, n: number) => void,
      ) => {
        if (++calls > 2) setImmediate(callback, systemError('ENOSPC'), 0);
        else fs.writev(fd, buffers, position, callback);
      },
    });
    expect(await refusal((done) => disk.create('a', 8 << 20, done))).toBe('noSpace');
    expect(disk.size('a')).toBeNull();
  });

  test('a write that the kernel takes in parts arrives whole', async () => {
    await ok((done) => disk.create('a', 0, done));
    const sizes: number[] = [];
    disk = diskWith({
      writev: (
        fd: number,
        buffers: Buffer[],
        position: number,
        callback: (error: Error | null, n: number) => void,
      ) => {
        const all = Buffer.concat(buffers);
        sizes.push(all.length);
        fs.write(fd, all, 0, Math.min(3, all.length), position, callback);
      },
    });
    const buffers = ['ab', '', 'cdef', 'g'].map((text) => Buffer.from(text));
    await ok((done) => disk.write('a', 0, buffers, true, done));
    expect(content('a')).toBe('abcdefg');
    expect(sizes).toEqual([7, 4, 1]);
    expect(disk.bytesWritten).toBe(7);
  });

  test('a write that makes no progress is io, not a loop', async () => {
    await ok((done) => disk.create('a', 1, done));
    disk = diskWith({
      writev: (...args: unknown[]) =>
        setImmediate(args[3] as (error: null, written: number) => void, null, 0),
    });
    expect(await refusal((done) => disk.write('a', 0, [Buffer.from('x')], false, done))).toBe('io');
  });

  test('reads that come in parts are put together', async () => {
    fs.writeFileSync(join(root, 'a'), 'abcdefg');
    disk = diskWith({
      read: (fd: number, bytes: Buffer, at: number, length: number, position: number, callback: () => void) =>
        fs.read(fd, bytes, at, Math.min(2, length), position, callback),
    });
    expect((await ok((done) => disk.read('a', 1, 5, done))).toString()).toBe('bcdef');
  });
});

describe('syncs', () => {
  test('a durable write behind plain ones syncs those too', async () => {
    let syncs = 0;
    disk = diskWith({
      fdatasync: (fd: number, callback: fs.NoParamCallback) => {
        syncs++;
        fs.fdatasync(fd, callback);
      },
    });
    await ok((done) => disk.create('a', 0, done));
    syncs = 0;
    await ok((done) => disk.write('a', 0, [Buffer.from('x')], true, done));
    const alone = syncs;
    await ok((done) => disk.write('a', 1, [Buffer.from('x')], false, done));
    expect(syncs).toBe(alone);
    await ok((done) => disk.write('a', 2, [Buffer.from('x')], true, done));
    expect(syncs).toBe(alone + 1);
  });

  test.each(['dsync', 'fdatasync'] as const)(
    'a failed one (%s) is reported once and never tried again',
    async (durableBy) => {
      await ok((done) => disk.create('a', 1, done));
      let tries = 0;
      const fails = (...args: unknown[]) => {
        tries++;
        setImmediate(args.at(-1) as (error: Error) => void, systemError('EIO'));
      };
      disk = diskWith(durableBy === 'dsync' ? { writev: fails } : { fdatasync: fails }, { durableBy });
      expect(await refusal((done) => disk.write('a', 0, [Buffer.from('x')], true, done))).toBe('io');
      expect(tries).toBe(1);
      expect(await refusal((done) => disk.write('a', 0, [Buffer.from('x')], true, done))).toBe('io');
      expect(await refusal((done) => disk.sync('a', done))).toBe('io');
      expect(await refusal((done) => disk.rename('a', 'b', done))).toBe('io');
      expect(tries).toBe(1);
      // What is there can still be read.
      expect(await ok((done) => disk.read('a', 0, 1, done))).toHaveLength(1);
    },
  );

  test('a full disk is not a failed sync: the same write passes when there is room', async () => {
    await ok((done) => disk.create('a', 1, done));
    let full = true;
    disk = diskWith({
      writev: (...args: Parameters<typeof fs.writev>) => {
        if (full) setImmediate(args[3] as (error: Error, written: number) => void, systemError('ENOSPC'), 0);
        else fs.writev(...args);
      },
    });
    expect(await refusal((done) => disk.write('a', 0, [Buffer.from('x')], true, done))).toBe('noSpace');
    full = false;
    await ok((done) => disk.write('a', 0, [Buffer.from('x')], true, done));
  });
});

test('reads beyond the bound wait, and a write passes them', async () => {
  for (const path of ['a', 'b', 'c']) fs.writeFileSync(join(root, path), 'abc');
  const held: (() => void)[] = [];
  disk = diskWith(
    { read: (...args: Parameters<typeof fs.read>) => held.push(() => fs.read(...args)) },
    { readsMax: 2 },
  );
  const reads = ['a', 'b', 'a', 'b'].map((path) => ok((done) => disk.read(path, 0, 3, done)));
  await expect.poll(() => held.length).toBe(2);
  await ok((done) => disk.write('c', 0, [Buffer.from('x')], true, done));
  expect(held).toHaveLength(2);
  held[0]?.();
  await expect.poll(() => held.length).toBe(3);
  held[1]?.();
  await expect.poll(() => held.length).toBe(4);
  held[2]?.();
  held[3]?.();
  for (const bytes of await Promise.all(reads)) expect(bytes.toString()).toBe('abc');
});
