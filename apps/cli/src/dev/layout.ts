import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../errors.ts';

/** Between the ports of two nodes: each has room for its gateway and its health endpoint. */
const PORT_STEP = 10;
const PORT_DEFAULT = 7400;
const NODES_DEFAULT = 3;
const HOST = '127.0.0.1';
const NODE_FILE = 'node.json';

/** One node of a development cluster. */
export interface DevNode {
  readonly id: number;
  /** `host:port`: where it listens, and what it tells others. */
  readonly address: string;
  /** Its data directory. */
  readonly directory: string;
  /** File that gets what it writes to standard output and error. */
  readonly log: string;
}

/** Nodes, and which of them have no data directory yet. */
export interface DevLayout {
  readonly nodes: readonly DevNode[];
  readonly unformatted: readonly DevNode[];
}

/** What the command line asks for; undefined: whatever the directory holds, or the default. */
export interface LayoutWish {
  readonly nodes: number | undefined;
  readonly port: number | undefined;
}

interface FoundNode {
  readonly id: number;
  readonly founders: readonly { readonly id: number; readonly address: string }[];
  /** It was started at least once: more stands in its directory than the file that formatting wrote. */
  readonly used: boolean;
}

/**
 * Lays out the nodes of `directory`: `node-0`, `node-1`, … on ports that are 10 apart. A directory that holds a
 * cluster is resumed with the addresses it was made with.
 *
 * @throws CommandError `clusterMismatch` when the directory holds another cluster than the one asked for;
 *   `lostState` when a node's directory is missing from one that has run: a founder without its memory could
 *   deny what it acknowledged, so it is not made anew.
 */
export function layOut(directory: string, wish: LayoutWish): DevLayout {
  const found = findNodes(directory);
  const first = found[0];
  const count = wish.nodes ?? first?.founders.length ?? NODES_DEFAULT;
  const addresses = first?.founders ?? newAddresses(count, wish.port ?? PORT_DEFAULT);
  if (first !== undefined) checkWish(directory, first, wish);
  const nodes = addresses.map(({ id, address }) => devNode(directory, id, address));
  const unformatted = nodes.filter(({ id }) => !found.some((node) => node.id === id));
  const lost = unformatted[0];
  if (lost !== undefined && found.some(({ used }) => used)) {
    throw new CommandError(
      'lostState',
      `${lost.directory} is gone, but the cluster has been running: node ${lost.id} must not forget what it acknowledged`,
      `bring the directory back, or start anew in another one (or remove ${directory} and all its data)`,
    );
  }
  return { nodes, unformatted };
}

function devNode(directory: string, id: number, address: string): DevNode {
  return { id, address, directory: join(directory, `node-${id}`), log: join(directory, `node-${id}.log`) };
}

function newAddresses(count: number, port: number): { id: number; address: string }[] {
  return Array.from({ length: count }, (_, id) => ({ id, address: `${HOST}:${port + PORT_STEP * id}` }));
}

function checkWish(directory: string, { founders }: FoundNode, wish: LayoutWish): void {
  if (wish.nodes !== undefined && wish.nodes !== founders.length) {
    throw new CommandError(
      'clusterMismatch',
      `${directory} holds a cluster of ${founders.length} nodes, not ${wish.nodes}`,
      `start it with --nodes ${founders.length}, or choose another --data`,
    );
  }
  const address = founders[0]?.address;
  if (wish.port !== undefined && address !== `${HOST}:${wish.port}`) {
    throw new CommandError(
      'clusterMismatch',
      `the first node of ${directory} has the address ${address}, not port ${wish.port}`,
      'start it without --port, or choose another --data',
    );
  }
}

/** The nodes whose directories were formatted. Leavings of a formatting that was cut off are removed. */
function findNodes(directory: string): FoundNode[] {
  const found: FoundNode[] = [];
  for (const name of listDirectory(directory)) {
    const match = /^node-(\d{1,9})$/.exec(name);
    if (match === null) continue;
    const path = join(directory, name);
    const entries = listDirectory(path);
    if (entries.includes(NODE_FILE)) {
      found.push({ ...readFounders(join(path, NODE_FILE)), used: entries.length > 1 });
    } else if (entries.every((entry) => entry === `${NODE_FILE}.new`)) {
      rmSync(path, { recursive: true });
    }
  }
  return found.sort((a, b) => a.id - b.id);
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new CommandError('directoryDenied', `${path} cannot be read: ${String(error)}`);
  }
}

/** Only what is needed here; the server checks the file in full before it starts. */
function readFounders(path: string): Omit<FoundNode, 'used'> {
  try {
    const { node, founders } = JSON.parse(readFileSync(path, 'utf8')) as Omit<FoundNode, 'used' | 'id'> & {
      node: number;
    };
    if (typeof node === 'number' && Array.isArray(founders) && founders.length > 0)
      return { id: node, founders };
  } catch (error) {
    throw new CommandError('corruptState', `${path} cannot be read: ${String(error)}`);
  }
  throw new CommandError('corruptState', `${path} does not say whose directory it is`);
}
