import { statSync } from 'node:fs';
import { Broker, type EventLog, StartError } from '@vireo/broker';
import { defaultLimits } from '@vireo/protocol';
import { DiskError } from '@vireo/storage';
import { formatAddress } from './address.ts';
import { nodeChecksums } from './checksums.ts';
import { chooseAddresses } from './choose-addresses.ts';
import { TurnClock } from './clock.ts';
import { writeDump } from './dump.ts';
import { FileDisk } from './file-disk.ts';
import { type DirectoryLock, lockDirectory } from './lock.ts';
import { nodeCrypto } from './node-crypto.ts';
import { readNodeFile } from './node-file.ts';
import { nodeRandom } from './random.ts';
import type { NodeFailure, NodeStats, RunningNode, StartNodeOptions } from './running-node.ts';
import { NodeStartError, systemCode } from './start-errors.ts';
import { TcpNetwork } from './tcp.ts';
import { TurnDisk } from './turn-disk.ts';
import { TurnLoop } from './turn-loop.ts';

/** Ops that a replica may be behind what it knows to be committed and still count as ready. */
const LAG_OPS_MAX = 1_000;
/** Milliseconds between two ticks of the core. */
const TICK_MS = 10;
/** For last frames on their way when the node has stopped. Milliseconds. */
const CLOSE_MS_MAX = 500;
/** Connections that the adapter accepts above the core's limit, so that the core can refuse them with a reason. */
const CONNECTIONS_TO_REFUSE = 64;

/**
 * Starts the node of a data directory in this process: real files, sockets and clocks around the pure core.
 * Resolves when it listens, its directory is read and its first state is durable; groups elect their primaries
 * after that.
 *
 * @throws NodeStartError; nothing was changed on disk then, and nothing is left open.
 */
export async function startNode(options: StartNodeOptions): Promise<RunningNode> {
  requireDirectory(options.directory);
  const lock = lockDirectory(options.directory);
  try {
    return await startLocked(options, lock);
  } catch (error) {
    lock.release();
    throw asStartError(error);
  }
}

async function startLocked(options: StartNodeOptions, lock: DirectoryLock): Promise<RunningNode> {
  const file = readNodeFile(options.directory);
  const addresses = chooseAddresses(options, file);
  // Every line says whose it is: logs of several nodes end up in one place.
  const log: EventLog = {
    event: (level, name, fields) => options.log?.event(level, name, { node: file.node, ...fields }),
  };
  const limits = options.limits ?? defaultLimits;

  const clock = new TurnClock();
  const files = new FileDisk(options.directory, options.diskOptions);
  const turns = new TurnLoop({
    clock,
    tickMs: TICK_MS,
    flush: () => network.flush(),
    failed: (error) => failed(error),
  });
  const network: TcpNetwork = new TcpNetwork({
    events: turns,
    addressOf: (peer) => addresses.peers.get(peer) ?? null,
    connectionsMax: limits.nodeConnectionsMax + CONNECTIONS_TO_REFUSE,
    frameBytesMax: limits.frameBytesMax,
  });
  let ended = false;
  /** Told when the node ends by itself, to a stop that waits for it. */
  let toldOfEnd: (() => void) | null = null;
  /** Until the start is complete: a node that fails before was never started. */
  let rejectStart: ((error: NodeStartError) => void) | null = null;
  /** Lets go of everything outside the core. */
  const release = async (graceMs: number) => {
    ended = true;
    turns.stop();
    await network.stop(graceMs);
    files.close();
    lock.release();
  };
  const end = (failure: NodeFailure) => {
    if (ended) return;
    void release(CLOSE_MS_MAX).then(() => {
      toldOfEnd?.();
      if (rejectStart !== null) rejectStart(new NodeStartError(failure.code, failure.message));
      else (options.onFailure ?? exitProcess)(failure);
    });
  };
  const failed = (error: unknown) => {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const { directory } = options;
    const stats = () => broker.stats();
    const recording = () => broker.failedRecording();
    const subject = { directory, node: file.node, trace: turns.trace, stats, recording };
    const dumpFile = writeDump(error, subject);
    log.event('error', 'node.failed', { code: 'assertionFailed', message, dumpFile });
    end({ code: 'assertionFailed', message, exitCode: 70, dumpFile });
  };

  // Bound before anything is read: that the port is taken should not be found out after a long recovery.
  const bound = await network.listen(addresses.listen);
  const address =
    addresses.advertise.port === 0 ? { ...addresses.advertise, port: bound.port } : addresses.advertise;
  const broker = new Broker(
    {
      node: file.node,
      cluster: file.cluster,
      nodes: file.founders.map((founder) =>
        founder.id === file.node ? { ...founder, address: formatAddress(address) } : founder,
      ),
      secret: options.secret ?? null,
      limits,
      tickMs: TICK_MS,
      ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
      ...(options.coldStart === undefined ? {} : { coldStart: options.coldStart }),
    },
    {
      disk: new TurnDisk(options.disk?.(files) ?? files, (name, action) => turns.run(name, action)),
      clock,
      random: nodeRandom(),
      checksums: nodeChecksums(),
      crypto: nodeCrypto,
      network,
      log,
      // Not from within the call: the core is in the middle of a step.
      fail: ({ code, message }) => setImmediate(end, { code, message, exitCode: 1, dumpFile: null }),
    },
  );
  const { recovery } = await new Promise<Pick<RunningNode, 'recovery'>>((resolve, reject) => {
    rejectStart = reject;
    // No await since `listen`: no connection was accepted before the core was there to hear of it.
    const opened = broker.open();
    turns.start(broker);
    turns.run('start', () => broker.start(() => resolve({ recovery: opened })));
  }).catch(async (error: unknown) => {
    if (!ended) await release(0);
    throw error;
  });
  rejectStart = null;

  const stop = async (timeoutMs = 9_000): Promise<boolean> => {
    if (ended) return false;
    let timer: NodeJS.Timeout | undefined;
    const clean = await Promise.race([
      new Promise<boolean>((resolve) => turns.run('stop', () => broker.stop(() => resolve(true)))),
      new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), timeoutMs);
        toldOfEnd = () => resolve(false);
      }),
    ]);
    clearTimeout(timer);
    if (ended) return false;
    await release(CLOSE_MS_MAX);
    return clean;
  };
  let stopping: Promise<boolean> | null = null;
  return {
    node: file.node,
    cluster: file.cluster,
    listening: formatAddress(bound),
    address: formatAddress(address),
    recovery,
    notReady: () => (ended ? 'the node has ended' : notReady(broker)),
    stats: () => ({ broker: broker.stats(), process: processStats(turns, files, network) }),
    stop: (timeoutMs) => {
      stopping ??= stop(timeoutMs);
      return stopping;
    },
  };
}

function notReady(broker: Broker): string | null {
  const groups = broker.groups();
  if (groups.length === 0) return 'the cluster is not founded yet';
  for (const { id, replica } of groups) {
    const { status, commitMin, commitMax } = replica.state;
    if (status === 'amnesiac' || status === 'recoveringHead') return recoveringText(id, status);
    if (status !== 'normal') return `group ${id} is in status ${status}`;
    if (commitMax - commitMin > LAG_OPS_MAX) return `group ${id} has ${commitMax - commitMin} ops to apply`;
  }
  return null;
}

/** What a replica waits for that can not know all it acknowledged. */
function recoveringText(id: number, status: 'amnesiac' | 'recoveringHead'): string {
  const lost = status === 'amnesiac' ? 'was in memory alone' : 'is damaged';
  return (
    `group ${id} is in status ${status}: what it acknowledged ${lost}, a primary has to tell it the log; ` +
    `if there is none and never will be: vireo cluster cold-start --group ${id}`
  );
}

function processStats(turns: TurnLoop, files: FileDisk, network: TcpNetwork): NodeStats['process'] {
  const ms = (micros: number) => micros / 1000;
  const { lag } = turns;
  const { durableMicros } = files;
  return {
    loopLagMs: {
      last: turns.lagMs,
      p50: ms(lag.percentile(50)),
      p99: ms(lag.percentile(99)),
      max: ms(lag.max),
    },
    durableMs: {
      count: durableMicros.count,
      p50: ms(durableMicros.percentile(50)),
      p99: ms(durableMicros.percentile(99)),
      // An empty histogram answers 0 here and −1 elsewhere, by version.
      max: durableMicros.count === 0 ? 0 : ms(durableMicros.max),
    },
    diskBytesWritten: files.bytesWritten,
    diskBytesRead: files.bytesRead,
    openFiles: files.openFiles,
    connections: network.connectionCount,
    unsentBytes: network.unsentBytes,
  };
}

function requireDirectory(directory: string): void {
  try {
    if (statSync(directory).isDirectory()) return;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') {
      throw new NodeStartError('directoryDenied', `${directory} can not be read: ${String(error)}`, error);
    }
  }
  throw new NodeStartError(
    'directoryMissing',
    `${directory} is not a directory: a data directory is made with \`vireo node format\``,
  );
}

/** Errors of the layers below under this one's class; what is none of theirs stays what it is. */
function asStartError(error: unknown): unknown {
  if (error instanceof StartError) return new NodeStartError(error.code, error.message, error);
  if (error instanceof DiskError) return new NodeStartError('diskFailed', error.message, error);
  return error;
}

function exitProcess(failure: NodeFailure): void {
  process.stderr.write(`vireo: ${failure.code}: ${failure.message}\n`);
  process.exit(failure.exitCode);
}
