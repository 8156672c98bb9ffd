import { LimitTable } from '@vireo/protocol';
import { settingNames } from '@vireo/server';
import { limitRemarks, settingTexts } from './setting-texts.ts';

const intro = `# Configuration

<!-- Written by test/src/docs/reference.test.ts from the tables in the code: \`npx vitest run test/src/docs -u\` -->

A node takes its settings from, later ones over earlier ones: defaults, a JSON file (\`--config FILE\` or \`VIREO_CONFIG\`),
the environment, flags. A name that is not on this page is refused, with the nearest one that is; so is a value
outside its range, with the place where it was set. Flags take their value as \`--flag value\` or \`--flag=value\`.

\`\`\`json
{
  "data": "/var/lib/vireo",
  "listen": "0.0.0.0:7400",
  "advertise": "10.0.0.1:7400",
  "secretFile": "/etc/vireo/secret",
  "limits": { "journalFiles": 16 }
}
\`\`\`

\`vireo server --config FILE\` starts a node in the foreground. \`UV_THREADPOOL_SIZE\` must be set before a process
starts: \`vireo server\` and \`vireo dev\` set it to 16, and reads of files are bounded below it.

## Settings
`;

const limitsIntro = `
## Limits

In a file they stand under \`limits\`. The code is that of the error which something over the limit gets
([errors.md](errors.md)). Every limit is this node's own: give all nodes of a cluster the same. The SDK goes by the
defaults, so a limit raised at the nodes does not raise what it sends.
`;

function settingRows(): string[] {
  return settingNames
    .filter(({ path }) => path in settingTexts)
    .map(({ path, flag, variable }) => {
      const [byDefault, about] = settingTexts[path as keyof typeof settingTexts];
      const names = `${flag === null ? '–' : `\`${flag}\``} | \`${variable}\``;
      return `| \`${path}\` | ${names} | ${byDefault} | ${about} |`;
    });
}

function amount(value: number, unit: string): string {
  if (unit !== 'bytes' || value < 1024) return value.toLocaleString('en-US');
  for (const [name, size] of [
    ['MiB', 1024 * 1024],
    ['KiB', 1024],
  ] as const) {
    if (value % size === 0) return `${(value / size).toLocaleString('en-US')} ${name}`;
  }
  return value.toLocaleString('en-US');
}

function limitRows(): string[] {
  return Object.entries(LimitTable).map(([name, { default: value, min, max, unit, code, about }]) => {
    const flag = settingNames.find(({ path }) => path === `limits.${name}`)?.flag;
    const remark = limitRemarks[name] === undefined ? '' : `; ${limitRemarks[name]}`;
    const range = `${amount(min, unit)} to ${amount(max, unit)}`;
    const shown = unit === 'ms' ? ' ms' : '';
    return `| \`${name}\` | ${amount(value, unit)}${shown} | ${range} | ${about}${remark} | [${code}](errors.md#${code.toLowerCase()}) | \`${flag}\` |`;
  });
}

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  return [
    intro,
    '| setting | flag | variable | default | |\n| --- | --- | --- | --- | --- |',
    ...settingRows(),
    limitsIntro,
    '| limit | default | range | of what | code | flag |\n| --- | --- | --- | --- | --- | --- |',
    ...limitRows(),
    '',
  ].join('\n');
}
