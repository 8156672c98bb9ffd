import { loadConfig } from './config.ts';
import { runFormat } from './format-command.ts';
import { fatalLine, ServerLog } from './log.ts';
import { watchParent } from './parent.ts';
import { refusalOf, runServer } from './run-server.ts';

// The process of a node. Exit codes: 0 stopped when asked to; 1 stopped by itself (disk, identity), or a
// second signal; 2 refused to start; 70 a bug: a broken assertion leaves a dump in the
// data directory.

const REFUSED = 2;
const BROKEN = 70;
const argv = process.argv.slice(2);

function refuse(error: unknown): never {
  const refusal = refusalOf(error);
  // Not a refusal: a bug, and its stack is the best that can be said of it.
  if (refusal === null) throw error;
  process.stderr.write(fatalLine('server.refused', refusal, process.stderr.isTTY === true));
  process.exit(REFUSED);
}

if (argv.includes('--format')) {
  try {
    process.stdout.write(`${JSON.stringify({ type: 'formatted', ...runFormat(argv) })}\n`);
  } catch (error) {
    refuse(error);
  }
} else {
  await serve();
}

async function serve(): Promise<void> {
  try {
    const config = loadConfig(argv, process.env);
    const { settings } = config;
    const log = new ServerLog({
      level: settings.logLevel,
      format: settings.logFormat,
      terminal: process.stdout.isTTY === true,
    });
    let asked = 0;
    let stop: (() => void) | null = null;
    // From before the start on: a signal during a long recovery ends the process, which is as safe as a kill.
    const end = (reason: string) => {
      asked++;
      log.event('info', 'server.signal', { reason });
      if (asked > 1 || stop === null) process.exit(asked > 1 ? 1 : 0);
      stop();
    };
    process.on('SIGTERM', () => end('SIGTERM'));
    process.on('SIGINT', () => end('SIGINT'));
    // What the node's own code throws is caught and dumped where it is called; this is for everything around it.
    process.on('uncaughtException', (error) => {
      const message = error.stack ?? String(error);
      log.event('error', 'server.failed', { code: 'internal', message });
      process.stderr.write(
        fatalLine('server.failed', { code: 'internal', message }, process.stderr.isTTY === true),
      );
      process.exit(BROKEN);
    });
    if (settings.exitWithParent) watchParent(() => end('the parent process ended'));

    const server = await runServer(config, log, (failure) => {
      const { code, message, dumpFile, exitCode } = failure;
      log.event('error', 'server.failed', { code, message, dumpFile });
      process.stderr.write(fatalLine('server.failed', { code, message }, process.stderr.isTTY === true));
      process.exit(exitCode);
    });
    stop = () => {
      void server.stop().then((clean) => {
        log.event('info', 'server.stopped', { clean });
        process.exit(0);
      });
    };
    const { listening } = server.node;
    process.send?.({
      type: 'listening',
      node: server.node.node,
      pid: process.pid,
      port: Number(listening.slice(listening.lastIndexOf(':') + 1)),
      healthPort: server.healthPort,
    });
  } catch (error) {
    refuse(error);
  }
}
