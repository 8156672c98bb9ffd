import type { Ghost } from '../checkers/ghost.ts';
import type { SimNode } from './sim-node.ts';

/**
 * Replicas that have applied the same ops have the same state, whether they executed all of them, began from a snapshot of
 * their own, or were given one. Null: they have.
 */
export function firstOtherState(ghost: Ghost, nodes: readonly SimNode[]): string | null {
  const states = new Map<string, { readonly node: number; readonly state: Buffer }>();
  for (const node of nodes) {
    if (ghost.gone.has(node.id)) continue;
    for (const group of node.broker?.groups() ?? []) {
      if (ghost.lossSaid.has(group.id) || ghost.lossSaid.has(0)) continue;
      const { commitMin } = group.replica.state;
      const key = `group ${group.id} at op ${commitMin}`;
      const state = group.snapshot();
      const known = states.get(key);
      if (known === undefined) states.set(key, { node: node.id, state });
      else if (!known.state.equals(state))
        return `nodes ${known.node} and ${node.id} have different states of ${key}`;
    }
  }
  return null;
}
