import type { Checksum, Frame, FrameReader } from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import type { Subscription } from './subscription.ts';
import type { ConnectionId, PeerChannel } from './world.ts';

/**
 * Where a connection is. Accepted ones start at `hello`, dialed ones at `welcome`; a peer's accepted one passes
 * `proof`. Any frame that the state does not name ends the connection.
 */
export type ConnectionState = 'hello' | 'proof' | 'welcome' | 'ready' | 'closed';

/** The other side of a connection to a node. */
export interface PeerIdentity {
  readonly node: NodeId;
  readonly incarnation: Checksum;
  readonly startCounter: number;
}

/** One connection of a client or a peer: plain state, driven by `Connections`. */
export class Connection {
  readonly id: ConnectionId;
  readonly reader: FrameReader;
  /** Where the reader's frames go; one closure a connection. */
  onFrame: (frame: Frame) => void = ignore;
  state: ConnectionState;
  /** Set for connections that this node opened. */
  readonly dialed: { readonly peer: NodeId; readonly channel: PeerChannel } | null;
  role: 'client' | 'peer' | null = null;
  /** Of a client: a control connection is never paused. */
  control = false;
  channel: PeerChannel | null = null;
  peer: PeerIdentity | null = null;
  /** Name that the client gave itself, for logs. */
  name = '';
  nonceOwn: Buffer = Buffer.alloc(0);
  nonceOther: Buffer = Buffer.alloc(0);
  /** Tick at which an unfinished handshake is given up. */
  deadlineTick: number;

  /** Unsent bytes by the adapter's last report, and what was handed to it since. */
  queuedBytes = 0;
  handedBytes = 0;
  /** Ticks at which unsent bytes were last seen to shrink; a client that reads nothing is closed. */
  progressTick: number;

  /** Requests that were not answered yet, and the bytes they hold. */
  requestsInFlight = 0;
  bytesInFlight = 0;
  paused = false;

  readonly subscriptions = new Map<number, Subscription>();
  /** Sum of the bytes of credit that all subscriptions hold. */
  creditBytes = 0;

  constructor(
    id: ConnectionId,
    reader: FrameReader,
    dialed: { readonly peer: NodeId; readonly channel: PeerChannel } | null,
    tick: number,
    handshakeTicks: number,
  ) {
    this.id = id;
    this.reader = reader;
    this.dialed = dialed;
    this.state = dialed === null ? 'hello' : 'welcome';
    this.deadlineTick = tick + handshakeTicks;
    this.progressTick = tick;
  }

  /** Bytes that have not left this process, as far as known. */
  get unsentBytes(): number {
    return this.queuedBytes + this.handedBytes;
  }
}

function ignore(): void {}
