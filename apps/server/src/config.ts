import { readFileSync } from 'node:fs';
import { nearest } from './nearest.ts';
import { FLAGS_WITHOUT_VALUE, type Settings, settingNames, settingsSchema } from './settings.ts';

/** Variables of this prefix are settings, but for those of the command line. */
const PREFIX = 'VIREO_';
/** Read by `vireo`, which may have started this process. */
const VARIABLES_OF_THE_CLI: ReadonlySet<string> = new Set(['VIREO_SERVER', 'VIREO_CONTEXT']);

/** A setting that is unknown, not valid, or can not be honoured: the server does not start. */
export class ConfigError extends Error {
  readonly code = 'invalidConfig';

  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** Settings, and for each that was set who said so (`flag --listen`). */
export interface LoadedConfig {
  readonly settings: Settings;
  /** The cluster secret, wherever it came from; null: none. */
  readonly secret: string | null;
  readonly origins: ReadonlyMap<string, string>;
}

/**
 * Reads the settings: defaults < file (`--config`, `VIREO_CONFIG`) < environment < flags.
 * @throws ConfigError that names the setting and where it was set.
 */
export function loadConfig(argv: readonly string[], environment: NodeJS.ProcessEnv): LoadedConfig {
  const flags = parseFlags(argv);
  const file = flags.get('--config') ?? environment.VIREO_CONFIG;
  flags.delete('--config');
  const values = new Map<string, unknown>();
  const origins = new Map<string, string>();
  const set = (path: string, value: unknown, origin: string) => {
    values.set(path, value);
    origins.set(path, origin);
  };
  if (file !== undefined)
    for (const [path, value] of readFileSettings(file)) set(path, value, `file ${file}`);
  for (const [path, value, variable] of readVariables(environment)) set(path, value, `variable ${variable}`);
  for (const [flag, value] of flags) {
    const path = settingNames.find((name) => name.flag === flag)?.path;
    if (path === undefined) throw unknownName('flag', flag, [...flagNames(), '--config']);
    set(path, value, `flag ${flag}`);
  }
  const result = settingsSchema.safeParse(nested(values));
  if (!result.success) throw notValid(result.error.issues, values, origins);
  return { settings: result.data, secret: chooseSecret(result.data, origins), origins };
}

function flagNames(): string[] {
  return settingNames.flatMap(({ flag }) => (flag === null ? [] : [flag]));
}

function parseFlags(argv: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (!argument.startsWith('--')) throw new ConfigError(`unexpected argument ${JSON.stringify(argument)}`);
    const equals = argument.indexOf('=');
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    if (flag === '--secret') {
      throw new ConfigError(
        '--secret would show the secret to every user of the machine: use --secret-file or VIREO_SECRET',
      );
    }
    if (flag !== '--config' && !flagNames().includes(flag))
      throw unknownName('flag', flag, [...flagNames(), '--config']);
    if (flags.has(flag)) throw new ConfigError(`${flag} is given twice`);
    if (equals >= 0) {
      flags.set(flag, argument.slice(equals + 1));
    } else if (FLAGS_WITHOUT_VALUE.has(flag)) {
      flags.set(flag, 'true');
    } else {
      const value = argv[++index];
      if (value === undefined) throw new ConfigError(`${flag} needs a value`);
      flags.set(flag, value);
    }
  }
  return flags;
}

function* readVariables(environment: NodeJS.ProcessEnv): Generator<[string, string, string]> {
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue;
    if (variable === 'VIREO_CONFIG' || VARIABLES_OF_THE_CLI.has(variable)) continue;
    const name = settingNames.find((setting) => setting.variable === variable);
    if (name === undefined) {
      throw unknownName(
        'variable',
        variable,
        settingNames.map((setting) => setting.variable),
      );
    }
    yield [name.path, value, variable];
  }
}

function* readFileSettings(path: string): Generator<[string, unknown]> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(
      `the config file ${path} can not be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  const known = settingNames.map((name) => name.path);
  const entries = (object: unknown, what: string): [string, unknown][] => {
    if (typeof object === 'object' && object !== null && !Array.isArray(object))
      return Object.entries(object);
    throw new ConfigError(`${what} must be a JSON object`);
  };
  for (const [key, setting] of entries(value, `the config file ${path}`)) {
    if (key === 'limits') {
      for (const [limit, bound] of entries(setting, `limits in ${path}`)) {
        if (!known.includes(`limits.${limit}`)) throw unknownName('setting', `limits.${limit}`, known);
        yield [`limits.${limit}`, bound];
      }
    } else if (known.includes(key)) {
      yield [key, setting];
    } else {
      throw unknownName('setting', key, [...known, 'limits']);
    }
  }
}

function unknownName(kind: string, name: string, known: readonly string[]): ConfigError {
  const near = nearest(name, known);
  return new ConfigError(`unknown ${kind} ${name}${near === null ? '' : `, did you mean ${near}?`}`);
}

/** `{ 'limits.a': 1, b: 2 }` → `{ limits: { a: 1 }, b: 2 }` */
function nested(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const limits: Record<string, unknown> = {};
  for (const [path, value] of values) {
    if (path.startsWith('limits.')) limits[path.slice('limits.'.length)] = value;
    else object[path] = value;
  }
  return Object.keys(limits).length === 0 ? object : { ...object, limits };
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function notValid(
  issues: readonly Issue[],
  values: ReadonlyMap<string, unknown>,
  origins: ReadonlyMap<string, string>,
): ConfigError {
  const problems = issues.map(({ path, message }) => {
    const name = path
      .slice(0, path[0] === 'limits' ? 2 : 1)
      .map(String)
      .join('.');
    const origin = origins.get(name);
    if (origin === undefined) {
      return name === 'data'
        ? 'data is not set: give the data directory by --data DIR or VIREO_DATA'
        : `${name} ${message}`;
    }
    const shown = name === 'secret' ? '' : `, is ${JSON.stringify(values.get(name))}`;
    return `${name} (${origin}) ${message}${shown}`;
  });
  return new ConfigError(problems.join('; '));
}

function chooseSecret({ secret, secretFile }: Settings, origins: ReadonlyMap<string, string>): string | null {
  if (secretFile === undefined) return secret ?? null;
  if (secret !== undefined) {
    throw new ConfigError(
      `secret (${origins.get('secret')}) and secretFile (${origins.get('secretFile')}) are both set: which one counts?`,
    );
  }
  let text: string;
  try {
    text = readFileSync(secretFile, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(
      `secretFile (${origins.get('secretFile')}) can not be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (text === '') throw new ConfigError(`secretFile (${origins.get('secretFile')}) is empty: ${secretFile}`);
  return text;
}
