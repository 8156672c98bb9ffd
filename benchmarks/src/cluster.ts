import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Three nodes as `vireo dev` starts them: processes of their own, a fresh directory. */
export interface BenchCluster {
  readonly server: string;
  stop(): Promise<void>;
}

interface DevLine {
  readonly nodes: readonly { readonly address: string }[];
}

export async function startCluster(scratch: string, port: number): Promise<BenchCluster> {
  const data = await mkdtemp(join(scratch, 'vireo-bench-'));
  const cli = join(root, 'apps/cli/bin/vireo.mjs');
  const args = [cli, 'dev', '--nodes', '3', '--data', data, '--port', String(port), '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await firstLine(child);
  const { nodes } = JSON.parse(line) as DevLine;
  return {
    server: nodes.map((node) => node.address).join(','),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the output of `vireo dev` is not piped');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`vireo dev ended with code ${code}`))),
  ])) as [string];
  return line;
}
