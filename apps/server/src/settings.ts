import { parseAddress } from '@vireo/node';
import { LimitTable } from '@vireo/protocol';
import { z } from 'zod';

/** Environment variables and flags carry text; a file carries numbers. Both mean the same. */
function integer(min: number, max: number) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value),
    z
      .int(`must be an integer from ${min} to ${max}`)
      .min(min, `must be an integer from ${min} to ${max}`)
      .max(max, `must be an integer from ${min} to ${max}`),
  );
}

const address = z
  .string('must be host:port')
  .refine((text) => parseAddress(text) !== null, 'must be host:port, or [IPv6]:port');

const flag = z.preprocess(
  (value) => (value === 'true' || value === '' ? true : value === 'false' ? false : value),
  z.boolean('must be true or false'),
);

/** `2=127.0.0.1:9000,3=…` as text, `{"2": "127.0.0.1:9000"}` in a file. */
const dialAddresses = z.preprocess(
  (value) =>
    typeof value === 'string'
      ? Object.fromEntries(
          value
            .split(',')
            .map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]),
        )
      : value,
  z.record(z.string().regex(/^\d{1,10}$/, 'must name nodes by id: 2=host:port,3=host:port'), address),
);

const limits = z.strictObject(
  Object.fromEntries(
    Object.entries(LimitTable).map(([name, { min, max }]) => [name, integer(min, max).optional()]),
  ),
);

/** Every setting of the server. What is said here is all there is: a file, the environment and flags name these. */
export const settingsSchema = z.strictObject({
  /** Data directory, made by `vireo node format`. */
  data: z.string('must be a directory').min(1, 'must be a directory'),
  /** `host:port` to bind. Default: the node's own address in `node.json`. */
  listen: address.optional(),
  /** `host:port` that clients and nodes are told. Default: the node's own address in `node.json`. */
  advertise: address.optional(),
  /** File with the secret that all nodes of the cluster share. Without one only loopback is bound. */
  secretFile: z.string().min(1).optional(),
  /** The secret itself; not as a flag, which every user of the machine could read. */
  secret: z.string().min(1).optional(),
  /** Port of `/livez`, `/readyz`, `/metrics` on loopback. Default: the listening port + 2. 0: a free one. */
  healthPort: integer(0, 65_535).optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  /** `auto`: for people on a terminal, JSON elsewhere. */
  logFormat: z.enum(['auto', 'json', 'pretty'], 'must be auto, json or pretty').default('auto'),
  /** What a group does of which too many replicas lost what they acknowledged: `wait` for an operator, or go on. */
  coldStart: z.enum(['wait', 'allPresent'], 'must be wait or allPresent').default('wait'),
  /** For handing over primaries and finishing what is in flight after SIGTERM. Milliseconds. */
  stopTimeoutMs: integer(100, 60_000).default(9_000),
  /** Where to reach nodes that are not reached at their advertised address: `2=127.0.0.1:9000`. */
  dial: dialAddresses.optional(),
  /** End when the parent process ends. */
  exitWithParent: flag.default(false),
  /** Limits by their names in the table of limits. */
  limits: limits.default({}),
});

/** Checked settings, defaults filled in. */
export type Settings = z.infer<typeof settingsSchema>;

/** A setting as the three sources name it. */
export interface SettingName {
  /** In a file: `stopTimeoutMs`, `limits.journalFiles`. */
  readonly path: string;
  /** `--stop-timeout-ms`; null: not as a flag. */
  readonly flag: string | null;
  /** `VIREO_STOP_TIMEOUT_MS` */
  readonly variable: string;
}

const NOT_AS_FLAG = new Set(['secret']);

/** All settings by name. */
export const settingNames: readonly SettingName[] = [
  ...Object.keys(settingsSchema.shape).filter((key) => key !== 'limits'),
  ...Object.keys(LimitTable).map((name) => `limits.${name}`),
].map((path) => {
  const words = path.replace('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    path,
    flag: NOT_AS_FLAG.has(path) ? null : `--${words}`,
    variable: `VIREO_${words.replaceAll('-', '_').toUpperCase()}`,
  };
});

/** Flags that stand alone. */
export const FLAGS_WITHOUT_VALUE: ReadonlySet<string> = new Set(['--exit-with-parent']);
