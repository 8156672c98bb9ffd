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
  | {
      /** A crash of whoever takes a state transfer next: from when its manifest is known, or all of it is verified. */
      readonly type: 'transferCrash';
      readonly phase: TransferPhase;
      readonly effects: number;
      readonly powerLost: boolean;
      readonly downFor: number;
    }
  | { readonly type: 'powerCut'; readonly downFor: number }
  /** The process is asked to end, as before an upgrade, does so in its own time, and starts again. */
  | { readonly type: 'stop'; readonly target: Target; readonly downFor: number }
  | { readonly type: 'pause'; readonly target: Target; readonly for: number }
  | {
      /**
       * The process stands still for so long that the others go on without it, cut off from them but not from clients, and
       * is cut off for a while still when it goes on: what was asked of it meanwhile it takes up without any news (E13).
       */
      readonly type: 'coma';
      readonly target: Target;
      readonly for: number;
      readonly cutFor: number;
    }
  | {
      /** No fault, but an operator's wish that comes among them: who leads the n-th group is asked to let `to` lead it. */
      readonly type: 'handOver';
      readonly target: Target;
      readonly group: number;
      readonly to: number;
    }
  | { readonly type: 'cut'; readonly shape: CutShape; readonly target: Target; readonly for: number }
  | { readonly type: 'slowDisk'; readonly target: Target; readonly factor: number; readonly for: number }
  | { readonly type: 'reset'; readonly target: Target }
  | { readonly type: 'clockStep'; readonly target: Target; readonly micros: number }
  | {
      /** The process ends; a piece of its journal is damaged; it starts again. Only as far as the atlas allows. */
      readonly type: 'rot';
      readonly target: Target;
      readonly piece: DamagePiece;
      readonly shape: DamageShape;
      readonly powerLost: boolean;
      readonly downFor: number;
    }
  | {
      /**
       * Of some ops two copies are all there is, and both go at once: the others stop to hear the target, and after
       * `cutFor` its process ends, and that of one of its backups, of whose journal a piece is damaged. The backup is back
       * after `downFor`, the target after `awayFor`: until then nobody can know whether those ops were acked.
       */
      readonly type: 'lastCopies';
      readonly target: Target;
      readonly piece: DamagePiece;
      readonly shape: DamageShape;
      readonly powerLost: boolean;
      readonly cutFor: number;
      readonly downFor: number;
      readonly awayFor: number;
    }
  | {
      /**
       * The process ends, a piece of its journal is damaged, and it comes back cut off from the other nodes: whatever it
       * has to be told it is not told. So it is asked to end, and starts again, up to `stops` times, with `upFor` between.
       */
      readonly type: 'siege';
      readonly target: Target;
      readonly piece: DamagePiece;
      readonly shape: DamageShape;
      readonly powerLost: boolean;
      readonly stops: number;
      readonly upFor: number;
      readonly downFor: number;
      readonly for: number;
    }
  | {
      /** The process ends; what it needs to start is unreadable or gone. It must refuse, and stays away. */
      readonly type: 'ruin';
      readonly target: Target;
      readonly what: RuinKind;
      readonly downFor: number;
    }
  | { readonly type: 'syncError'; readonly target: Target }
  | {
      /** EIO for the next `count` reads; `atStart`: those with which the process starts, else of one that runs. */
      readonly type: 'readError';
      readonly target: Target;
      readonly count: number;
      readonly atStart: boolean;
      readonly downFor: number;
    }
  | { readonly type: 'diskFull'; readonly target: Target; readonly for: number };

/**
 * `body`: one prepare; `payload`: the same without its header, so that it is known what is lost; `index`: the head of a flush with its index; `flush`: one in the middle, whole; `head`: the
 * last that holds prepares, whole; `fileHead`: one of the two copies at the start of a file.
 */
export const damagePieces = ['body', 'index', 'flush', 'head', 'fileHead', 'payload'] as const;
export type DamagePiece = (typeof damagePieces)[number];

/** What a disk loses by itself, beside single prepares. */
const rotPieces = ['body', 'index', 'flush', 'head', 'fileHead'] as const satisfies readonly DamagePiece[];

/**
 * `flip`: bits change, as the content itself decides, so that the same bytes are damaged the same way; `zeros`: the
 * write never arrived; `astray`: another flush lies there, or this one lies behind the end as well.
 */
export const damageShapes = ['flip', 'zeros', 'astray'] as const;
export type DamageShape = (typeof damageShapes)[number];

/** `formatted`: wiped, and formatted anew under the same id, with an incarnation that nobody knows. */
export const ruinKinds = [
  'segmentHead',
  'snapshots',
  'journalIndexes',
  'journalFileHead',
  'journalGone',
  'stateFile',
  'wiped',
  'formatted',
] as const;
export type RuinKind = (typeof ruinKinds)[number];

/** `isolate`: both ways; `deaf`: hears nothing; `mute`: is heard by nobody; `oneWay`: one link in one direction; `split`: a drawn half. */
export const cutShapes = ['isolate', 'deaf', 'mute', 'oneWay', 'split'] as const;
export type CutShape = (typeof cutShapes)[number];

/** As the node's log names them. */
export const transferPhases = ['transfer.started', 'transfer.verified'] as const;
type TransferPhase = (typeof transferPhases)[number];

export const faultTypes = [
  'crash',
  'powerCut',
  'stop',
  'pause',
  'cut',
  'slowDisk',
  'reset',
  'clockStep',
  'rot',
  'ruin',
  'syncError',
  'readError',
  'diskFull',
] as const;
type FaultType = (typeof faultTypes)[number];

/** How often each fault comes, before the swarm sets some of them to zero. */
const usualWeights: Readonly<Record<FaultType, number>> = {
  crash: 10,
  powerCut: 1,
  stop: 3,
  pause: 4,
  cut: 6,
  slowDisk: 3,
  reset: 3,
  clockStep: 1,
  rot: 10,
  ruin: 1,
  syncError: 3,
  readError: 2,
  diskFull: 1,
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
  const crashes = weights[faultTypes.indexOf('crash')] !== 0;
  const faults: Fault[] = [];
  while (faults.length < options.count) {
    const at = random.between(options.from, options.until);
    let draw = random.below(total);
    const kind = weights.findIndex((weight) => {
      draw -= weight;
      return draw < 0;
    });
    const fault: Fault = { at, ...drawAction(random, faultTypes[kind] ?? 'crash', options, downMean) };
    faults.push(fault);
    if (!crashes || faults.length === options.count || !random.chance(400)) continue;
    const follower = drawFollower(random, fault, options.groups, downMean);
    if (follower !== null) faults.push(follower);
  }
  if (options.nodes >= 3) {
    faults.push(...drawLastCopies(random.fork('last copies'), options));
    faults.push(...drawSieges(random.fork('sieges'), options));
    faults.push(...drawComas(random.fork('comas'), options));
    faults.push(...drawHandOvers(random.fork('hand overs'), options));
  }
  faults.push(...drawTransferCrashes(random.fork('transfers'), options, downMean));
  return faults.sort((left, right) => left.at - right.at);
}

/** In every fourth run, by a stream of its own: what such runs have besides is what they would have without. */
function drawLastCopies(
  random: Prng,
  { from, until, groups }: { readonly from: number; readonly until: number; readonly groups: number },
): Fault[] {
  if (!random.chance(250)) return [];
  return Array.from({ length: random.between(1, 4) }, () => ({
    at: random.between(from, until),
    type: 'lastCopies' as const,
    target: { primaryOfGroup: random.below(groups) },
    piece: random.chance(800) ? ('payload' as const) : random.pick(damagePieces),
    shape: random.pick(damageShapes),
    powerLost: random.chance(300),
    // Long enough for a few ops, too short for the others to suspect anything.
    cutFor: random.between(100_000, 450_000),
    downFor: random.between(2_000, 60_000),
    awayFor: random.between(300_000, 1_500_000),
  }));
}

/** In every fifth run, likewise. */
function drawSieges(
  random: Prng,
  { from, until, nodes }: { readonly from: number; readonly until: number; readonly nodes: number },
): Fault[] {
  if (!random.chance(200)) return [];
  return Array.from({ length: random.between(1, 2) }, () => ({
    at: random.between(from, until),
    type: 'siege' as const,
    target: { node: random.below(nodes) },
    piece: random.chance(500) ? ('head' as const) : random.pick(damagePieces),
    shape: random.pick(damageShapes),
    powerLost: random.chance(300),
    stops: random.between(1, 4),
    upFor: random.between(20_000, 300_000),
    downFor: random.between(2_000, 60_000),
    for: random.between(1_000_000, 5_000_000),
  }));
}

/** In every fourth run, likewise. */
function drawComas(
  random: Prng,
  { from, until, groups }: { readonly from: number; readonly until: number; readonly groups: number },
): Fault[] {
  if (!random.chance(250)) return [];
  return Array.from({ length: random.between(1, 3) }, () => ({
    at: random.between(from, until),
    type: 'coma' as const,
    target: { primaryOfGroup: random.below(groups) },
    // The others need up to 650 ms to suspect it, and a client some more to find the next primary.
    for: random.between(900_000, 2_000_000),
    cutFor: random.between(50_000, 600_000),
  }));
}

/** In every second run, likewise. */
function drawHandOvers(
  random: Prng,
  options: { readonly from: number; readonly until: number; readonly nodes: number; readonly groups: number },
): Fault[] {
  const { from, until, nodes, groups } = options;
  if (!random.chance(500)) return [];
  return Array.from({ length: random.between(2, 12) }, () => {
    const group = random.below(groups);
    const target = { primaryOfGroup: group };
    return {
      at: random.between(from, until),
      type: 'handOver' as const,
      target,
      group,
      to: random.below(nodes),
    };
  });
}

/** In half of the runs: their instants are few calls long, and no other fault comes upon them. */
function drawTransferCrashes(
  random: Prng,
  { from, until }: { readonly from: number; readonly until: number },
  downMean: number,
): Fault[] {
  return Array.from({ length: random.pick([0, 4]) }, () => {
    const phase = random.pick(transferPhases);
    return {
      at: random.between(from, until),
      type: 'transferCrash' as const,
      phase,
      effects: random.below(phase === 'transfer.started' ? 150 : 20),
      powerLost: random.chance(600),
      downFor: random.between(downMean / 5, downMean * 2),
    };
  });
}

/**
 * The blow after the blow: who takes over from a dead primary is hit in turn, while the others know its log by headers
 * alone; and so is a primary when a node with a damaged journal comes back, which then recovers, or votes, without it.
 */
function drawFollower(random: Prng, fault: Fault, groups: number, downMean: number): Fault | null {
  const isRot = fault.type === 'rot';
  if (!isRot && !('target' in fault && 'primaryOfGroup' in fault.target)) return null;
  const target = isRot ? { primaryOfGroup: random.below(groups) } : fault.target;
  const at = fault.at + (isRot ? fault.downFor : 0) + random.between(2_000, 150_000);
  return { at, ...drawCrash(random, target, random.between(downMean / 5, downMean * 2)) };
}

function drawCrash(random: Prng, target: Target, downFor: number): FaultAction {
  const effects = random.below(random.pick([1, 4, 20]));
  return { type: 'crash', target, effects, powerLost: random.chance(600), downFor };
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
      return drawCrash(random, target, duration);
    case 'powerCut':
      return { type, downFor: duration };
    case 'stop':
      return { type, target, downFor: duration };
    case 'pause':
      return { type, target, for: random.pick([duration, 100_000, 900_000]) };
    case 'cut':
      return {
        type,
        target,
        shape: random.pick(cutShapes),
        // So long that the others go on without it, in a view of their own, and clients find them.
        for: duration + random.pick([0, 300_000, 1_200_000, 2_500_000]),
      };
    case 'slowDisk':
      return { type, target, factor: random.pick([5, 20, 100]), for: duration + 200_000 };
    case 'reset':
      return { type, target };
    case 'clockStep':
      return { type, target, micros: random.between(-5_000_000, 5_000_000) };
    case 'rot':
      return {
        type,
        target,
        // A body whose header is known leaves a replica that goes on, and votes, without it.
        piece: random.chance(600) ? 'body' : random.pick(rotPieces),
        shape: random.pick(damageShapes),
        powerLost: random.chance(300),
        downFor: duration,
      };
    case 'ruin':
      return { type, target, what: random.pick(ruinKinds), downFor: duration };
    case 'syncError':
      return { type, target };
    case 'readError':
      return {
        type,
        target,
        count: random.pick([1, 1, 3, 20]),
        atStart: random.chance(500),
        downFor: duration,
      };
    case 'diskFull':
      return { type, target, for: duration + 100_000 };
  }
}
