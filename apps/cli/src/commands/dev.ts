import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CommandContext } from '../context.ts';
import { formatDirectory, startError } from '../dev/format-nodes.ts';
import { type DevLayout, type DevNode, layOut } from '../dev/layout.ts';
import { makeDirectory } from '../dev/make-directory.ts';
import { describeEnd } from '../dev/node-process.ts';
import { checkPorts } from '../dev/ports.ts';
import { waitForPrimaries } from '../dev/readiness.ts';
import { StartFailure, SUPERVISOR_DEFAULTS, Supervisor } from '../dev/supervisor.ts';
import { CommandError } from '../errors.ts';
import { renderTable } from '../output/table.ts';
import { commandName, commandsToTry } from '../output/try-commands.ts';
import { serverEntry } from '../server-process.ts';

/** Options of `dev`. */
export interface DevOptions {
  readonly nodes?: number;
  readonly port?: number;
  readonly data?: string;
  readonly restart: boolean;
}

const CLUSTER_NAME = 'dev';
const PORT_MAX = 65_535;

/**
 * `dev`: runs a cluster until it is interrupted. When every group has a primary it prints where the nodes are; with
 * `--json` exactly one line, `{"nodes":[{"id":0,"pid":1,"address":"127.0.0.1:7400"}]}`.
 */
export async function runDev(context: CommandContext, options: DevOptions): Promise<void> {
  const { output, signal } = context;
  const temporary = options.data === undefined;
  const directory = temporary ? mkdtempSync(join(tmpdir(), 'vireo-dev-')) : resolve(options.data);
  try {
    const { nodes, unformatted } = await prepare(directory, options);
    for (const node of unformatted) await format(node, nodes);
    const supervisor = supervise(nodes, options.restart, (text) => output.talk(text));
    const over = new AbortController();
    const waiting = { ...context, signal: AbortSignal.any([signal, over.signal]) };
    try {
      await start(supervisor, nodes);
      // Without restart the nodes may all end before a primary is found.
      await Promise.race([ready(waiting, supervisor, nodes), supervisor.finished()]);
      if (!output.json) output.talk(`data and logs: ${directory}${temporary ? ' (removed at the end)' : ''}`);
      await runUntilStopped(supervisor, signal);
    } finally {
      over.abort();
      if (!output.json && signal.aborted) output.talk('stopping');
      await supervisor.stop();
    }
  } catch (error) {
    // Being interrupted is how it ends.
    if (!signal.aborted) throw error;
  } finally {
    if (temporary) rmSync(directory, { recursive: true, force: true });
  }
}

/** Everything that can be found wrong before a process is started. */
async function prepare(directory: string, { nodes, port }: DevOptions): Promise<DevLayout> {
  makeDirectory(directory);
  const layout = layOut(directory, { nodes, port });
  const over = layout.nodes.find(
    ({ address }) => Number(address.slice(address.lastIndexOf(':') + 1)) > PORT_MAX,
  );
  if (over !== undefined) {
    throw new CommandError(
      'addressUnavailable',
      `node ${over.id} would have ${over.address}`,
      'use a lower --port',
    );
  }
  await checkPorts(layout.nodes);
  return layout;
}

function format({ id, directory }: DevNode, nodes: readonly DevNode[]): Promise<void> {
  // Each node counts as a machine of its own: on one machine there is no other way to have replicas.
  const founders = nodes.map((node) => ({ id: node.id, address: node.address, host: `node-${node.id}` }));
  return formatDirectory({ directory, node: id, cluster: CLUSTER_NAME, founders });
}

function supervise(nodes: readonly DevNode[], restart: boolean, talk: (text: string) => void): Supervisor {
  const entry = serverEntry();
  return new Supervisor(
    nodes.map(({ id, directory, log }) => ({
      id,
      spec: { entry, args: ['--data', directory, '--exit-with-parent'], log },
    })),
    { ...SUPERVISOR_DEFAULTS, restart },
    talk,
  );
}

async function start(supervisor: Supervisor, nodes: readonly DevNode[]): Promise<void> {
  try {
    await supervisor.start();
  } catch (error) {
    if (!(error instanceof StartFailure)) throw error;
    const node = nodes.find(({ id }) => id === error.node);
    const log = node === undefined ? '' : readFileSync(node.log, 'utf8');
    const failure = startError(log, `node ${error.node} ${describeEnd(error.end)}`);
    throw new CommandError(failure.code, failure.message, `its log is ${node?.log}`);
  }
}

async function ready(
  context: CommandContext,
  supervisor: Supervisor,
  nodes: readonly DevNode[],
): Promise<void> {
  const { output, signal } = context;
  const servers = nodes.map(({ address }) => address);
  await waitForPrimaries(servers, (text) => output.talk(text), signal);
  const running = nodes.map(({ id, address }) => ({ id, pid: supervisor.pidOf(id), address }));
  if (output.json) {
    await output.jsonLine({ nodes: running });
    await output.flush();
    return;
  }
  const rows = nodes.map(({ id, address, log }) => [id, address, supervisor.pidOf(id), log]);
  await output.line(
    renderTable(
      [
        { title: 'NODE', align: 'right' },
        { title: 'ADDRESS' },
        { title: 'PID', align: 'right' },
        { title: 'LOG' },
      ],
      rows,
      output.width,
    ),
  );
  await output.line('\nEvery group has a primary. In another terminal, try:\n');
  for (const command of commandsToTry(commandName(process.env), servers[0]!)) {
    await output.line(`${command}\n`);
  }
  await output.line('Ctrl-C stops all nodes.');
  await output.flush();
}

/** Resolves when the user has had enough; rejects when there is nothing left to run. */
async function runUntilStopped(supervisor: Supervisor, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<'stopped'>((resolve) => {
    if (signal.aborted) resolve('stopped');
    else signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  const outcome = await Promise.race([stopped, supervisor.finished().then(() => 'finished' as const)]);
  if (outcome === 'finished' && !signal.aborted)
    throw new CommandError('allNodesEnded', 'no node is left running');
}
