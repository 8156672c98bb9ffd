import { type NodeFailure, NodeStartError, type RunningNode, readsInFlightMax, startNode } from '@vireo/node';
import { defaultLimits, type Limits } from '@vireo/protocol';
import { ConfigError, type LoadedConfig } from './config.ts';
import { HealthServer } from './health.ts';
import type { ServerLog } from './log.ts';
import { Metrics } from './metrics.ts';
import type { Settings } from './settings.ts';

/** Between the port of clients and that of health; the gateway's is between them. */
const HEALTH_PORT_STEP = 2;

/** A server that runs. */
export interface RunningServer {
  readonly node: RunningNode;
  /** Where `/livez`, `/readyz` and `/metrics` are, on 127.0.0.1. */
  readonly healthPort: number;
  /** Ends gracefully; @returns whether everything was finished in time. */
  stop(): Promise<boolean>;
}

/**
 * Starts the node that the settings describe, with log, health and metrics around it.
 * @throws NodeStartError, ConfigError; then nothing is left open.
 */
export async function runServer(
  { settings, secret }: LoadedConfig,
  log: ServerLog,
  onFailure: (failure: NodeFailure) => void,
): Promise<RunningServer> {
  log.event('info', 'server.starting', {
    directory: settings.data,
    pid: process.pid,
    runtime: process.version,
    readsMax: readsInFlightMax(),
  });
  const node = await startNode({
    directory: settings.data,
    listen: settings.listen,
    advertise: settings.advertise,
    secret,
    limits: limitsOf(settings),
    coldStart: settings.coldStart,
    dialAddresses: settings.dial,
    log,
    onFailure,
  });
  let stopping = false;
  const metrics = new Metrics({ node: node.node, cluster: node.cluster, version: '0.0.0' });
  const health = new HealthServer({
    '/livez': () => ({ status: 200, type: 'text/plain', text: 'live\n' }),
    '/readyz': () => {
      const reason = stopping ? 'stopping' : node.notReady();
      if (reason === null) return { status: 200, type: 'text/plain', text: 'ready\n' };
      return { status: 503, type: 'text/plain', text: `${reason}\n` };
    },
    '/metrics': async () => ({
      status: 200,
      type: metrics.contentType,
      text: await metrics.text(node.stats()),
    }),
  });
  try {
    const healthPort = await health.listen(chooseHealthPort(settings, node.listening));
    log.event('info', 'server.listening', {
      node: node.node,
      cluster: node.cluster,
      listening: node.listening,
      address: node.address,
      healthPort,
    });
    return {
      node,
      healthPort,
      stop: async () => {
        stopping = true;
        const clean = await node.stop(settings.stopTimeoutMs);
        health.close();
        return clean;
      },
    };
  } catch (error) {
    await node.stop(settings.stopTimeoutMs);
    throw error;
  }
}

/** Default: two above the clients' port; any free one when that was any free one. */
function chooseHealthPort({ healthPort, listen }: Settings, listening: string): number {
  if (healthPort !== undefined) return healthPort;
  if (listen?.endsWith(':0')) return 0;
  const port = Number(listening.slice(listening.lastIndexOf(':') + 1)) + HEALTH_PORT_STEP;
  if (port <= 65_535) return port;
  throw new ConfigError(`healthPort: there is no port ${port} above ${listening}: set one by --health-port`);
}

function limitsOf(settings: Settings): Limits {
  const limits: Record<string, number> = { ...defaultLimits };
  for (const [name, value] of Object.entries(settings.limits)) if (value !== undefined) limits[name] = value;
  return limits as Limits;
}

/** Code and message of what kept a server from starting; null for anything that is a bug. */
export function refusalOf(error: unknown): { code: string; message: string } | null {
  if (error instanceof NodeStartError || error instanceof ConfigError) {
    return { code: error.code, message: error.message };
  }
  return null;
}
