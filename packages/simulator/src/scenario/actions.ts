import { Violation } from '../checkers/checker.ts';
import type { Fault } from '../cluster/faults.ts';
import type { SimNode } from '../cluster/sim-node.ts';
import type { SimNetwork } from '../world/sim-network.ts';
import type { Names } from './names.ts';
import type { Action, Who } from './step.ts';

interface Stage {
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  readonly clients: readonly number[];
  readonly members: (group: number) => readonly number[];
  readonly primaryOf: (group: number) => number | null;
  /** Carries out a fault of the swarm, now. */
  readonly apply: (fault: Fault) => void;
}

/** What steps of scenarios do to a simulated cluster. */
export function actOn(stage: Stage, action: Action, names: Names, inside: boolean): void {
  const node = (who: Who): SimNode => nodeOf(stage, names, who);
  switch (action.type) {
    case 'kill':
      kill(node(action.node), action.powerLost === true, inside);
      return;
    case 'killAll':
      for (const each of stage.nodes) kill(each, action.powerLost === true, inside);
      return;
    case 'restart':
      start(node(action.node));
      return;
    case 'restartAll':
      for (const each of stage.nodes) start(each);
      return;
    case 'pause':
      node(action.node).pause();
      return;
    case 'resume':
      node(action.node).resume();
      return;
    case 'holdDisk':
      node(action.node).hold.hold();
      return;
    case 'releaseDisk':
      node(action.node).hold.release();
      return;
    case 'cut':
      for (const from of idsOf(stage, names, action.from)) {
        for (const to of idsOf(stage, names, action.to)) {
          stage.network.cut(from, to);
          if (action.both === true) stage.network.cut(to, from);
        }
      }
      return;
    case 'heal':
      stage.network.heal();
      return;
    case 'nameBackups': {
      const primary = stage.primaryOf(action.group);
      const backups = [...stage.members(action.group)].sort((a, b) => a - b).filter((id) => id !== primary);
      for (const [index, name] of action.names.entries()) {
        const id = backups[index];
        if (id === undefined) throw broken(`group ${action.group} has no backup to be called ${name}`);
        names.set(name, id);
      }
      return;
    }
    case 'fault':
      stage.apply({ ...action.fault, at: 0 } as Fault);
      return;
  }
}

function kill(node: SimNode, powerLost: boolean, inside: boolean): void {
  // In the middle of its own step the process ends with its next effect, which does not happen.
  if (inside) node.killAfter(0, () => node.kill(powerLost));
  else node.kill(powerLost);
}

function start(node: SimNode): void {
  if (!node.isUp) node.start();
}

function nodeOf({ nodes }: Stage, names: Names, who: Who): SimNode {
  const id = names.resolve(who);
  const node = id === null ? undefined : nodes[id];
  if (node === undefined) throw broken(`there is no node ${String(who)}`);
  return node;
}

function idsOf(stage: Stage, names: Names, whos: readonly Who[]): number[] {
  return whos.flatMap((who) => (who === 'clients' ? stage.clients : [nodeOf(stage, names, who).id]));
}

function broken(message: string): Violation {
  return new Violation('scenario', message);
}
