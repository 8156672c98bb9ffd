import { defaultLimits, FrameReader } from '@vireo/protocol';
import { plainChecksums } from '@vireo/storage/testing';
import type { Random } from '@vireo/vsr';
import { describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import { Peers } from './peers.ts';
import { Stats } from './stats.ts';
import type { NetworkEffects } from './world.ts';

const TICK_MS = 10;
const random: Random = { u32: () => 0, below: () => 0, fork: () => random };

/** Node 2 of three, with the dials it asks for and the deaths it notices. */
function makePeers() {
  const dials: string[] = [];
  const lost: number[] = [];
  const network: NetworkEffects = {
    dial: (peer, channel) => dials.push(`${peer} ${channel}`),
    send: () => {},
    pause: () => {},
    resume: () => {},
    close: () => {},
  };
  const log = { event: () => {} };
  const stats = new Stats();
  const common = { limits: defaultLimits, tickMs: TICK_MS, checksums: plainChecksums, network, log, stats };
  const nothing = () => {};
  const connections = new Connections(common, {
    handshake: nothing,
    clientFrame: nothing,
    peerFrame: nothing,
    gone: nothing,
  });
  const peers = new Peers({
    ...common,
    node: 2,
    nodes: [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${7400 + id}`, host: `h${id}` })),
    random,
    connections,
    peerLost: (node) => lost.push(node),
  });
  return { peers, dials, lost };
}

/** The protocol channel that node 0 has opened to us. */
function fromNode0(startCounter: number): Connection {
  const connection = new Connection(
    startCounter,
    new FrameReader(defaultLimits, plainChecksums),
    null,
    0,
    500,
  );
  connection.role = 'peer';
  connection.channel = 'protocol';
  connection.peer = { node: 0, incarnation: 'ab'.repeat(16), startCounter };
  return connection;
}

describe('a peer whose connection closed', () => {
  it('is lost when a dial is refused, also if a first one was still taken by the dying process', () => {
    const { peers, dials, lost } = makePeers();
    const connection = fromNode0(1);
    peers.ready(connection);
    peers.gone(connection);
    expect(dials).toEqual(['0 protocol']);
    expect(peers.dialed(0, 'protocol')).toBe(false);
    for (let tick = 0; tick < 10; tick++) peers.tick();
    expect(dials).toEqual(['0 protocol', '0 protocol']);
    peers.dialFailed(0, 'protocol', true);
    expect(lost).toEqual([0]);
    for (let tick = 0; tick < 200; tick++) peers.tick();
    expect(dials).toHaveLength(2);
  });

  it('is not lost when it connects anew, and is asked no more', () => {
    const { peers, dials, lost } = makePeers();
    const connection = fromNode0(1);
    peers.ready(connection);
    peers.gone(connection);
    peers.dialed(0, 'protocol');
    peers.ready(fromNode0(1));
    for (let tick = 0; tick < 200; tick++) peers.tick();
    expect(dials).toHaveLength(1);
    expect(lost).toEqual([]);
  });
});
