import type { Message, ReplicaStatus } from '@vireo/vsr';
import type { Action, Trigger } from '../scenario/step.ts';
import { type Check, either, flag, integer, listOf, object, oneOf, text, variant } from './checks.ts';
import { microsMax, nodesMax, untimedFault } from './fault-checks.ts';

const messageTypes = [
  'prepare',
  'prepareOk',
  'commit',
  'ping',
  'startViewChange',
  'doViewChange',
  'startView',
  'requestStartView',
  'recoveryState',
  'digest',
  'coldStart',
  'coldStartGranted',
  'getPrepare',
  'repair',
] as const satisfies readonly Message['type'][];
const statuses = [
  'normal',
  'viewChange',
  'recoveringHead',
  'amnesiac',
] as const satisfies readonly ReplicaStatus[];

const who = either(integer(0, nodesMax - 1), text);
const whos = listOf(who, nodesMax + 1);
const group = integer(0, 1_000);
const view = integer(0, 1_000_000);

const passage = {
  message: oneOf(messageTypes),
  group,
  'node?': who,
  'peer?': who,
  'view?': view,
  'batch?': flag,
};
const writing = { what: oneOf(['prepares', 'state']), group, 'node?': who, 'view?': view };
const triggers = {
  sends: passage,
  receives: passage,
  writes: writing,
  durable: writing,
  executes: { group, 'node?': who },
  is: { status: oneOf(statuses), group, 'node?': who, 'view?': view },
  leads: { group, 'node?': who, 'view?': view },
  acked: { records: integer(1, 1_000_000) },
} as const satisfies Record<Trigger['event'], Readonly<Record<string, Check>>>;

const actions = {
  kill: { node: who, 'powerLost?': flag },
  killAll: { 'powerLost?': flag },
  restart: { node: who },
  restartAll: {},
  pause: { node: who },
  resume: { node: who },
  holdDisk: { node: who },
  releaseDisk: { node: who },
  cut: { from: whos, to: whos, 'both?': flag },
  heal: {},
  nameBackups: { group, names: listOf(text, nodesMax) },
  fault: { fault: untimedFault },
} as const satisfies Record<Action['type'], Readonly<Record<string, Check>>>;

export const stepCheck: Check = object({
  'when?': variant('event', triggers),
  'times?': integer(1, 1_000_000),
  'after?': integer(0, microsMax),
  'before?': flag,
  'as?': text,
  'note?': text,
  'do?': listOf(variant('type', actions), 100),
});
