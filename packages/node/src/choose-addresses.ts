import { type Address, formatAddress, isLoopback, parseAddress } from './address.ts';
import type { NodeFile } from './node-file.ts';
import type { StartNodeOptions } from './running-node.ts';
import { NodeStartError } from './start-errors.ts';

/** Where a node listens, what it says of itself, where it finds the others. */
export interface Addresses {
  readonly listen: Address;
  readonly advertise: Address;
  /** Where to dial the others. */
  readonly peers: ReadonlyMap<number, Address>;
}

/**
 * The addresses of a start. Binding and advertising are apart; both default to what `node.json` says of the node.
 * @throws NodeStartError invalidConfig, secretRequired
 */
export function chooseAddresses(
  options: Pick<StartNodeOptions, 'listen' | 'advertise' | 'secret' | 'dialAddresses'>,
  file: NodeFile,
): Addresses {
  const peers = new Map<number, Address>();
  let own: Address | null = null;
  for (const founder of file.founders) {
    const address = parsed(founder.address, `the address of node ${founder.id} in node.json`);
    if (founder.id === file.node) own = address;
    else peers.set(founder.id, address);
  }
  for (const [id, text] of Object.entries(options.dialAddresses ?? {})) {
    if (!peers.has(Number(id))) {
      throw new NodeStartError(
        'invalidConfig',
        `dialAddresses names node ${id}, which is not another founder`,
      );
    }
    peers.set(Number(id), parsed(text, `dialAddresses of node ${id}`));
  }
  const advertise = options.advertise === undefined ? own : parsed(options.advertise, 'advertise');
  const listen = options.listen === undefined ? own : parsed(options.listen, 'listen');
  if (advertise === null || listen === null) {
    throw new NodeStartError('corruptState', 'node.json does not list the node itself');
  }
  if (advertise.host === '0.0.0.0' || advertise.host === '::') {
    throw new NodeStartError(
      'invalidConfig',
      `advertise is ${formatAddress(advertise)}, which nobody can dial: set advertise (--advertise HOST:PORT) to an address of this machine`,
    );
  }
  if ((options.secret ?? '') === '' && !isLoopback(listen.host)) {
    throw new NodeStartError(
      'secretRequired',
      `listen is ${formatAddress(listen)}, which others can reach, and there is no cluster secret: set secretFile (--secret-file FILE, VIREO_SECRET_FILE), or listen on 127.0.0.1`,
    );
  }
  return { listen, advertise, peers };
}

function parsed(text: string, what: string): Address {
  const address = parseAddress(text);
  if (address !== null) return address;
  throw new NodeStartError('invalidConfig', `${what} is not host:port: ${JSON.stringify(text)}`);
}
