import { Command, Option, type OutputConfiguration } from 'commander';
import {
  parseBytes,
  parseFounders,
  parseFrom,
  parseInteger,
  parseReadFrom,
  parseServers,
} from './arguments.ts';
import type { CommandContext } from './context.ts';

/** Makes the context of a command from the options that all commands have. */
export type ContextOf = (options: GlobalOptions) => CommandContext;

/** Options of every command that are parsed; `--json` has to be known before, for errors of the parser. */
interface GlobalOptions {
  readonly server: string[];
}

const SERVER_DEFAULT = '127.0.0.1:7400';

/**
 * The whole command line. What a command does is loaded when it is the one that was called: help, usage errors
 * and completion answer without the SDK.
 */
export function buildProgram(contextOf: ContextOf, configuration: OutputConfiguration): Command {
  const program = new Command('vireo')
    .description('A clustered message-streaming broker, replicated by Viewstamped Replication.')
    .addOption(
      new Option('-s, --server <host:port,…>', 'one or more nodes of the cluster')
        .env('VIREO_SERVER')
        .argParser(parseServers)
        .default([SERVER_DEFAULT], SERVER_DEFAULT),
    )
    .option('--json', 'machine-readable output, errors too')
    .configureHelp({ showGlobalOptions: true, helpWidth: 80 })
    .configureOutput(configuration)
    .showSuggestionAfterError()
    .exitOverride();

  const context = (command: Command): CommandContext => contextOf(command.optsWithGlobals<GlobalOptions>());
  addNodeCommands(program, context);
  addStreamCommands(program, context);
  addTopicCommands(program, context);
  addRecordCommands(program, context);
  addClusterCommands(program, context);
  return program;
}

type CommandOf = (command: Command) => CommandContext;

const integer =
  (what: string, min: number, max?: number) =>
  (text: string): number =>
    parseInteger(text, what, min, max);

function addNodeCommands(program: Command, context: CommandOf): void {
  program
    .command('dev')
    .description('run a cluster on this machine: one process per node')
    .option('-n, --nodes <count>', 'nodes of a new cluster (default: 3)', integer('--nodes', 1, 100))
    .option('-d, --data <directory>', 'where its data lies and is resumed (default: a temporary one)')
    .option(
      '-p, --port <port>',
      'port of node 0; node i has port + 10·i (default: 7400)',
      integer('--port', 1, 65_535),
    )
    .option('--no-restart', 'a node that ends is not started again')
    .action(async (options, command: Command) => {
      const { runDev } = await import('./commands/dev.ts');
      await runDev(context(command), options);
    });

  program
    .command('server')
    .description('run one node in the foreground')
    .usage('--config FILE | --data DIR [settings of the server]')
    .argument('[settings...]', 'handed to the server as they are')
    .allowUnknownOption()
    .action(async (settings: string[], _options, command: Command) => {
      const { runServer } = await import('./commands/server.ts');
      await runServer(context(command), settings);
    });

  const node = program.command('node').description('data directories of nodes');
  node
    .command('format')
    .description('make the data directory of a new node')
    .requiredOption('-d, --data <directory>', 'the directory; made if missing, must be empty')
    .requiredOption('-n, --node <id>', 'id of the node', integer('--node', 0, 0xffff_ffff))
    .requiredOption('--cluster <name>', 'name of the cluster, the same for all its nodes')
    .requiredOption(
      '--founders <id=host:port,…>',
      'all first nodes, in the same order for all; id=host:port@label names the machine',
      parseFounders,
    )
    .action(async (options, command: Command) => {
      const { formatNode } = await import('./commands/node.ts');
      await formatNode(context(command), options);
    });
}

function addStreamCommands(program: Command, context: CommandOf): void {
  const stream = program.command('stream').description('streams: namespaces of topics');
  stream
    .command('create <name>')
    .description('make a stream')
    .option('--if-not-exists', 'no error when there is one of this name')
    .action(async (name: string, options, command: Command) => {
      const { createStream } = await import('./commands/stream.ts');
      await createStream(context(command), name, options);
    });
  stream
    .command('ls')
    .alias('list')
    .description('list streams')
    .action(async (_options, command: Command) => {
      const { listStreams } = await import('./commands/stream.ts');
      await listStreams(context(command));
    });
  stream
    .command('describe <name>')
    .description('show a stream and its topics')
    .action(async (name: string, _options, command: Command) => {
      const { describeStream } = await import('./commands/stream.ts');
      await describeStream(context(command), name);
    });
  stream
    .command('rm <name>')
    .alias('delete')
    .description('delete a stream')
    .option('--cascade', 'with all topics and records in it')
    .option('-y, --yes', 'do not ask for the name')
    .action(async (name: string, options, command: Command) => {
      const { removeStream } = await import('./commands/stream.ts');
      await removeStream(context(command), name, options);
    });
}

function addTopicCommands(program: Command, context: CommandOf): void {
  const topic = program.command('topic').description('topics: named logs with partitions');
  topic
    .command('create <stream/topic>')
    .description('make a topic in a stream that exists')
    .option(
      '--partitions <count>',
      'ordered logs that records are spread over',
      integer('--partitions', 1),
      1,
    )
    .option(
      '--replication <count>',
      'replicas of each partition (default: 3, if there are)',
      integer('--replication', 1),
    )
    .addOption(
      new Option(
        '--durability <mode>',
        'what an acknowledgement means: on the disks of a majority, or in its memory',
      )
        .choices(['disk', 'memory'])
        .default('disk'),
    )
    .option('--if-not-exists', 'no error when there is one of this name')
    .action(async (name: string, options, command: Command) => {
      const { createTopic } = await import('./commands/topic.ts');
      await createTopic(context(command), name, options);
    });
  topic
    .command('ls [stream]')
    .alias('list')
    .description('list topics')
    .action(async (stream: string | undefined, _options, command: Command) => {
      const { listTopics } = await import('./commands/topic.ts');
      await listTopics(context(command), stream);
    });
  topic
    .command('describe <stream/topic>')
    .description('show a topic and its partitions')
    .action(async (name: string, _options, command: Command) => {
      const { describeTopic } = await import('./commands/topic.ts');
      await describeTopic(context(command), name);
    });
  topic
    .command('alter <stream/topic>')
    .description('change what an acknowledgement of a topic means')
    .addOption(
      new Option('--durability <mode>', 'what it is to mean')
        .choices(['disk', 'memory'])
        .makeOptionMandatory(),
    )
    .option('--no-wait', 'do not wait until all partitions have followed')
    .action(async (name: string, options, command: Command) => {
      const { alterTopic } = await import('./commands/alter-topic.ts');
      await alterTopic(context(command), name, options);
    });
  topic
    .command('rm <stream/topic>')
    .alias('delete')
    .description('delete a topic with all its records')
    .option('-y, --yes', 'do not ask for the name')
    .action(async (name: string, options, command: Command) => {
      const { removeTopic } = await import('./commands/topic.ts');
      await removeTopic(context(command), name, options);
    });
}

function addRecordCommands(program: Command, context: CommandOf): void {
  program
    .command('produce <stream/topic>')
    .description('send records: lines of standard input, or generated ones')
    .option('--ndjson', 'each line is a JSON object; its text is the value')
    .option('--key-field <member>', "the key is this member of each line's JSON object")
    .option('-k, --key <text>', 'one key for all records')
    .option('--partition <number>', 'send to this partition', integer('--partition', 0))
    .option('--count <records>', 'generate so many instead of reading', integer('--count', 0))
    .option('--size <bytes>', 'size of a generated record, e.g. 100, 1k', (text) =>
      parseBytes(text, '--size'),
    )
    .action(async (name: string, options, command: Command) => {
      const { runProduce } = await import('./commands/produce.ts');
      await runProduce(context(command), name, options);
    });

  program
    .command('consume <stream/topic>')
    .description('print records, of all partitions or of one')
    .addOption(
      new Option(
        '--from <position>',
        'start, end, or an offset (default: end, with --until-end start)',
      ).argParser(parseFrom),
    )
    .option('--until-end', 'stop at what was committed when it began')
    .addOption(
      new Option('--read-from <replica>', 'any, primary, or node:2').argParser(parseReadFrom).default('any'),
    )
    .option(
      '--max-staleness <ms>',
      'only from replicas that lack nothing that was committed so long ago',
      integer('--max-staleness', 100),
    )
    .addOption(
      new Option('--consistency <level>', 'what a replica must have before it begins')
        .choices(['committed', 'linearizable'])
        .default('committed'),
    )
    .option('--session-token <text>', 'see what that session has written: `produce --json` prints one')
    .option('--partition <number>', 'only this partition', integer('--partition', 0))
    .option('--limit <records>', 'stop after so many', integer('--limit', 0))
    .action(async (name: string, options, command: Command) => {
      const { runConsume } = await import('./commands/consume.ts');
      await runConsume(context(command), name, options);
    });
}

function addClusterCommands(program: Command, context: CommandOf): void {
  const cluster = program.command('cluster').description('nodes and replication groups');
  cluster
    .command('describe')
    .description('show each group: view, primary, op, commit, lag of its replicas')
    .action(async (_options, command: Command) => {
      const { describeCluster } = await import('./commands/cluster.ts');
      await describeCluster(context(command));
    });
  cluster
    .command('primary')
    .description('tell which node is the primary of a partition in a view')
    .requiredOption('--topic <stream/topic>', 'the topic')
    .requiredOption('--partition <number>', 'the partition', integer('--partition', 0))
    .requiredOption('--view <number>', 'the view', integer('--view', 0, 0xffff_ffff))
    .action(async (options, command: Command) => {
      const { predictPrimary } = await import('./commands/cluster.ts');
      await predictPrimary(context(command), options);
    });

  cluster
    .command('transfer')
    .description('let another replica of a group lead it')
    .requiredOption('--group <id>', 'the group, as in: cluster describe', integer('--group', 0))
    .option(
      '--to <node>',
      'the node that shall lead; default: the one that has most of the log',
      integer('--to', 0),
    )
    .action(async (options, command: Command) => {
      const { transferLeadership } = await import('./commands/transfer-leadership.ts');
      await transferLeadership(context(command), options);
    });
  cluster
    .command('cold-start')
    .description('let a group go on whose replicas lost what they acknowledged')
    .requiredOption('--group <id>', 'the group, as in: cluster describe', integer('--group', 0))
    .option('--without-absent', 'also without members that do not answer')
    .option('-y, --yes', 'do not ask for the name')
    .action(async (options, command: Command) => {
      const { coldStart } = await import('./commands/cold-start.ts');
      await coldStart(context(command), options);
    });

  program
    .command('stats')
    .description("show each node's counters since its start")
    .action(async (_options, command: Command) => {
      const { showStats } = await import('./commands/stats.ts');
      await showStats(context(command));
    });
}
