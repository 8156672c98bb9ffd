import {
  cutShapes,
  damagePieces,
  damageShapes,
  type Fault,
  ruinKinds,
  transferPhases,
} from '../cluster/faults.ts';
import { type Check, either, flag, integer, object, oneOf, variant } from './checks.ts';

/** Longest time that a schedule may name, µs: an hour. */
export const microsMax = 3_600_000_000;
export const nodesMax = 6;

const micros = integer(0, microsMax);
const target = either(
  object({ node: integer(0, nodesMax - 1) }),
  object({ primaryOfGroup: integer(0, 1_000) }),
);

/** The fields of each fault, as a file may give them. */
const faultFields = {
  crash: { target, effects: integer(0, 1_000_000), powerLost: flag, downFor: micros },
  transferCrash: {
    phase: oneOf(transferPhases),
    effects: integer(0, 1_000_000),
    powerLost: flag,
    downFor: micros,
  },
  powerCut: { downFor: micros },
  stop: { target, downFor: micros },
  pause: { target, for: micros },
  coma: { target, for: micros, cutFor: micros },
  handOver: { target, group: integer(0, 1_000), to: integer(0, nodesMax - 1) },
  cut: { target, shape: oneOf(cutShapes), for: micros },
  slowDisk: { target, factor: integer(1, 10_000), for: micros },
  reset: { target },
  rot: {
    target,
    piece: oneOf(damagePieces),
    shape: oneOf(damageShapes),
    powerLost: flag,
    downFor: micros,
  },
  lastCopies: {
    target,
    piece: oneOf(damagePieces),
    shape: oneOf(damageShapes),
    powerLost: flag,
    cutFor: micros,
    downFor: micros,
    awayFor: micros,
  },
  siege: {
    target,
    piece: oneOf(damagePieces),
    shape: oneOf(damageShapes),
    powerLost: flag,
    stops: integer(1, 100),
    upFor: micros,
    downFor: micros,
    for: micros,
  },
  ruin: { target, what: oneOf(ruinKinds), downFor: micros },
  syncError: { target },
  readError: { target, count: integer(1, 1_000_000), atStart: flag, downFor: micros },
  diskFull: { target, for: micros },
  clockStep: { target, micros: integer(-microsMax, microsMax) },
} as const satisfies Record<Fault['type'], Readonly<Record<string, Check>>>;

/** A fault with its time. */
export const timedFault: Check = variant('type', faultFields, { at: micros });
/** A fault that a step brings about. */
export const untimedFault: Check = variant('type', faultFields);
