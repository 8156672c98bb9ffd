import type { ClientWorld } from '../clients/link.ts';
import { ModeSwitch } from '../clients/mode-switch.ts';
import { Reader } from '../clients/reader.ts';
import { TopicChurn } from '../clients/topic-churn.ts';
import type { Prng } from '../world/prng.ts';
import type { Floors } from './floors.ts';
import { type Profile, usesMemory } from './profile.ts';

interface SideClientsParts {
  readonly profile: Profile;
  /** The others have the next ones. */
  readonly firstId: number;
  readonly world: ClientWorld;
  /** Forked for each. */
  readonly random: Prng;
  readonly floors: Floors;
}

/** Clients of which every run has one each, beside its producers and consumers. */
export interface SideClients {
  readonly all: readonly { start(): void; readonly operations: number }[];
  /** Who of them waits for something that has to come, in words; null: nobody. */
  unrest(): string | null;
}

export const sideClientCount = 3;

export function makeSideClients({ profile, firstId, world, random, floors }: SideClientsParts): SideClients {
  const { duration, nodes, churnTopics, modeSwitches, memoryMode } = profile;
  const churn = new TopicChurn({
    id: firstId,
    name: 'churn',
    world,
    random: random.fork('churn'),
    replication: nodes,
    modes: usesMemory(profile) ? ['disk', 'memory'] : ['disk'],
    topics: churnTopics,
    duration,
  });
  const modes = new ModeSwitch({
    id: firstId + 1,
    name: 'modes',
    world,
    random: random.fork('modes'),
    switches: modeSwitches,
    duration,
    first: memoryMode === 1 ? 'disk' : 'memory',
  });
  const reader = new Reader({
    id: firstId + 2,
    name: 'reader',
    world,
    random: random.fork('reader'),
    duration,
    onStale: () => floors.add('stale read refused'),
    onLinearizable: (role) => floors.add(`linearizable read at a ${role}`),
  });
  return {
    all: [churn, modes, reader],
    unrest: () => {
      if (!churn.isDone) return 'topics are made or deleted';
      return modes.isDone ? null : 'the mode is changed';
    },
  };
}
