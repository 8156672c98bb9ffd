import { type Checksum, type Checksums, isChecksum } from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';

/** A founder as it stands in the record: a node id bound to the incarnation of its data directory. */
export interface Founder {
  readonly id: NodeId;
  readonly incarnation: Checksum;
  readonly address: string;
  readonly host: string;
}

/**
 * The founding record (design: founding): made once by the first founder, adopted durably by the others. Its
 * bytes are kept as they were made, because the cluster id is their identity.
 */
export interface FoundingRecord {
  /** Cluster id: identity of `text`. */
  readonly cluster: Checksum;
  readonly name: string;
  /** In the order of the cluster's configuration; the first one made the record. */
  readonly founders: readonly Founder[];
  /** The record's exact text. */
  readonly text: string;
}

const FORMAT = 1;
/** Founders fit into one frame by far; a longer text is hostile. Bytes. */
const TEXT_MAX = 64 * 1024;

/** Makes the record; called by the first founder alone, when all founders answered that they are unfounded. */
export function makeFoundingRecord(
  name: string,
  founders: readonly Founder[],
  checksums: Checksums,
): FoundingRecord {
  const text = JSON.stringify({
    format: FORMAT,
    name,
    founders: founders.map(({ id, incarnation, address, host }) => ({ id, incarnation, address, host })),
  });
  return { cluster: checksums.identity(Buffer.from(text, 'utf8')), name, founders, text };
}

/** Reads a record's text, as received or as stored; null when it is not one. */
export function parseFoundingRecord(text: unknown, checksums: Checksums): FoundingRecord | null {
  if (typeof text !== 'string' || text.length > TEXT_MAX) return null;
  const value = parseJson(text);
  if (!isObject(value) || value.format !== FORMAT || typeof value.name !== 'string') return null;
  if (!Array.isArray(value.founders) || value.founders.length === 0) return null;
  const founders: Founder[] = [];
  for (const founder of value.founders as unknown[]) {
    if (!isObject(founder) || !isNodeId(founder.id) || !isChecksum(founder.incarnation)) return null;
    if (typeof founder.address !== 'string' || typeof founder.host !== 'string') return null;
    if (founders.some((other) => other.id === founder.id)) return null;
    const { id, incarnation, address, host } = founder;
    founders.push({ id, incarnation, address, host });
  }
  return { cluster: checksums.identity(Buffer.from(text, 'utf8')), name: value.name, founders, text };
}

/** `JSON.parse` with a refusal as a value: undefined, which JSON can not express. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether `value` is a plain object (not null, not an array). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether `value` can be a node id: an integer that fits the wire's u32. */
export function isNodeId(value: unknown): value is NodeId {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}
