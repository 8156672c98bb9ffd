import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import * as protocol from '@vireo/protocol';
import * as vsr from '@vireo/vsr';

// 1. What is replicated.

type Command = { put: string; value: string } | { get: string };

class Store implements vsr.StateMachine {
  values = new Map<string, string>();
  readonly committed: protocol.Prepare[] = [];

  admit(): vsr.Admission {
    const context = { baseOffset: 0, count: 0, producerId: 0, producerEpoch: 0, sequence: 0, codec: 0 };
    return { type: 'prepare', context };
  }
  apply(prepare: protocol.Prepare): string | undefined {
    this.committed.push(prepare);
    if (prepare.header.kind !== protocol.PrepareKind.metadata) return undefined; // The first op of a view.
    const command = JSON.parse(protocol.prepareBody(prepare).toString()) as Command;
    if ('put' in command) this.values.set(command.put, command.value);
    return this.values.get('put' in command ? command.put : command.get);
  }
  // Now and then the replicas compare what this gives: equal states, equal bytes.
  snapshot(): Buffer {
    return Buffer.from(JSON.stringify([...this.values]));
  }
  restore(snapshot: Buffer): void {
    this.values = new Map(JSON.parse(snapshot.toString()) as [string, string][]);
  }
  // For machines that judge a request by what stands before it in the log. This one takes every request.
  prepared(): void {}
  rebuildHead(): void {}
  nextOffset(): number {
    return 0;
  }
}

// 2. Stable storage. One line a write: a checksum, then what is to be durable.

const identity = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 32);
const checksums: protocol.Checksums = { crc32, identity };
const seal = (text: string) => `${identity(Buffer.from(text))} ${text}`;

function append(file: number, entries: readonly string[]): void {
  fs.appendFileSync(file, `${seal(JSON.stringify(entries))}\n`);
  fs.fdatasyncSync(file); // If it fails, it throws and ends the process: asking again would prove nothing.
}

function toEntries(write: vsr.PersistWrite): string[] {
  const entries = write.prepares.map(({ bytes }) => `prepare ${bytes.toString('base64')}`);
  if (write.type === 'prepares') return entries;
  return [...entries, `state ${vsr.encodeStateRecord(write.record).toString('base64')}`];
}

function fromEntry(entry: string): vsr.ReplayItem {
  const [type, base64 = ''] = entry.split(' ');
  const bytes = Buffer.from(base64, 'base64');
  if (type === 'state') return { type, record: checked(vsr.decodeStateRecord(bytes, checksums)) };
  return { type: 'prepare', prepare: checked(protocol.decodePrepare(bytes, checksums, true)) };
}

function checked<T>(read: protocol.Decoded<T>): T {
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

function openJournal(path: string) {
  const file = fs.openSync(path, 'a+');
  const lines = fs.readFileSync(file, 'latin1').split('\n');
  const unfinished = lines.pop();
  const items: vsr.ReplayItem[] = [];
  let [size, starts] = [0, 1];
  for (const [index, line] of lines.entries()) {
    const text = line.slice(33);
    if (line !== seal(text)) {
      if (index === lines.length - 1 && unfinished === '') break;
      // With another one behind it, it was synced and may have been promised: no replica is better than a liar.
      throw new Error(`${path}: line ${index + 1} is damaged`);
    }
    const entries = JSON.parse(text) as string[];
    items.push(...entries.map(fromEntry));
    if (entries.length === 0) starts++;
    size += line.length + 1;
  }
  // A torn end was never synced, so nothing was ever said of it. The empty line counts the starts, and its sync makes
  // durable what a killed process had only handed to the system.
  fs.ftruncateSync(file, size);
  append(file, []);
  const parent = fs.openSync(dirname(path), 'r');
  fs.fsyncSync(parent);
  fs.closeSync(parent);
  return { file, items, starts };
}

// 3. The adapter between a replica and the world.

interface Server {
  readonly store: Store;
  post(event: vsr.ReplicaEvent): void;
  request(command: Command): Promise<vsr.ReplyOutcome>;
  kill(): void;
}

const directory = process.argv[2] ?? fs.mkdtempSync(join(tmpdir(), 'store-'));
const servers = new Map<number, Server>();
const below = (bound: number) => Math.floor(Math.random() * bound);
const random: vsr.Random = { u32: () => below(2 ** 32), below, fork: () => random };
const clock: vsr.Clock = { monotonicMs: () => performance.now(), wallMicros: () => Date.now() * 1000 };
const limits = { pipeline: 32, pipelineBytes: 1 << 20, queueMax: 1000, queueBytesMax: 1 << 20 };
const policy = { coldStart: 'wait', digestEvery: 1000, timeouts: vsr.DEFAULT_TIMEOUTS } as const;
const empty = { op: 0, checksum: protocol.ZERO_CHECKSUM, timestamp: 0, lossEpoch: 0, mode: 'disk' } as const;

function start(self: number): Server {
  const { file, items, starts } = openJournal(join(directory, `${self}.journal`));
  // The journal holds the whole log, from op 0 on. Who takes snapshots restores the last one and begins there.
  const recovery = vsr.replayJournal(items, empty);
  if (recovery === null) throw new Error(`journal ${self} does not hang together`);

  const store = new Store();
  const events: vsr.ReplicaEvent[] = [];
  const requests = new Map<number, (outcome: vsr.ReplyOutcome) => void>();
  const effects: vsr.ReplicaEffects = {
    send: (to, message) => servers.get(to)?.post({ type: 'message', from: self, message }),
    load(token, first, last) {
      const prepares = store.committed.slice(first - 1, Math.min(last, first + 31)); // The rest is asked for again.
      post({ type: 'loaded', token, prepares });
    },
    persist(token, write) {
      append(file, toEntries(write));
      post({ type: 'persisted', token, ok: true });
    },
    reply(id, outcome) {
      requests.get(id)?.(outcome);
      requests.delete(id);
    },
  };
  function post(event: vsr.ReplicaEvent): void {
    if (events.push(event) === 1) setImmediate(turn);
  }
  function turn(): void {
    if (servers.get(self) !== server) return; // The dead do nothing.
    for (const event of events.splice(0)) replica.step(event, effects);
    replica.settle(effects);
  }
  function request(command: Command): Promise<vsr.ReplyOutcome> {
    const room = Buffer.alloc(protocol.PREPARE_HEADER_SIZE);
    const bytes = Buffer.concat([room, Buffer.from(JSON.stringify(command))]);
    const id = nextRequest++;
    post({ type: 'request', request: { id, kind: protocol.PrepareKind.metadata, bytes, context: null } });
    return new Promise((resolve) => requests.set(id, resolve));
  }
  function kill(): void {
    servers.delete(self);
    clearInterval(ticks);
    fs.closeSync(file);
    for (const answer of requests.values()) answer({ type: 'unknown', code: 'viewChanged' });
  }

  const group = { group: 1, epoch: 0, members: [0, 1, 2], self, startCounter: starts };
  const config: vsr.ReplicaConfig = { ...group, ...limits, ...policy };
  const server: Server = { store, post, request, kill };
  servers.set(self, server);
  const replica = new vsr.Replica(config, store, { clock, random, checksums }, recovery, effects);
  const ticks = setInterval(() => post({ type: 'tick' }), 10);
  return server;
}

// 4. A client, and a story.

let nextRequest = 1;

async function ask(command: Command) {
  for (;;) {
    for (const [server, { request }] of servers) {
      const outcome = await request(command);
      // `refused` is in no log. `unknown` may be in one, and either command may be repeated.
      if (outcome.type === 'reply') return { value: outcome.reply, server };
    }
    await sleep(10);
  }
}

const ids = [0, 1, 2];
for (const id of ids) start(id);
const stored = await ask({ put: 'greeting', value: 'hello' });
console.log('stored by the primary', stored);

servers.get(stored.server)?.kill();
console.log('which is dead now', await ask({ get: 'greeting' }));
await ask({ put: 'greeting', value: 'hello again' });

const { store } = start(stored.server);
while (store.values.get('greeting') !== 'hello again') await sleep(10);
console.log('and is back, with what it missed', Object.fromEntries(store.values));

for (const id of ids) servers.get(id)?.kill();
for (const id of ids) start(id);
console.log('after a restart of all', await ask({ get: 'greeting' }));
for (const id of ids) servers.get(id)?.kill();
