import { isIPv4, isIPv6 } from 'node:net';

/** Where to listen or connect: what `host:port` means. */
export interface Address {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 asks the system for a free one when listening. */
  readonly port: number;
}

/** Reads `host:port` or `[IPv6]:port`; null when it is neither. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return null;
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { host: ipv6, port } : null;
  return name === undefined ? null : { host: name, port };
}

/** The text of an address, as `parseAddress` reads it. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Whether only this machine can reach the host. A name other than `localhost` counts as reachable from
 * outside: what it resolves to may change.
 */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}
