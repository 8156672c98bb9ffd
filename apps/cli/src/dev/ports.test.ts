import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { checkPorts } from './ports.ts';

function nodeAt(port: number) {
  return { id: 1, address: `127.0.0.1:${port}`, directory: '', log: '' };
}

test('a port that another process listens on is named, a free one passes', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await expect(checkPorts([nodeAt(port)])).rejects.toMatchObject({
    code: 'addressInUse',
    message: `127.0.0.1:${port} is in use: node 1 cannot listen there`,
  });
  taken.close();
  await once(taken, 'close');
  await expect(checkPorts([nodeAt(port)])).resolves.toBeUndefined();
});

test('an address of another machine is refused', async () => {
  const node = { id: 0, address: '192.0.2.1:7400', directory: '', log: '' };
  await expect(checkPorts([node])).rejects.toMatchObject({ code: 'addressUnavailable' });
});
