import type { Replica } from '@vireo/vsr';
import type { Who } from './step.ts';

/** Nodes by the names that steps gave them. */
export class Names {
  readonly #nodes = new Map<string, number>();

  set(name: string, node: number): void {
    this.#nodes.set(name, node);
  }

  /** The node that is meant; null: no step has given that name, or it stands for more than one. */
  resolve(who: Who): number | null {
    return typeof who === 'number' ? who : (this.#nodes.get(who) ?? null);
  }

  /** Whether a node is meant, whose replica this is. */
  matches(who: Who | undefined, node: number, replica: Replica | null): boolean {
    if (who === undefined) return true;
    if (typeof who === 'number') return who === node;
    if (who === 'primary') return replica !== null && replica.primary === node;
    if (who === 'backup') return replica !== null && replica.primary !== node;
    if (who.startsWith('!')) return this.#nodes.get(who.slice(1)) !== node;
    return this.#nodes.get(who) === node;
  }
}
