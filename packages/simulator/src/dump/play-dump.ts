import { inspect } from 'node:util';
import {
  type Message,
  type PersistWrite,
  PlayedOtherwise,
  PlayedReplica,
  type RecordedCall,
  type ReplicaRecording,
  type ReplyOutcome,
} from '@vireo/vsr';
import { describeMessage, describeState } from '../cluster/describe.ts';
import type { Dump } from './read-dump.ts';

/** Columns of a line. */
const columns = 80;
/** In front of the rest of a line that is longer. */
const continued = ' '.repeat(10);

/** Prints a dump: what failed, what the node was doing, and each call into its replica, done again. */
export function playDump(dump: Dump, print: (line: string) => void): void {
  const line = (text: string): void => {
    for (const part of text.split('\n')) wrap(part, print);
  };
  const { node, time, runtime, error, details, stats, events, recording, recordingProblem } = dump;
  line(`node ${node}, ${time}, ${runtime}`);
  line(details === '' ? `${error?.name}: ${error?.message}` : details);
  line(`\nthe last ${events.length} events of the node:`);
  for (const { name, timeMs, first, second } of events) {
    const numbers = [first, second].filter((each) => each !== -1).join(' ');
    line(`${timeMs.toFixed(3).padStart(14)} ${name} ${numbers}`.trimEnd());
  }
  line(`\nstatistics of the node:\n${stats}`);
  if (recordingProblem !== null) line(`\nits calls can not be gone through: ${recordingProblem}`);
  else if (recording === null)
    line('\nthe error did not come out of a replica: there are no calls to go through');
  else playRecording(recording, error?.message ?? null, line);
}

function playRecording(
  recording: ReplicaRecording,
  wanted: string | null,
  line: (text: string) => void,
): void {
  const { group, members, self } = recording.config;
  line(`\ngroup ${group}, node ${self} of ${members.join(', ')}: ${recording.calls.length} calls`);
  const player = new PlayedReplica(recording, new CallPrinter(line));
  line(`before: ${describeState(player.replica)}`);
  const error = runAll(player);
  line(`after: ${describeState(player.replica)}`);
  if (error instanceof PlayedOtherwise) {
    line(`NOT THE SAME CODE: ${error.message}`);
  } else if (error === null) {
    line('THE ERROR DID NOT COME AGAIN');
    line('The code is another than the one that failed, or the cause lies outside of the replica.');
  } else {
    const message = error instanceof Error ? error.message : String(error);
    line(message === wanted ? 'THE SAME ERROR CAME AGAIN:' : 'ANOTHER ERROR CAME:');
    line(error instanceof Error ? (error.stack ?? message) : message);
  }
  line('\nstate at the end:');
  line(
    inspect(player.replica.state, {
      depth: 4,
      breakLength: columns,
      maxArrayLength: 50,
      maxStringLength: 200,
    }),
  );
}

/** Long lines go on below, indented: nothing is left out. */
function wrap(text: string, print: (line: string) => void): void {
  print(text.slice(0, columns));
  const width = columns - continued.length;
  for (let at = columns; at < text.length; at += width) print(`${continued}${text.slice(at, at + width)}`);
}

/** Goes through all calls; what the last of them threw, or null. */
function runAll(player: PlayedReplica): unknown {
  try {
    while (player.step());
    return null;
  } catch (error) {
    return error;
  }
}

/** One line a call, and one for each effect below it. */
class CallPrinter {
  readonly #line: (text: string) => void;
  #indent = '';

  constructor(line: (text: string) => void) {
    this.#line = line;
  }

  called(index: number, { call, event, depth }: RecordedCall): void {
    this.#indent = '  '.repeat(depth);
    const what = call !== 'step' || event === null ? call : describeEvent(event);
    this.#line(`${this.#indent}${String(index + 1).padStart(5)} ${what}`);
  }

  send(to: number, message: Message): void {
    this.#effect(`send ${to} ${describeMessage(message)}`);
  }
  persist(token: number, write: PersistWrite): void {
    const ops = write.prepares.map(({ header }) => header.op).join(' ');
    const record = write.type === 'state' ? `view ${write.record.view} logView ${write.record.logView} ` : '';
    this.#effect(`persist ${token} ${write.type} ${record}ops ${ops}`);
  }
  load(token: number, first: number, last: number): void {
    this.#effect(`load ${token} ops ${first}..${last}`);
  }
  reply(requestId: number, { type }: ReplyOutcome): void {
    this.#effect(`reply ${requestId} ${type}`);
  }

  #effect(text: string): void {
    this.#line(`${this.#indent}        > ${text}`);
  }
}

function describeEvent(event: NonNullable<RecordedCall['event']>): string {
  switch (event.type) {
    case 'message':
      return `message from ${event.from}: ${describeMessage(event.message)}`;
    case 'request':
      return `request ${event.request.id} kind ${event.request.kind}, ${event.request.bytes.length} bytes`;
    case 'read':
      return `read ${event.id}`;
    case 'persisted':
      return `persisted ${event.token}${event.ok ? '' : ' FAILED'}`;
    case 'loaded':
      return `loaded ${event.token}: ops ${event.prepares.map(({ header }) => header.op).join(' ')}`;
    case 'peerLost':
      return `peerLost ${event.node}`;
    case 'checkpointed':
      return `checkpointed ${event.op}`;
    case 'transferring':
      return `transferring ${event.on}`;
    case 'transferred':
      return `transferred to op ${event.checkpoint.op}`;
    case 'coldStart':
      return `coldStart${event.without ? ' without those who do not answer' : ''}`;
    case 'handOver':
      return `handOver to ${event.to}`;
    case 'tick':
      return 'tick';
  }
}
