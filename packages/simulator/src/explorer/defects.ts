import type { MutantEdit } from '../mutants/mutant.ts';
import { e3PromiseForgotten } from '../mutants/vsr/e3-promise-forgotten.ts';
import { e5NonceReused } from '../mutants/vsr/e5-nonce-reused.ts';
import { e6StartViewFromNormal } from '../mutants/vsr/e6-start-view-from-normal.ts';
import { e19PrimaryResumes } from '../mutants/vsr/e19-primary-resumes.ts';
import { earlySelfCount } from '../mutants/vsr/early-self-count.ts';
import { logViewWithoutHeaders } from '../mutants/vsr/log-view-without-headers.ts';
import { rankByView } from '../mutants/vsr/rank-by-view.ts';
import { stalePrepareOk } from '../mutants/vsr/stale-prepare-ok.ts';
import { type Bounds, defaultBounds } from './bounds.ts';

/** A defect that the explorer has to find, and bounds within which it does so in seconds. */
export interface Defect {
  readonly name: string;
  /** The rule that it breaks. */
  readonly rule: string;
  readonly edits: readonly MutantEdit[];
  readonly bounds: Bounds;
}

const disk = (bounds: Partial<Bounds>): Bounds => ({ ...defaultBounds, ...bounds });
const memory = (bounds: Partial<Bounds>): Bounds => ({ ...defaultBounds, mode: 'memory', ...bounds });
const lossAlone = { onlyAcked: true };

const nonceFromNormal: MutantEdit[] = [
  {
    package: 'vsr',
    module: 'start-view',
    find: "message.view === state.view && state.status === 'viewChange' && state.logView < message.view;",
    replace:
      "message.view === state.view && (isAnswer || (state.status === 'viewChange' && state.logView < message.view));",
  },
];

const markAtFirstAck: MutantEdit[] = [
  {
    package: 'vsr',
    module: 'mode',
    find: "if (headMode(state) === 'memory' || isVolatile(state)) return true;",
    replace:
      "if (headMode(state) === 'memory' || isVolatile(state)) return state.mark || state.log.some((e) => e.prepare !== null && !e.durable && e.header.view === state.view);",
  },
];

const tailDropped: MutantEdit[] = [
  {
    package: 'vsr',
    module: 'writes',
    find: 'writeState(core, { ...describeState(core), mark: false }, tail);',
    replace:
      'writeState(core, { ...describeState(core), mark: false, commitMax: state.commitMin, anchorOp: state.commitMin, anchorChecksum: state.committedChecksum, headers: [], present: [], nack: [], faulty: [] }, tail.slice(tail.length));',
  },
];

const strictNack: MutantEdit[] = [
  {
    package: 'vsr',
    module: 'writes',
    find: "nack: entries.map((entry) => verdict === 'none' && entry.prepare === null && !entry.faulty),",
    replace: 'nack: entries.map(() => false),',
  },
];

/** Those that the same bounds must find; judged by lost acked ops alone where that is how the defect shows. */
export const defects: readonly Defect[] = [
  { ...e3PromiseForgotten, name: 'view-not-durable', bounds: disk({ views: 3, ops: 1, ...lossAlone }) },
  { ...e19PrimaryResumes, name: 'primary-resumes', bounds: disk({ views: 3, ops: 1, ...lossAlone }) },
  {
    ...e6StartViewFromNormal,
    name: 'start-view-in-same-view',
    bounds: disk({ views: 3, ops: 1, ...lossAlone }),
  },
  {
    ...logViewWithoutHeaders,
    name: 'log-view-without-headers',
    bounds: disk({ views: 3, ops: 1, ...lossAlone }),
  },
  { ...rankByView, name: 'rank-by-view', bounds: disk({ views: 3, ops: 1, ...lossAlone }) },
  { ...earlySelfCount, name: 'early-self-count', bounds: disk({ views: 2, ops: 1, ...lossAlone }) },
  {
    ...stalePrepareOk,
    name: 'stale-prepare-ok',
    bounds: disk({ views: 2, ops: 1, writes: 3, slowDisk: true }),
  },
  {
    name: 'nonce-from-normal',
    rule: 'no StartView of the own view is accepted from normal, not even an answer',
    edits: nonceFromNormal,
    bounds: memory({ views: 2, ops: 1, ...lossAlone }),
  },
  // Not by loss alone: what the reductions of mode `memory` take for granted is tried, or they are not made.
  {
    name: 'nonce-from-normal-tried',
    rule: 'a StartView of a view whose log is held changes nothing',
    edits: nonceFromNormal,
    bounds: memory({ views: 2, ops: 1 }),
  },
  { ...e5NonceReused, name: 'nonce-reused', bounds: memory({ views: 2, ops: 1 }) },
  {
    name: 'mark-at-first-ack',
    rule: 'the mark is durable with the first view whose log is held',
    edits: markAtFirstAck,
    bounds: memory({ views: 3, ops: 1, cleans: 1, ...lossAlone }),
  },
  {
    name: 'tail-dropping-shutdown',
    rule: 'a clean shutdown makes the uncommitted tail durable',
    edits: tailDropped,
    bounds: memory({ views: 2, ops: 1, cleans: 1, ...lossAlone }),
  },
  {
    name: 'strict-nack',
    rule: 'a header whose body was never held is nacked',
    edits: strictNack,
    bounds: disk({ views: 2, ops: 1, crashes: 0, news: 1, live: true }),
  },
];
