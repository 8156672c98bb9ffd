import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FILE } from '@vireo/broker';
import { validateName } from '@vireo/protocol';
import { z } from 'zod';
import { parseAddress } from './address.ts';
import { NodeStartError, systemCode } from './start-errors.ts';

export { NODE_FILE };

/** Version of `node.json` that this program writes and reads. */
export const NODE_FILE_FORMAT = 1;

const founderSchema = z.strictObject({
  /** Node id. */
  id: z.int().min(0).max(0xffff_ffff),
  /** `host:port` under which clients and other nodes reach it. */
  address: z.string().refine((text) => parseAddress(text) !== null, 'must be host:port'),
  /** Failure domain: a group never has two replicas on one host. */
  host: z.string().min(1).max(255),
});

/** A node of the first configuration of a cluster. */
export type FounderAddress = z.infer<typeof founderSchema>;

const nodeFileSchema = z
  .strictObject({
    format: z.literal(NODE_FILE_FORMAT),
    /** Name of the cluster. */
    cluster: z.string().refine((name) => validateName(name) === null, 'is not a valid name'),
    node: z.int().min(0).max(0xffff_ffff),
    /** 32 hex digits, drawn when the directory was formatted. */
    incarnation: z.string().regex(/^[0-9a-f]{32}$/),
    founders: z.array(founderSchema).min(1).max(1024),
  })
  .refine(({ founders }) => new Set(founders.map(({ id }) => id)).size === founders.length, {
    path: ['founders'],
    message: 'name a node twice',
  })
  .refine(({ node, founders }) => founders.some(({ id }) => id === node), {
    path: ['founders'],
    message: 'lack the node itself',
  });

/** `node.json`: who a data directory belongs to. */
export type NodeFile = z.infer<typeof nodeFileSchema>;

/** What is wrong with a value that should be a `NodeFile`, or the value. */
export function checkNodeFile(value: unknown): { file: NodeFile } | { problem: string } {
  const result = nodeFileSchema.safeParse(value);
  if (result.success) return { file: result.data };
  const issue = result.error.issues[0];
  return { problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}` };
}

/**
 * Reads who the data directory belongs to.
 * @throws NodeStartError directoryMissing, notFormatted, unsupportedFormat, corruptState, diskFailed
 */
export function readNodeFile(directory: string): NodeFile {
  const path = join(directory, NODE_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      throw new NodeStartError(
        'notFormatted',
        `${directory} has no ${NODE_FILE}: a new node is made with \`vireo node format\`; a founder whose directory was wiped can not come back under its old identity`,
      );
    }
    // EIO or EACCES is never "absent".
    throw new NodeStartError('diskFailed', `${path} can not be read: ${String(error)}`, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new NodeStartError('corruptState', `${path} is not JSON`, error);
  }
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && format > NODE_FILE_FORMAT) {
    throw new NodeStartError(
      'unsupportedFormat',
      `${path} has format ${format}, this program knows ${NODE_FILE_FORMAT}: start a newer version`,
    );
  }
  const checked = checkNodeFile(value);
  if ('problem' in checked) throw new NodeStartError('corruptState', `${path}: ${checked.problem}`);
  return checked.file;
}
