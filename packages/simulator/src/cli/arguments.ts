import { type ProfileName, profileNames } from '../cluster/profile.ts';

/** What the command line asks for. */
export interface Arguments {
  readonly mode: 'seeds' | 'mutants' | 'hunt' | 'scenario' | 'fleet' | 'dump';
  /** First and last seed. */
  readonly from: number;
  readonly to: number;
  readonly profile: ProfileName;
  /** The profile was asked for by name: a fleet then runs no other. */
  readonly profileGiven: boolean;
  /** How long a fleet runs. */
  readonly hours: number;
  /** A schedule to run instead of seeds, or a dump. */
  readonly file: string;
  /** Where the schedule of the last run is written to; null: nowhere. */
  readonly write: string | null;
  /** A failing run is made smaller, and saved in this directory; null: neither. */
  readonly shrinkTo: string | null;
  /** Name of the mutant that is put in; null: the code as it is. */
  readonly mutant: string | null;
  readonly trace: boolean;
  /** Runs the first seeds again in another process and compares their hashes. */
  readonly verifyHash: boolean;
  /** One JSON line a run, for the parent process. */
  readonly json: boolean;
  /** Stops at the first failure. */
  readonly untilFailure: boolean;
  /** Mutants to look for; none named: all. */
  readonly only: readonly string[];
  /** Looks for mutants where they are known to be found soon. */
  readonly quick: boolean;
  /** Of a process that looks for one mutant: first seeds, and runs from each at most. */
  readonly firsts: readonly number[];
  readonly most: number;
  /** Processes among which the seeds are divided. */
  readonly jobs: number;
}

/** A month: what runs longer was not meant to. */
const hoursMax = 720;

/** Below the working directory; git does not look at it. */
const defaultSave = 'simulator-failures';

export const usage = `Usage: npm run simulate -- [options]

  --seed N           one run (default 1)
  --seeds A..B       runs A to B
  --jobs N           in N processes (default 1), each failing seed in a line
  --profile NAME     swarm (default): 20 drawn faults; lite: a quick look; perf: no faults, a heavy load
  --scenario FILE    one run of a schedule: written by hand, or cut down from a failing run
  --schedule FILE    the same
  --dump FILE        goes through what a node wrote when it broke a promise to itself
  --fleet            runs from random first seeds, profile after profile, until the time is over
  --hours H          so long (default 1, fractions allowed)
  --write FILE       writes the schedule that was run (the last one)
  --no-shrink        leaves a failing run as it is
  --save DIRECTORY   for the scenarios of failing runs (default ${defaultSave})
  --verify-hash      also runs the first 3 seeds in a second process and compares the traces' hashes
  --mutant NAME      with this defect put back
  --mutants          every mutant, from 5 different first seeds, until it is found
  --only A,B         of the mutants, these alone
  --quick            of the 5 first seeds, the one from which a mutant is found soonest
  --trace            prints every event
  --keep-going       goes on after a failure
`;

/** Parses arguments; a text says what is wrong with them. */
export function parseArguments(argv: readonly string[]): Arguments | string {
  const parsed = {
    mode: 'seeds' as Arguments['mode'],
    from: 1,
    to: 1,
    profile: 'swarm' as ProfileName,
    profileGiven: false,
    hours: 1,
    file: '',
    write: null as string | null,
    shrinkTo: defaultSave as string | null,
    mutant: null as string | null,
    trace: false,
    verifyHash: false,
    json: false,
    untilFailure: true,
    only: [] as string[],
    quick: false,
    firsts: [] as number[],
    most: 1,
    jobs: 1,
  };
  for (let index = 0; index < argv.length; index += 1) {
    const name = argv[index] ?? '';
    const value = (): string => {
      index += 1;
      return argv[index] ?? '';
    };
    switch (name) {
      case '--seed':
      case '--seeds': {
        const range = parseSeeds(value());
        if (range === null) return `${name} wants a seed or a range A..B`;
        [parsed.from, parsed.to] = range;
        break;
      }
      case '--profile': {
        const text = value();
        const profile = profileNames.find((each) => each === text);
        if (profile === undefined) return `--profile wants one of ${profileNames.join(', ')}`;
        parsed.profile = profile;
        parsed.profileGiven = true;
        break;
      }
      case '--scenario':
      case '--schedule':
        parsed.mode = 'scenario';
        parsed.file = value();
        break;
      case '--dump':
        parsed.mode = 'dump';
        parsed.file = value();
        break;
      case '--fleet':
        parsed.mode = 'fleet';
        break;
      case '--hours':
        parsed.hours = Number(value());
        if (!(parsed.hours > 0 && parsed.hours <= hoursMax))
          return `--hours wants more than 0, at most ${hoursMax}`;
        break;
      case '--write':
        parsed.write = value();
        break;
      case '--no-shrink':
        parsed.shrinkTo = null;
        break;
      case '--save':
        parsed.shrinkTo = value();
        break;
      case '--mutant':
        parsed.mutant = value();
        break;
      case '--mutants':
        parsed.mode = 'mutants';
        break;
      case '--only':
        parsed.only = value().split(',');
        break;
      case '--quick':
        parsed.quick = true;
        break;
      case '--hunt':
        parsed.mode = 'hunt';
        parsed.firsts = value().split(',').map(Number);
        break;
      case '--most':
        parsed.most = Number(value());
        break;
      case '--jobs': {
        const jobs = Number(value());
        if (!(Number.isInteger(jobs) && jobs >= 1 && jobs <= 64)) return '--jobs wants a number from 1 to 64';
        parsed.jobs = jobs;
        break;
      }
      case '--trace':
        parsed.trace = true;
        break;
      case '--verify-hash':
        parsed.verifyHash = true;
        break;
      case '--json':
        parsed.json = true;
        break;
      case '--keep-going':
        parsed.untilFailure = false;
        break;
      default:
        return `unknown option ${name}`;
    }
  }
  return parsed;
}

function parseSeeds(text: string): [number, number] | null {
  const match = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(text);
  if (match === null) return null;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return from <= to ? [from, to] : null;
}
