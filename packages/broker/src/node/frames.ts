import { type Checksums, type Frame, FrameKind } from '@vireo/protocol';
import { decodeMessage } from '@vireo/vsr';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { FoundedNode } from './founded-node.ts';
import type { Founding } from './founding.ts';
import type { Peers } from './peers.ts';
import type { Stats } from './stats.ts';
import { decodeTransfer } from './transfer/transfer-message.ts';

const NOTHING = Buffer.alloc(0);

/** The parts of a node that frames are for. */
export interface FrameTargets {
  readonly checksums: Checksums;
  readonly connections: Connections;
  readonly peers: Peers;
  readonly founding: Founding;
  readonly stats: Stats;
}

/** A frame of a client. Founded nodes only: before that no client gets through the handshake. */
export function clientFrame(
  targets: FrameTargets,
  node: FoundedNode,
  connection: Connection,
  frame: Frame,
): void {
  switch (frame.kind) {
    case FrameKind.produce:
      node.produce.frame(connection, frame);
      return;
    case FrameKind.credit:
      node.subscriptions.credit(connection, frame);
      return;
    case FrameKind.request:
      node.control.frame(connection, frame);
      return;
    case FrameKind.subscribe:
      node.subscriptions.subscribe(connection, frame);
      return;
    case FrameKind.unsubscribe:
      node.subscriptions.unsubscribe(connection, frame);
      return;
    case FrameKind.ping:
      targets.connections.send(connection, FrameKind.pong, frame.correlation, 0, NOTHING);
      return;
    case FrameKind.pong:
      return;
    default:
      targets.connections.reject(connection, 'invalidRequest', `frame kind ${frame.kind} is not for clients`);
  }
}

/** A frame of another node. */
export function peerFrame(
  targets: FrameTargets,
  node: FoundedNode | null,
  connection: Connection,
  frame: Frame,
): void {
  const { connections, peers, stats } = targets;
  const peer = connection.peer;
  if (peer === null) return;
  peers.heard(peer.node);
  stats.peerFramesReceived++;
  if (frame.kind === FrameKind.found || frame.kind === FrameKind.foundReply) {
    targets.founding.frame(connection, frame);
    return;
  }
  // An unfounded node answers nothing but the founding; what is sent to it is sent again.
  if (node === null) return;
  switch (frame.kind) {
    case FrameKind.replica: {
      const message = decodeMessage(frame.payload, frame.covered, targets.checksums);
      if (!message.ok) {
        connections.reject(connection, message.error.code, message.error.message);
        return;
      }
      node.storage.groups.message(frame.group, peer.node, message.value);
      return;
    }
    case FrameKind.transfer: {
      const message = decodeTransfer(frame.payload, frame.covered);
      if (!message.ok) {
        connections.reject(connection, message.error.code, message.error.message);
        return;
      }
      node.transfers.message(frame.group, peer.node, message.value);
      return;
    }
    case FrameKind.request:
      node.control.frame(connection, frame);
      return;
    case FrameKind.response:
    case FrameKind.error:
      node.control.answer(connection, frame);
      return;
    case FrameKind.ping:
      connections.send(connection, FrameKind.pong, frame.correlation, 0, NOTHING);
      return;
    case FrameKind.pong:
      return;
    default:
      connections.reject(connection, 'invalidRequest', `frame kind ${frame.kind} is not for nodes`);
  }
}
