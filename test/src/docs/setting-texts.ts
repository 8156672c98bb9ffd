import type { Settings } from '@vireo/server';

/** What a setting is for and what it is when nothing is said; limits have their text in the table of limits. */
export const settingTexts: Readonly<Record<Exclude<keyof Settings, 'limits'>, readonly [string, string]>> = {
  data: ['required', 'Data directory, made by `vireo node format`.'],
  listen: ["the node's address in `node.json`", '`host:port` to bind. Anything but loopback needs a secret.'],
  advertise: ["the node's address in `node.json`", '`host:port` that clients and other nodes are told.'],
  secretFile: ['none', 'File with the secret that all nodes of the cluster share.'],
  secret: ['none', 'The secret itself. No flag: every user of the machine could read it.'],
  healthPort: [
    'port of `listen` + 2',
    'Port of `/livez`, `/readyz`, `/metrics` on 127.0.0.1. 0: a free one.',
  ],
  logLevel: ['`info`', '`debug`, `info`, `warn` or `error`.'],
  logFormat: ['`auto`', '`json`, `pretty`, or `auto`: pretty on a terminal, JSON elsewhere.'],
  coldStart: [
    '`wait`',
    'When so many replicas of a group lost what they acknowledged that it can have no primary: `wait` for `vireo cluster cold-start`, or `allPresent`, go on from the best log that is left as soon as all are there. What was acknowledged beyond is lost then, and told.',
  ],
  stopTimeoutMs: ['9000', 'For a graceful stop after SIGTERM, ms, 100 to 60000.'],
  dial: [
    'none',
    'Where to reach nodes that are not reached at their advertised address: `2=127.0.0.1:9000,…`; in a file an object by node id.',
  ],
  exitWithParent: ['`false`', 'End when the parent process ends.'],
};

/**
 * Limits that a setting changes only in part. A test looks that nothing here is
 * unknown; what the code does with each is the business of its own tests.
 */
export const limitRemarks: Readonly<Record<string, string>> = {
  recordBytesMax: 'judged where a batch is made: a node does not look into batches',
  recordHeadersMax: 'as `recordBytesMax`',
  recordHeaderBytesMax: 'as `recordBytesMax`',
  lanesPartitionMax: 'of topics made while it is set',
};
