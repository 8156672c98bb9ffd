import { shellWord } from './hints.ts';

/** How to call this command: npm and npx do not put it on the path of the shell they were started from. */
export function commandName(environment: NodeJS.ProcessEnv): string {
  return environment.npm_execpath === undefined ? 'vireo' : 'npx vireo';
}

/** Three commands to try a fresh cluster with; each works as pasted, again, too. */
export function commandsToTry(command: string, address: string): string[] {
  const server = address === '127.0.0.1:7400' ? '' : ` --server ${shellWord(address)}`;
  const vireo = (words: string): string => `${command} ${words}${server}`;
  // Broken where the shell reads on, so that they can be read at 80 columns, too.
  return [
    `${vireo('stream create shop --if-not-exists')} &&\n  ${vireo('topic create shop/orders --partitions 6 --if-not-exists')}`,
    `printf '{"country":"DE","total":3}\\n{"country":"NO","total":5}\\n' |\n  ${vireo('produce shop/orders --key-field country')}`,
    vireo('consume shop/orders --from start --until-end'),
  ];
}
