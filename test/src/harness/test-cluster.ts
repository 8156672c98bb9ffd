import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect } from '@vireo/client';
import { formatNode } from '@vireo/node';
import { freePorts } from './free-ports.ts';
import { ServerProcess } from './server-process.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface TestClusterOptions {
  readonly nodes?: number;
  /** More flags for every node. */
  readonly flags?: readonly string[];
  /** More flags for one node. */
  readonly nodeFlags?: (node: { readonly id: number; readonly directory: string }) => readonly string[];
  /** Another program than the server, which takes `--data` and tells that it listens. It gets no other flags of ours. */
  readonly entry?: string;
  /** A ring of four files of 8 MiB, so that some seconds of load go round it. Default true. */
  readonly smallJournal?: boolean;
  /** Puts a proxy between every two nodes. */
  readonly proxies?: boolean;
}

interface TestNode {
  readonly id: number;
  readonly address: string;
  readonly directory: string;
  readonly log: string;
  process: ServerProcess | null;
}

const PORT_STEP = 10;
/** Four files of 8 MiB: a load of some seconds goes round the ring and takes checkpoints on its way. */
const SMALL_JOURNAL = ['--limits-journal-files', '4', '--limits-journal-file-bytes', String(8 << 20)];

/** A cluster of real node processes in a temporary directory, with the faults that a machine can do to them. */
export class TestCluster {
  readonly directory: string;
  readonly nodes: readonly TestNode[];
  readonly #options: TestClusterOptions;
  /** By `from>to`: what stands between the two, as the lower id dials the higher one. */
  readonly #proxies = new Map<string, TcpProxy>();
  readonly #clients: Client[] = [];

  private constructor(directory: string, nodes: TestNode[], options: TestClusterOptions) {
    this.directory = directory;
    this.nodes = nodes;
    this.#options = options;
  }

  /** Formats and starts the nodes; resolves when the metadata group has a primary. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const count = options.nodes ?? 3;
    const directory = mkdtempSync(join(tmpdir(), 'vireo-test-'));
    const port = await freePorts(count, PORT_STEP);
    const founders = Array.from({ length: count }, (_, id) => ({
      id,
      address: `127.0.0.1:${port + id * PORT_STEP}`,
      host: `host-${id}`,
    }));
    const nodes = founders.map(({ id, address }) => {
      const home = join(directory, `node-${id}`);
      mkdirSync(home);
      formatNode({ directory: home, cluster: 'test', node: id, founders });
      return {
        id,
        address,
        directory: home,
        log: join(directory, `node-${id}.log`),
        process: null,
      } satisfies TestNode;
    });
    const cluster = new TestCluster(directory, nodes, options);
    if (options.proxies === true) await cluster.#startProxies();
    const processes = nodes.map(({ id }) => cluster.launch(id));
    try {
      await Promise.all(processes.map((process) => process.listening));
      await cluster.ready();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async #startProxies(): Promise<void> {
    for (const from of this.nodes) {
      for (const to of this.nodes) {
        if (from.id >= to.id) continue;
        this.#proxies.set(`${from.id}>${to.id}`, await TcpProxy.start(to.address));
      }
    }
  }

  /** The proxy between two nodes. */
  between(a: number, b: number): TcpProxy {
    const proxy = this.#proxies.get(`${Math.min(a, b)}>${Math.max(a, b)}`);
    if (proxy === undefined) throw new Error('the cluster was started without proxies');
    return proxy;
  }

  /** Starts the process of a node; `listening` of the process tells when it is up. */
  launch(id: number): ServerProcess {
    const node = this.#node(id);
    if (node.process?.running === true) throw new Error(`node ${id} runs already`);
    const dial = this.nodes
      .filter((peer) => this.#proxies.has(`${id}>${peer.id}`))
      .map((peer) => `${peer.id}=${this.between(id, peer.id).address}`);
    const { entry, flags = [], nodeFlags, smallJournal = true } = this.#options;
    const args = ['--data', node.directory];
    if (entry === undefined) {
      args.push('--exit-with-parent', '--health-port', '0', ...(smallJournal ? SMALL_JOURNAL : []), ...flags);
      if (dial.length > 0) args.push('--dial', dial.join(','));
    }
    args.push(...(nodeFlags?.(node) ?? []));
    node.process = new ServerProcess(args, node.log, entry);
    return node.process;
  }

  async restart(id: number): Promise<void> {
    await this.launch(id).listening;
  }

  signal(id: number, signal: NodeJS.Signals): void {
    this.#node(id).process?.signal(signal);
  }

  running(id: number): boolean {
    return this.#node(id).process?.running ?? false;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(id: number): Promise<void> {
    const { process } = this.#node(id);
    process?.signal('SIGKILL');
    await process?.ended;
  }

  /** SIGTERM; gives the exit code. */
  async terminate(id: number): Promise<number | null> {
    const { process } = this.#node(id);
    process?.signal('SIGTERM');
    return (await process?.ended) ?? null;
  }

  async client(): Promise<Client> {
    const client = await connect(this.nodes.map((node) => node.address));
    this.#clients.push(client);
    return client;
  }

  /** Waits until every group that any live node knows has a primary which may serve. @throws Error after `timeoutMs` */
  async ready(timeoutMs = 20_000): Promise<void> {
    const client = await connect(
      this.nodes.map((node) => node.address),
      { deadlineMs: timeoutMs },
    );
    const end = Date.now() + timeoutMs;
    try {
      for (;;) {
        const missing = await groupsWithoutPrimary(client);
        if (missing.length === 0) return;
        if (Date.now() > end) throw new Error(`no primary for groups ${missing} after ${timeoutMs} ms`);
        await sleep(30);
      }
    } finally {
      await client.close();
    }
  }

  /** Waits until every replica of every group has applied what any other one has. @throws Error after `timeoutMs` */
  async caughtUp(timeoutMs = 20_000): Promise<void> {
    const client = await connect(
      this.nodes.map((node) => node.address),
      { deadlineMs: timeoutMs },
    );
    const end = Date.now() + timeoutMs;
    try {
      // Under load the others move on: what counts is to have passed where they stood a moment ago.
      let goal = await appliedBy(client);
      for (;;) {
        const now = await appliedBy(client);
        if (goal.size === this.nodes.length && behind(goal, now).length === 0) return;
        if (goal.size < this.nodes.length) goal = now;
        if (Date.now() > end) throw new Error(`not caught up after ${timeoutMs} ms: ${behind(goal, now)}`);
        await sleep(30);
      }
    } finally {
      await client.close();
    }
  }

  /** Log events of a node, parsed. */
  events(id: number): { readonly event: string; readonly [field: string]: unknown }[] {
    return readFileSync(this.#node(id).log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  /** Ends everything and removes the directory. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ drain: false, timeoutMs: 1000 })));
    for (const { process } of this.nodes) {
      process?.signal('SIGCONT');
      process?.signal('SIGKILL');
    }
    await Promise.all(this.nodes.map(({ process }) => process?.ended));
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #node(id: number): TestNode {
    const node = this.nodes[id];
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }
}

/** Groups that a reachable node hosts and that no reachable node leads. */
async function groupsWithoutPrimary(client: Client): Promise<number[]> {
  const { nodes } = await client.admin.describe();
  const seen = new Set<number>();
  const led = new Set<number>();
  for (const { id } of nodes) {
    const states = await client.admin.groupStates(id, { deadlineMs: 2_000 }).catch(() => null);
    for (const state of states?.groups ?? []) {
      seen.add(state.group);
      if (state.role === 'primary') led.add(state.group);
    }
  }
  return [...seen].filter((group) => !led.has(group));
}

/**
 * By node that answers, by group: the op up to which it has applied; −1 while it is changing views, or has no vote until
 * the others have given it back what it lost.
 */
async function appliedBy(client: Client): Promise<Map<number, Map<number, number>>> {
  const applied = new Map<number, Map<number, number>>();
  const { nodes } = await client.admin.describe();
  for (const { id } of nodes) {
    const states = await client.admin.groupStates(id, { deadlineMs: 2_000 }).catch(() => null);
    if (states !== null)
      applied.set(
        id,
        new Map(
          states.groups.map(({ group, status, commitMin }) => [group, status === 'normal' ? commitMin : -1]),
        ),
      );
  }
  return applied;
}

/** Replicas that have not reached the furthest that any was at. */
function behind(goal: Map<number, Map<number, number>>, now: Map<number, Map<number, number>>): string[] {
  const furthest = new Map<number, number>();
  for (const groups of goal.values()) {
    for (const [group, op] of groups) furthest.set(group, Math.max(op, furthest.get(group) ?? 0));
  }
  const found: string[] = [];
  for (const id of goal.keys()) {
    for (const [group, op] of furthest) {
      if ((now.get(id)?.get(group) ?? -1) < op) found.push(`node ${id} group ${group}`);
    }
  }
  return found;
}
