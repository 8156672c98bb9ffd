import type { Prng } from '../world/prng.ts';

/** Whom a fault hits: a node, or whoever leads the n-th group when the time comes (0: metadata). */
export type Target = { readonly node: number } | { readonly primaryOfGroup: number };

/** A fault schedule is data: it is drawn before the run, can be printed, cut down, and written by hand. */
export type Fault = { readonly at: number } & FaultAction;

/** Times in µs. */
type FaultAction =
  | {
      /** The process ends in the middle of a turn, after `effects` more sends or disk operations; then restarts. */
      readonly type: 'crash';
      readonly target: Target;
      readonly effects: number;
      /** The machine loses power: writes not synced are kept or lost, connections stay half open. */
      readonly powerLost: boolean;
      readonly downFor: number;
    }
  | { readonly type: 'powerCut'; readonly downFor: number }
  | { readonly type: 'pause'; readonly target: Target; readonly for: number }
  | { readonly type: 'cut'; readonly shape: CutShape; readonly target: Target; readonly for: number }
  | { readonly type: 'slowDisk'; readonly target: Target; readonly factor: number; readonly for: number }
  | { readonly type: 'reset'; readonly target: Target }
  | { readonly type: 'clockStep'; readonly target: Target; readonly micros: number };

/** `isolate`: both ways; `deaf`: hears nothing; `mute`: is heard by nobody; `oneWay`: one link in one direction; `split`: a drawn half. */
const cutShapes = ['isolate', 'deaf', 'mute', 'oneWay', 'split'] as const;
export type CutShape = (typeof cutShapes)[number];

export const faultTypes = ['crash', 'powerCut', 'pause', 'cut', 'slowDisk', 'reset', 'clockStep'] as const;
type FaultType = (typeof faultTypes)[number];

/** How often each fault comes, before the swarm sets some of them to zero. */
const usualWeights: Readonly<Record<FaultType, number>> = {
  crash: 10,
  powerCut: 1,
  pause: 4,
  cut: 6,
  slowDisk: 3,
  reset: 3,
  clockStep: 1,
};

/**
 * Draws `count` faults between `from` and `until`. Swarm testing (Groce et al., ISSTA 2012): each kind is left
 * out of a run with even odds, since faults that are always there hide what only their absence shows.
 */
export function drawFaults(
  random: Prng,
  options: {
    readonly count: number;
    readonly from: number;
    readonly until: number;
    readonly nodes: number;
    readonly groups: number;
  },
): Fault[] {
  const weights: number[] = faultTypes.map((type) => (random.chance(500) ? usualWeights[type] : 0));
  // A run without any fault would test the simulator's patience only.
  if (!weights.some((weight) => weight > 0)) weights[0] = usualWeights.crash;
  // One node: there is nobody to be cut off from.
  if (options.nodes === 1) weights[faultTypes.indexOf('crash')] = usualWeights.crash;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const downMean = random.pick([50_000, 300_000, 1_000_000]);
  const faults: Fault[] = [];
  for (let index = 0; index < options.count; index += 1) {
    const at = random.between(options.from, options.until);
    let draw = random.below(total);
    const kind = weights.findIndex((weight) => {
      draw -= weight;
      return draw < 0;
    });
    faults.push({ at, ...drawAction(random, faultTypes[kind] ?? 'crash', options, downMean) });
  }
  return faults.sort((left, right) => left.at - right.at);
}

function drawAction(
  random: Prng,
  type: FaultType,
  { nodes, groups }: { readonly nodes: number; readonly groups: number },
  downMean: number,
): FaultAction {
  const target: Target = random.chance(500)
    ? { node: random.below(nodes) }
    : { primaryOfGroup: random.below(groups) };
  const duration = random.between(downMean / 5, downMean * 2);
  switch (type) {
    case 'crash':
      return {
        type,
        target,
        effects: random.below(random.pick([1, 4, 20])),
        powerLost: random.chance(600),
        downFor: duration,
      };
    case 'powerCut':
      return { type, downFor: duration };
    case 'pause':
      return { type, target, for: random.pick([duration, 100_000, 700_000]) };
    case 'cut':
      return {
        type,
        target,
        shape: random.pick(cutShapes),
        for: duration + random.pick([0, 300_000, 1_200_000]),
      };
    case 'slowDisk':
      return { type, target, factor: random.pick([5, 20, 100]), for: duration + 200_000 };
    case 'reset':
      return { type, target };
    case 'clockStep':
      return { type, target, micros: random.between(-5_000_000, 5_000_000) };
  }
}
