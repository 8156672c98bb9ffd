import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from './config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(content: unknown, name = 'config.json'): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const refusal = (argv: string[], environment: Record<string, string> = {}): string => {
  try {
    loadConfig(argv, environment);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConfigError', code: 'invalidConfig' });
    return (error as Error).message;
  }
  throw new Error('was accepted');
};

describe('sources', () => {
  test('defaults are overridden by the file, that by the environment, that by flags', () => {
    const config = file({ data: 'file', logLevel: 'error', stopTimeoutMs: 100, limits: { journalFiles: 4 } });
    const { settings, origins } = loadConfig(['--config', config, '--log-level=warn'], {
      VIREO_STOP_TIMEOUT_MS: '200',
      VIREO_LOG_LEVEL: 'debug',
    });
    expect(settings).toMatchObject({
      data: 'file',
      logLevel: 'warn',
      stopTimeoutMs: 200,
      logFormat: 'auto',
      limits: { journalFiles: 4 },
    });
    expect(origins.get('logLevel')).toBe('flag --log-level');
    expect(origins.get('stopTimeoutMs')).toBe('variable VIREO_STOP_TIMEOUT_MS');
    expect(origins.get('data')).toBe(`file ${config}`);
    expect(origins.has('logFormat')).toBe(false);
  });

  test('a limit can come from each of them', () => {
    const { settings } = loadConfig(['--data', 'd', '--limits-segment-bytes', '1048576'], {
      VIREO_LIMITS_JOURNAL_FILES: '5',
    });
    expect(settings.limits).toMatchObject({ segmentBytes: 1_048_576, journalFiles: 5 });
  });

  test('the config file may be named by the environment', () => {
    expect(loadConfig([], { VIREO_CONFIG: file({ data: 'd' }) }).settings.data).toBe('d');
  });

  test('other variables, and those of the command line, are left alone', () => {
    const environment = { VIREO_SERVER: '127.0.0.1:7400', PATH: '/bin', VIREO_DATA: 'd' };
    expect(loadConfig([], environment).settings.data).toBe('d');
  });

  test('addresses of others are read as text and as an object', () => {
    const dial = { '1': '127.0.0.1:9000', '2': '[::1]:9001' };
    expect(loadConfig(['--data=d', '--dial', '1=127.0.0.1:9000,2=[::1]:9001'], {}).settings.dial).toEqual(
      dial,
    );
    expect(loadConfig(['--config', file({ data: 'd', dial })], {}).settings.dial).toEqual(dial);
  });

  test('exit-with-parent stands alone', () => {
    expect(loadConfig(['--exit-with-parent', '--data', 'd'], {}).settings.exitWithParent).toBe(true);
    expect(loadConfig(['--data', 'd'], {}).settings.exitWithParent).toBe(false);
  });
});

describe('names that are not known are refused with the nearest', () => {
  test('a flag', () => {
    expect(refusal(['--data', 'd', '--lisen', 'x'])).toBe('unknown flag --lisen, did you mean --listen?');
  });

  test('a variable', () => {
    expect(refusal(['--data', 'd'], { VIREO_LOG_LEVLE: 'info' })).toBe(
      'unknown variable VIREO_LOG_LEVLE, did you mean VIREO_LOG_LEVEL?',
    );
  });

  test('a key of the file, and a limit', () => {
    expect(refusal(['--config', file({ data: 'd', Listen: '127.0.0.1:1' })])).toBe(
      'unknown setting Listen, did you mean listen?',
    );
    expect(refusal(['--config', file({ data: 'd', limits: { journalFile: 4 } })])).toBe(
      'unknown setting limits.journalFile, did you mean limits.journalFiles?',
    );
  });

  test('nothing is suggested when nothing is near', () => {
    expect(refusal(['--data', 'd', '--xyzzyplugh', '1'])).toBe('unknown flag --xyzzyplugh');
  });
});

describe('values that can not be', () => {
  test.each([
    [['--listen', 'here'], 'listen (flag --listen) must be host:port, or [IPv6]:port, is "here"'],
    [
      ['--stop-timeout-ms', '5'],
      'stopTimeoutMs (flag --stop-timeout-ms) must be an integer from 100 to 60000, is "5"',
    ],
    [['--stop-timeout-ms', '1e3'], 'must be an integer from 100 to 60000'],
    [['--log-level', 'loud'], 'must be debug, info, warn or error'],
    [['--health-port', '65536'], 'must be an integer from 0 to 65535'],
    [['--limits-journal-files', '0'], 'limits.journalFiles (flag --limits-journal-files) must be an integer'],
    [['--dial', 'one'], 'dial (flag --dial)'],
    [['--exit-with-parent=maybe'], 'must be true or false'],
  ])('%j', (argv, says) => {
    expect(refusal(['--data', 'd', ...argv])).toContain(says);
  });

  test('all of them at once', () => {
    const message = refusal(['--data', 'd', '--listen', 'x', '--log-level', 'y']);
    expect(message).toContain('listen');
    expect(message).toContain('logLevel');
  });

  test('no data directory: says how to give it', () => {
    expect(refusal([])).toBe('data is not set: give the data directory by --data DIR or VIREO_DATA');
  });

  test.each([
    [['--data'], '--data needs a value'],
    [['--data', 'a', '--data', 'b'], '--data is given twice'],
    [['a', '--data', 'b'], 'unexpected argument "a"'],
  ])('a command line like %j', (argv, says) => {
    expect(refusal(argv)).toBe(says);
  });

  test('a config file that is missing, no JSON, or no object', () => {
    expect(refusal(['--config', join(directory, 'none')])).toContain('ENOENT');
    expect(refusal(['--config', file('{')])).toContain('can not be read');
    expect(refusal(['--config', file([])])).toContain('must be a JSON object');
    expect(refusal(['--config', file({ data: 'd', limits: 3 })])).toContain('limits in');
  });
});

describe('the cluster secret', () => {
  test('comes from a file, without the newline at its end, or from the environment', () => {
    expect(loadConfig(['--data', 'd', '--secret-file', file('s3cret\n', 'secret')], {}).secret).toBe(
      's3cret',
    );
    expect(loadConfig(['--data', 'd'], { VIREO_SECRET: 'x' }).secret).toBe('x');
    expect(loadConfig(['--data', 'd'], {}).secret).toBeNull();
  });

  test('is no flag', () => {
    expect(refusal(['--data', 'd', '--secret', 'x'])).toContain('--secret-file');
  });

  test('twice, empty or unreadable is refused, and it is never shown', () => {
    const empty = file('\n', 'empty');
    const both = refusal(['--data', 'd', '--secret-file', empty], { VIREO_SECRET: 'hidden' });
    expect(both).toContain('both set');
    expect(refusal(['--data', 'd', '--secret-file', empty])).toContain('is empty');
    expect(refusal(['--data', 'd', '--secret-file', join(directory, 'none')])).toContain('can not be read');
    expect(both + refusal(['--config', file({ data: 'd', secret: 77 })])).not.toMatch(/hidden|77/);
  });
});
