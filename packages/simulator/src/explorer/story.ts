import { type PrepareHeader, PrepareKind, prepareBody } from '@vireo/protocol';
import type { Message, ReplayItem } from '@vireo/vsr';
import { actionKind, decodeAction } from './actions.ts';
import { N } from './bounds.ts';
import type { LocalState } from './local-state.ts';
import type { Prepares } from './prepares.ts';
import type { Outcome, Search } from './search.ts';
import { column } from './state-store.ts';

const NAMES = 'ABC';

const nameOf = (node: number): string => NAMES[node] ?? String(node);

/** How a search came to a violation, one line a step, as short as it can be told. */
export function tellStory(search: Search, { violation }: Outcome): string[] {
  if (violation === null) return [];
  const { store, driver } = search;
  const path: number[] = [];
  for (let index = violation.at; index !== -1; index = store.get(index, column.parent)) path.unshift(index);
  const localAt = (index: number, node: number) => driver.table.get(store.get(index, column.node0 + node));
  const lines: string[] = [];
  const tell = (index: number, action: number, after: LocalState | null): void => {
    const { kind, node, argument } = decodeAction(action);
    const before = localAt(index, node);
    let what: string;
    switch (kind) {
      case actionKind.deliver: {
        const { from, message } = driver.table.messages.get(argument);
        what = `gets ${describeMessage(message, driver.table.prepares)} of ${nameOf(from)}`;
        break;
      }
      case actionKind.flush:
        what = `has on disk: ${describeItems(before.pending[0]?.items ?? [], driver.table.prepares)}`;
        break;
      case actionKind.crash:
        what = 'CRASHES and starts again';
        break;
      case actionKind.join:
        what = `gets StartViewChange of view ${Math.floor(argument / N)} of ${nameOf(argument % N)}`;
        break;
      case actionKind.clean:
        what = 'is shut down cleanly, and starts again';
        break;
      case actionKind.request:
        what = `gets the client's request ${'abcdefg'[argument]}`;
        break;
      case actionKind.repair:
        what = `is repaired by ${nameOf(argument)}`;
        break;
    }
    const state = after === null ? '' : ` -> ${describeLocal(after, driver.table.prepares)}`;
    lines.push(`${String(lines.length + 1).padStart(3)}. ${nameOf(node)} ${what}${state}`);
  };
  for (let at = 1; at < path.length; at++) {
    const index = path[at] as number;
    const action = store.get(index, column.action);
    tell(path[at - 1] as number, action, localAt(index, decodeAction(action).node));
  }
  tell(violation.at, violation.action, null);
  lines.push(`     VIOLATION: ${violation.rule}`);
  for (let node = 0; node < N; node++)
    lines.push(
      `     before that, ${nameOf(node)}: ${describeLocal(localAt(violation.at, node), driver.table.prepares)}`,
    );
  return lines;
}

function describeLocal({ state, pending }: LocalState, prepares: Prepares): string {
  const log = state.log.map((entry) => {
    const body = entry.prepare === null ? (entry.faulty ? ' lost' : ' missing') : '';
    return `${describePrepare(entry.header, prepares)}${body}${entry.durable ? ' durable' : ''}`;
  });
  const writes = pending.length === 0 ? '' : `, ${pending.length} writes under way`;
  return (
    `${state.status}, view ${state.view}, log of view ${state.logView}, ` +
    `committed to ${state.commitMax}, applied to ${state.commitMin}, above that [${log.join(', ')}]${writes}`
  );
}

/** An op as number, content and view: `3 a@0`. */
function describePrepare(header: PrepareHeader, prepares: Prepares): string {
  const isNoop = header.kind === PrepareKind.noop;
  const content = isNoop ? 'noop' : 'abcdefg'[prepareBody(prepares.prepareOf(prepares.add(header)))[0] ?? 0];
  return `${header.op} ${content}@${header.view}`;
}

function describeItems(items: readonly ReplayItem[], prepares: Prepares): string {
  const texts = items.map((item) => {
    if (item.type === 'prepare') return describePrepare(item.prepare.header, prepares);
    if (item.type === 'faulty') return `damage at ${item.firstOp}`;
    const { view, logView, mark, headers } = item.record;
    const log = headers.map((header) => describePrepare(header, prepares)).join(', ');
    return `view ${view} with the log of view ${logView} [${log}]${mark ? ', marked' : ''}`;
  });
  return texts.join('; ');
}

function describeMessage(message: Message, prepares: Prepares): string {
  switch (message.type) {
    case 'prepare':
      return `Prepare ${describePrepare(message.prepare.header, prepares)}`;
    case 'prepareOk':
      return `PrepareOk up to ${message.op} in view ${message.view}`;
    case 'ping':
      return `the heartbeat of view ${message.view}: committed to ${message.commitMax}`;
    case 'startViewChange':
      return `StartViewChange of view ${message.view}`;
    case 'doViewChange':
    case 'startView': {
      const log = message.headers.map((header) => describePrepare(header, prepares)).join(', ');
      const rank = message.type === 'doViewChange' ? ` with the log of view ${message.logView}` : '';
      return `${message.type} of view ${message.view}${rank}, above ${message.anchorOp} [${log}]`;
    }
    case 'requestStartView':
      return `RequestStartView of view ${message.view}`;
    default:
      return message.type;
  }
}
