import { VireoError } from '@vireo/protocol';

/** Where a node listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Port when an address names none. */
const DEFAULT_PORT = 7400;

const SCHEME = 'vireo://';

/**
 * Reads `vireo://host:port,host:port`, `host:port` or a list of them. IPv6 in brackets: `[::1]:7400`.
 *
 * @throws VireoError `invalid` for an empty list, another scheme, a port that is none.
 */
export function parseSeeds(seeds: string | readonly string[]): Address[] {
  const parts = (typeof seeds === 'string' ? [seeds] : seeds).flatMap((seed) => {
    const trimmed = seed.trim();
    const bare = trimmed.startsWith(SCHEME) ? trimmed.slice(SCHEME.length).replace(/\/$/, '') : trimmed;
    if (bare.includes('://'))
      throw new VireoError('invalid', `the address ${seed} does not begin with ${SCHEME}`);
    return bare.split(',');
  });
  if (parts.length === 0) throw new VireoError('invalid', 'no address of a server was given');
  return parts.map((part) => parseAddress(part.trim()));
}

/** Reads one `host:port`. @throws VireoError `invalid` */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new VireoError('invalid', `not an address of a server (host:port): ${JSON.stringify(text)}`);
  }
  return { host, port };
}

/** The address as text, the form in which it is compared. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
