import type { CheckerName } from './checkers/checker.ts';

/** Where a row of the coverage table stands. */
export type Standing =
  /** A checker or fault: at work in every run, or drawn. */
  | { readonly state: 'in place'; readonly by: string }
  /** A mutant: seeds needed from five first seeds (`npm run simulate -- --mutants`). */
  | {
      readonly state: 'found';
      readonly mutant: string;
      readonly by: readonly CheckerName[];
      readonly seeds: string;
    }
  /** A mutant that rests on a directed scenario alone (a file of `test/scenarios`): `why` it does not come up by itself. */
  | {
      readonly state: 'directed';
      readonly mutant: string;
      readonly scenario: string;
      readonly by: CheckerName;
      readonly why: string;
    }
  /** A mutant that has not been found from all five first seeds yet: `tried` says how far it was looked for. */
  | { readonly state: 'sought'; readonly mutant: string; readonly tried: string }
  | { readonly state: 'waits'; readonly for: Feature };

/** A feature is there when its pattern is found in the sources of its package. */
export const features = {
  'mode memory': { package: 'vsr', pattern: /amnesiac'/ },
  'damaged entries': { package: 'vsr', pattern: /recoveringHead'/ },
  'state transfer': { package: 'broker', pattern: /'getManifest'/ },
  'membership change': { package: 'vsr', pattern: /PrepareKind\.reconfigure\b/ },
  'linearizable reads': { package: 'vsr', pattern: /'readIndex'/ },
  retention: { package: 'broker', pattern: /PrepareKind\.truncatePrefix\b/ },
  'consumer groups': { package: 'broker', pattern: /PrepareKind\.offsets\b/ },
  'cold start': { package: 'vsr', pattern: /coldStart/ },
  'session expiry': { package: 'broker', pattern: /'expireSessions'/ },
  scrubber: { package: 'storage', pattern: /class Scrubber/ },
  'buffer pools': { package: 'storage', pattern: /class BufferPool/ },
  'named producers': { package: 'broker', pattern: /registrationOf/ },
  'deduplication by id': { package: 'broker', pattern: /dedupWindow/ },
  'two versions': { package: 'protocol', pattern: /PROTOCOL_MAX = 2/ },
  'mode memory in runs': { package: 'simulator', pattern: /'memory'/ },
  'damage on disk in runs': { package: 'simulator', pattern: /\brot: \d/ },
  'topics that come and go': { package: 'simulator', pattern: /op: 'deleteTopic'/ },
  'limits of capacity in runs': { package: 'simulator', pattern: /type: 'capacity'/ },
} as const satisfies Record<string, { readonly package: string; readonly pattern: RegExp }>;

export type Feature = keyof typeof features;

/** A checker or fault that is at work; of a mutant: what shows the defect instead of one. */
export const at = (by: string): Standing => ({ state: 'in place', by });
export const waits = (feature: Feature): Standing => ({ state: 'waits', for: feature });
export const found = (mutant: string, seeds: string, ...by: CheckerName[]): Standing => ({
  state: 'found',
  mutant,
  by,
  seeds,
});
export const directed = (mutant: string, scenario: string, by: CheckerName, why: string): Standing => ({
  state: 'directed',
  mutant,
  scenario,
  by,
  why,
});
export const sought = (mutant: string, tried: string): Standing => ({ state: 'sought', mutant, tried });
