import { type Bounds, defaultBounds } from '../explorer/bounds.ts';
import { defects } from '../explorer/defects.ts';

/** What the command line of the explorer asks for. */
export interface ExploreArguments {
  readonly bounds: Bounds;
  /** Name of the defect that is put back; null: the code as it is. */
  readonly defect: string | null;
  /** All defects, one after the other. */
  readonly allDefects: boolean;
}

export const exploreUsage = `Usage: npm run explore -- [options]

  --mode disk|memory   what an ack promises (default disk)
  --ops N              client ops (default ${defaultBounds.ops})
  --views N            views, the first included (default ${defaultBounds.views})
  --crashes N          crashes, each followed by a restart (default ${defaultBounds.crashes})
  --cleans N           clean shutdowns and starts, mode memory (default ${defaultBounds.cleans})
  --news N             commit numbers and later logs of a running view that backups hear of (default ${defaultBounds.news})
  --writes N           writes under way at one node (default ${defaultBounds.writes})
  --slow-disk          things happen at a node while a write is under way that nobody else has heard of
  --live               any two nodes must be able to go on without the third
  --only-acked         judges by lost acked ops alone
  --seconds N          gives up after so long (default ${defaultBounds.secondsMax})
  --states N           gives up with so many states, about 200 bytes each (default ${defaultBounds.statesMax})
  --plain              no states are taken for one that differ in anything: what the others are checked against
  --mutant NAME        with this defect put back, within bounds that show it unless others are given
  --mutants            every defect
`;

const numbers: Readonly<Record<string, readonly [keyof Bounds, number]>> = {
  '--ops': ['ops', 6],
  '--views': ['views', 6],
  '--crashes': ['crashes', 7],
  '--cleans': ['cleans', 7],
  '--news': ['news', 7],
  '--writes': ['writes', 16],
  '--seconds': ['secondsMax', 1_000_000],
  '--states': ['statesMax', 100_000_000],
};

/** Parses arguments; a text says what is wrong with them. */
export function parseExploreArguments(argv: readonly string[]): ExploreArguments | string {
  let over: Partial<Bounds> = {};
  let defect: string | null = null;
  let allDefects = false;
  for (let at = 0; at < argv.length; at++) {
    const name = argv[at] ?? '';
    const number = numbers[name];
    if (number !== undefined) {
      const [key, max] = number;
      const value = Number(argv[++at]);
      if (!Number.isInteger(value) || value < 0 || value > max)
        return `${name} wants an integer up to ${max}`;
      over = { ...over, [key]: value };
    } else if (name === '--mode') {
      const mode = argv[++at];
      if (mode !== 'disk' && mode !== 'memory') return '--mode wants disk or memory';
      over = { ...over, mode };
    } else if (name === '--live') over = { ...over, live: true };
    else if (name === '--only-acked') over = { ...over, onlyAcked: true };
    else if (name === '--slow-disk') over = { ...over, slowDisk: true };
    else if (name === '--plain') over = { ...over, reduced: false };
    else if (name === '--mutants') allDefects = true;
    else if (name === '--mutant') defect = argv[++at] ?? '';
    else return `unknown option ${name}`;
  }
  const known = defects.find((each) => each.name === defect);
  if (defect !== null && known === undefined)
    return `there is no mutant ${defect}; there are ${defects.map((each) => each.name).join(', ')}`;
  return { bounds: { ...(known?.bounds ?? defaultBounds), ...over }, defect, allDefects };
}
