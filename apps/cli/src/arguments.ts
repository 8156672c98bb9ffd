import { UsageError } from './errors.ts';

/** A topic as the command line names it: `stream/topic`. */
export interface TopicName {
  readonly stream: string;
  readonly topic: string;
}

/** Where a consumer starts in each partition. */
export type StartPosition = 'start' | 'end' | number;

/** Which replica a consumer reads from. */
export type ReadPreference = 'any' | 'primary' | { readonly node: number };

/** A node of a new cluster, as `--founders` lists it. */
export interface Founder {
  readonly id: number;
  /** `host:port`. */
  readonly address: string;
  /** Names the machine; undefined: the server chooses, by the address. */
  readonly host?: string;
}

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** `host:port` or `[IPv6]:port`, port 1 to 65535. @throws UsageError */
export function parseAddress(text: string): string {
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]\s/,=]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[1]);
  if (match === null || port < 1 || port > 65_535) {
    throw new UsageError(
      `'${text}' is not an address`,
      'addresses are written host:port, e.g. 127.0.0.1:7400',
    );
  }
  return text;
}

/** `host:port,host:port,…`: one or more servers to begin with. @throws UsageError */
export function parseServers(text: string): string[] {
  return splitList(text).map(parseAddress);
}

/** `stream/topic`. What the two names may hold is the server's to judge. @throws UsageError */
export function parseTopicName(text: string): TopicName {
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1) {
    throw new UsageError(`'${text}' is not a topic`, 'topics are written STREAM/TOPIC, e.g. shop/orders');
  }
  return { stream: text.slice(0, slash), topic: text.slice(slash + 1) };
}

/** A whole number in `min … max`. @throws UsageError */
export function parseInteger(text: string, what: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
    throw new UsageError(`${what} is '${text}', allowed are whole numbers, ${range}`);
  }
  return value;
}

/** Bytes: `100`, `1k`, `4m` (powers of 1,024; `kb` and `kib` mean the same). @throws UsageError */
export function parseBytes(text: string, what: string): number {
  const match = /^(\d{1,12})\s*([kmg]?)(?:i?b)?$/i.exec(text);
  if (match === null) throw new UsageError(`${what} is '${text}', expected bytes, e.g. 100, 1k, 4m`);
  return Number(match[1]) * UNIT_BYTES[match[2]!.toLowerCase()]!;
}

/** `start`, `end` or an offset. @throws UsageError */
export function parseFrom(text: string): StartPosition {
  if (text === 'start' || text === 'end') return text;
  if (/^\d{1,16}$/.test(text) && Number(text) <= Number.MAX_SAFE_INTEGER) return Number(text);
  throw new UsageError(`--from is '${text}'`, 'it is one of: start, end, an offset such as 47');
}

/** `any`, `primary` or `node:2`. @throws UsageError */
export function parseReadFrom(text: string): ReadPreference {
  if (text === 'any' || text === 'primary') return text;
  const match = /^node:(\d{1,9})$/.exec(text);
  if (match === null) throw new UsageError(`--read-from is '${text}'`, 'it is one of: any, primary, node:2');
  return { node: Number(match[1]) };
}

/** `0=127.0.0.1:7400,1=127.0.0.1:7410@rack-2`. @throws UsageError */
export function parseFounders(text: string): Founder[] {
  const founders = splitList(text).map((item) => {
    const match = /^(\d{1,9})=([^@]+)(?:@(.+))?$/.exec(item);
    if (match === null) {
      throw new UsageError(
        `'${item}' is not a founder`,
        'founders are written id=host:port,… or id=host:port@label,…',
      );
    }
    const [, id, address = '', host] = match;
    return { id: Number(id), address: parseAddress(address), ...(host !== undefined && { host }) };
  });
  if (new Set(founders.map(({ id }) => id)).size < founders.length) {
    throw new UsageError('--founders names a node twice');
  }
  return founders;
}

function splitList(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}
