import { StartErrorCodes } from '@vireo/node';
import { type ErrorCode, ErrorCodes } from '@vireo/protocol';
import { errorAdvice, reservedCodes, startAdvice } from './error-advice.ts';

/** The groups of the table in `packages/protocol/src/errors.ts`, by their first code. */
const groups: Readonly<Partial<Record<ErrorCode, string>>> = {
  notPrimary: 'Wrong place or wrong moment',
  timeout: 'No definite answer',
  diskFull: 'Somebody has to make room',
  fenced: "The caller's state is superseded",
  unknownStream: 'What is named does not exist, or exists already',
  invalid: 'The request itself is wrong',
  notVireo: 'The bytes are not what they should be',
  clusterMismatch: 'Handshake',
  connectFailed: 'Raised at the client',
};

const intro = `# Errors

<!-- Written by test/src/docs/reference.test.ts from the tables in the code: \`npx vitest run test/src/docs -u\` -->

Every error of nodes and SDK is a \`VireoError\` with a \`code\` of this page; \`vireo\` prints them as they are, and has a few
codes of its own for what it finds out itself (\`usage\`, \`notConfirmed\`, \`addressInUse\`, …). Match on the code, never on the
message. Codes are never used again for something else. A newer node may send a code that this version does not know: the
SDK then says \`internal\`, with the code in \`details.code\`.

- **retry**: whether sending the same again can succeed without anybody changing something. The SDK does so by itself
  until the call's deadline, wherever it is safe; an error that reaches a program is one that it could not settle.
- **outcome** speaks of the attempt: \`notApplied\`, it is in no log and never will be; \`unknown\`, it may be. What
  a program is told of a \`send\` covers all attempts of it: \`notApplied\` only if each of them was refused. An error may
  carry another outcome than its row (\`error.outcome\` counts): a call that ends before anything was sent says
  \`notApplied\`, whatever ended it.

Codes marked *reserved* have their meaning, and nothing raises them yet.
`;

function section(code: ErrorCode): string {
  const { retryable, outcome, message } = ErrorCodes[code];
  const reserved = reservedCodes.has(code) ? ', *reserved*' : '';
  return `### ${code}

${message[0]?.toUpperCase()}${message.slice(1)}. Retry: ${retryable ? 'yes' : 'no'}; outcome: ${outcome}${reserved}.

${errorAdvice[code]}
`;
}

function overview(codes: readonly ErrorCode[]): string {
  const rows = codes.map((code) => {
    const { retryable, outcome, message } = ErrorCodes[code];
    const reserved = reservedCodes.has(code) ? ' (*reserved*)' : '';
    return `| [${code}](#${code.toLowerCase()}) | ${retryable ? 'yes' : 'no'} | ${outcome} | ${message}${reserved} |`;
  });
  return `| code | retry | outcome | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function startSection(): string {
  const rows = Object.entries(StartErrorCodes).map(
    ([code, meaning]) => `| ${code} | ${meaning} | ${startAdvice[code as keyof typeof startAdvice]} |`,
  );
  return `## When a node does not start

The process ends with exit code 2 and a last line on standard error: a log event \`server.refused\` with \`code\` and
\`message\` (on a terminal, as text). Exit code 1: it ran and stopped by itself (\`server.failed\`). Exit code 70: a broken
assertion, with a dump in the data directory.

| code | meaning | what to do |
| --- | --- | --- |
${rows.join('\n')}
`;
}

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const codes = Object.keys(ErrorCodes) as ErrorCode[];
  const parts = [intro, overview(codes)];
  for (const code of codes) {
    const title = groups[code];
    if (title !== undefined) parts.push(`## ${title}\n`);
    parts.push(section(code));
  }
  parts.push(startSection());
  return parts.join('\n');
}
