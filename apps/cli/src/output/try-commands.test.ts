import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandName, commandsToTry } from './try-commands.ts';

test('the command is called as its user called it', () => {
  expect(commandName({})).toBe('vireo');
  expect(commandName({ npm_execpath: '/usr/bin/npm' })).toBe('npx vireo');
});

test('three commands name the server only where it is not the default', () => {
  const commands = commandsToTry('npx vireo', '127.0.0.1:7400');
  expect(commands).toHaveLength(3);
  expect(commands.join('\n')).not.toContain('--server');
  expect(commands.flatMap((command) => command.split('\n')).filter((line) => line.length > 80)).toEqual([]);
  for (const command of commandsToTry('vireo', '127.0.0.1:9000'))
    expect(command).toContain('--server 127.0.0.1:9000');
});

test('the shell makes of them what they mean', () => {
  const show = 'show() { echo "[$*]"; cat; }';
  const said = commandsToTry('show', '127.0.0.1:7400').map((command) =>
    execFileSync('sh', ['-c', `${show}; ${command}`], { encoding: 'utf8', input: '' }),
  );
  expect(said).toEqual([
    '[stream create shop --if-not-exists]\n[topic create shop/orders --partitions 6 --if-not-exists]\n',
    '[produce shop/orders --key-field country]\n{"country":"DE","total":3}\n{"country":"NO","total":5}\n',
    '[consume shop/orders --from start --until-end]\n',
  ]);
});
