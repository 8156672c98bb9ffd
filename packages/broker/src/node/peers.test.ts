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

/** A node of three, with the dials it asks for and the deaths it notices. */
function makePeers(node = 2) {
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
    node,
    nodes: [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${7400 + id}`, host: `h${id}` })),
    random,
    connections,
    peerLost: (peer) => lost.push(peer),
  });
  return { peers, dials, lost };
}

/** A protocol channel: opened by the peer, or dialed by us. */
function channel(node: number, startCounter: number, dialed = false): Connection {
  const connection = new Connection(
    startCounter,
    new FrameReader(defaultLimits, plainChecksums),
    dialed ? { peer: node, channel: 'protocol' } : null,
    0,
    500,
  );
  connection.role = 'peer';
  connection.channel = 'protocol';
  connection.peer = { node, incarnation: 'ab'.repeat(16), startCounter };
  return connection;
}

const fromNode0 = (startCounter: number) => channel(0, startCounter);

describe('a peer whose connection closed', () => {
  it('is lost when a dial is refused, also if a first one was still taken by the dying process', () => {
    const { peers, dials, lost } = makePeers();
    const connection = fromNode0(1);
    peers.ready(connection);
    peers.gone(connection);
    expect(dials).toEqual(['0 protocol']);
    expect(peers.dialed(0, 'protocol')).toBe(false);
    // The groups that it led wait for this.
    peers.tick();
    expect(dials).toEqual(['0 protocol', '0 protocol']);
    peers.dialFailed(0, 'protocol', true);
    expect(lost).toEqual([0]);
    for (let tick = 0; tick < 200; tick++) peers.tick();
    expect(dials).toHaveLength(2);
  });

  it('is asked again at once by the side that dials too, when a dying process ended the handshake', () => {
    const { peers, dials, lost } = makePeers(0);
    const connection = channel(2, 1, true);
    peers.ready(connection);
    peers.gone(connection);
    expect(dials).toEqual(['2 protocol']);
    expect(peers.dialed(2, 'protocol')).toBe(true);
    peers.gone(channel(2, 1, true));
    peers.tick();
    expect(dials.filter((dial) => dial === '2 protocol')).toHaveLength(2);
    peers.dialFailed(2, 'protocol', true);
    expect(lost).toEqual([2]);
    // From here on it is only waited for, ever longer.
    for (let tick = 0; tick < 100; tick++) {
      peers.tick();
      if (dials.filter((dial) => dial === '2 protocol').length > 2) break;
    }
    peers.dialFailed(2, 'protocol', true);
    peers.tick();
    peers.tick();
    expect(dials.filter((dial) => dial === '2 protocol')).toHaveLength(3);
    expect(lost).toEqual([2]);
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

describe('a peer that accepts and says nothing', () => {
  it('gets one connection, not one a tick; the next when its handshake was given up', () => {
    const { peers, dials } = makePeers(1);
    peers.start();
    expect(dials).toEqual(['2 protocol', '2 bulk']);
    expect(peers.dialed(2, 'protocol')).toBe(true);
    for (let tick = 0; tick < 400; tick++) peers.tick();
    expect(dials).toEqual(['2 protocol', '2 bulk']);
    peers.gone(channel(2, 0, true));
    for (let tick = 0; tick < 10; tick++) peers.tick();
    expect(dials).toEqual(['2 protocol', '2 bulk', '2 protocol']);
  });
});
