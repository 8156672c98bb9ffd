import { floorNames } from '../cluster/floors.ts';
import { drawProfile, type Profile, profileNames } from '../cluster/profile.ts';
import { type Check, either, first, integer, isObject, listOf, object, oneOf, text } from './checks.ts';
import { microsMax, nodesMax, timedFault } from './fault-checks.ts';
import { quietProfile, type Schedule } from './schedule.ts';
import { stepCheck } from './step-checks.ts';

const formatVersion = 1;
/** Characters of a file that is read at all. */
const fileMax = 4 * 1024 * 1024;

/** Where a file's settings begin: what a profile draws from the seed, or `quiet`. */
const baseNames = ['quiet', ...profileNames] as const;
const nothing: Check = (value, where) => (value === null ? null : `${where} is not null`);

const fileCheck = object({
  format: integer(formatVersion, formatVersion),
  'story?': listOf(text, 100),
  'found?': object({
    checker: text,
    seed: integer(0, Number.MAX_SAFE_INTEGER),
    mutant: either(nothing, text),
    commit: either(nothing, text),
  }),
  seed: integer(0, Number.MAX_SAFE_INTEGER),
  'profile?': oneOf(baseNames),
  // Looked at field by field, against the profile that they change.
  'settings?': (value, where) => (isObject(value) ? null : `${where} is not an object`),
  'faults?': listOf(timedFault, 10_000),
  'steps?': listOf(stepCheck, 1_000),
  'expect?': object({
    'floors?': object(Object.fromEntries(floorNames.map((name) => [`${name}?`, integer(0, 1_000_000)]))),
    'kept?': listOf(text, 100),
    'dropped?': listOf(text, 100),
  }),
});

/** Bounds of settings beyond "a whole number": what a run could not be made with, or would not end with. */
const settingChecks: Readonly<Record<string, Check>> = {
  nodes: integer(1, nodesMax),
  partitions: integer(1, 100),
  producers: integer(1, 100),
  consumers: integer(0, 100),
  churnTopics: integer(0, 1_000),
  memoryMode: integer(0, 1),
  beyondBudget: integer(0, 1),
  coldStart: integer(0, 1),
  modeSwitches: integer(0, 1_000),
  produceRequests: integer(1, 1_000_000),
  duration: integer(0, microsMax),
  turnEventsMax: integer(1, 1_000_000),
};

interface ScheduleFile {
  readonly story?: readonly string[];
  readonly found?: NonNullable<Schedule['found']>;
  readonly seed: number;
  readonly profile?: (typeof baseNames)[number];
  readonly settings?: Record<string, unknown>;
  readonly faults?: Profile['faults'];
  readonly steps?: Schedule['steps'];
  readonly expect?: Schedule['expect'];
}

/** The schedule that a file holds; a text says what is wrong with it. */
export function readSchedule(content: string): Schedule | string {
  if (content.length > fileMax) return `the file is longer than ${fileMax} characters`;
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    return `the file is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  const problem = fileCheck(value, 'schedule');
  if (problem !== null) return problem;
  const file = value as ScheduleFile;
  const { seed, profile: name = 'quiet', settings = {} } = file;
  const base = name === 'quiet' ? { ...quietProfile, seed } : drawProfile(seed, name);
  const wrong = settingsProblem(settings, { ...base }, 'schedule.settings');
  if (wrong !== null) return wrong;
  const profile = merge({ ...base }, settings) as unknown as Profile;
  return {
    story: file.story ?? [],
    profile: file.faults === undefined ? profile : { ...profile, faults: file.faults },
    steps: file.steps ?? [],
    expect: file.expect ?? {},
    found: file.found ?? null,
  };
}

/** The text of a file that gives this schedule back, whatever profiles draw in versions to come. */
export function writeSchedule({ story, profile, steps, expect, found }: Schedule): string {
  const { seed, faults, ...settings } = profile;
  const lines = [
    `"format": ${formatVersion}`,
    ...(story.length === 0 ? [] : [`"story": ${list(story)}`]),
    ...(found === null ? [] : [`"found": ${JSON.stringify(found)}`]),
    `"seed": ${seed}`,
    '"profile": "quiet"',
    `"settings": ${JSON.stringify(settings)}`,
    `"faults": ${list(faults)}`,
    ...(steps.length === 0 ? [] : [`"steps": ${list(steps)}`]),
    ...(Object.keys(expect).length === 0 ? [] : [`"expect": ${JSON.stringify(expect)}`]),
  ];
  return `{\n  ${lines.join(',\n  ')}\n}\n`;
}

/** One entry a line, so that a person sees where one ends. */
function list(entries: readonly unknown[]): string {
  if (entries.length === 0) return '[]';
  return `[\n    ${entries.map((entry) => JSON.stringify(entry)).join(',\n    ')}\n  ]`;
}

/** Settings replace parts of a profile: each must be one of its fields, and of the same kind. */
function settingsProblem(
  settings: Record<string, unknown>,
  base: Record<string, unknown>,
  where: string,
): string | null {
  return first(
    Object.entries(settings).map(([name, value]) => () => {
      const old = Object.hasOwn(base, name) && name !== 'seed' && name !== 'faults' ? base[name] : undefined;
      if (old === undefined) return `${where} has a field ${JSON.stringify(name)}, which no profile has`;
      if (isObject(old)) {
        return isObject(value)
          ? settingsProblem(value, old, `${where}.${name}`)
          : `${where}.${name} is not an object`;
      }
      if (typeof old !== typeof value) return `${where}.${name} is not a ${typeof old}`;
      if (typeof value !== 'number') return null;
      return (settingChecks[name] ?? integer(0, microsMax))(value, `${where}.${name}`);
    }),
  );
}

function merge(base: Record<string, unknown>, changes: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [name, value] of Object.entries(changes)) {
    const old = base[name];
    merged[name] = isObject(old) && isObject(value) ? merge(old, value) : value;
  }
  return merged;
}
