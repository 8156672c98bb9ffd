import type { Checksum, Prepare } from '@vireo/protocol';
import type { DoViewChange, Message, PrepareOk } from '../message.ts';
import { quorums } from '../quorums.ts';
import type { Node } from './node.ts';

/** Said by those alone who know all that they acked, in an epoch that they have not given up. */
const OF_VOTERS: readonly Message['type'][] = [
  'prepare',
  'prepareOk',
  'commit',
  'ping',
  'startViewChange',
  'doViewChange',
  'startView',
  'digest',
];

interface Acked {
  readonly op: number;
  readonly checksum: Checksum;
}

/** What an observer who sees everything knows of a group, and what must never come about. */
export class Ghost {
  readonly problems: string[] = [];
  /** op → what any replica applied there, in which loss epoch. */
  readonly #applied = new Map<number, { checksum: Checksum; lossEpoch: number }>();
  /** `node/epoch/view` → the vote. */
  readonly #votes = new Map<string, string>();
  /** `node/epoch/view` → the furthest ack. */
  readonly #acks = new Map<string, Acked>();
  /** `node/epoch/view/checksum` of every op that an ack covered. */
  readonly #covered = new Set<string>();
  /** `epoch/view` → the run of the node that led it. */
  readonly #leaders = new Map<string, string>();
  readonly #n: number;

  constructor(n: number) {
    this.#n = n;
  }

  blame(text: string): void {
    this.problems.push(text);
  }

  onApplied(node: Node, prepare: Prepare, lossEpoch: number): void {
    const { op, checksum } = prepare.header;
    const known = this.#applied.get(op);
    if (known !== undefined && known.checksum !== checksum && lossEpoch <= known.lossEpoch)
      this.blame(`op ${op} differs at node ${node.id}`);
    if (known === undefined || lossEpoch > known.lossEpoch || known.checksum === checksum)
      this.#applied.set(op, { checksum, lossEpoch });
  }

  onSend(node: Node, message: Message): void {
    const { replica, record } = node;
    if (replica === null) return;
    const { state } = replica;
    const standing = `${message.type} of ${node.id} (${state.status} ${state.epoch}/${state.view})`;
    if (OF_VOTERS.includes(message.type)) {
      if (state.verdict !== 'none' || state.grant !== null) this.blame(`${standing} without a vote`);
      // A switch to memory may be under way: then it is the acks that wait for the mark.
      if (node.headMode() === 'disk') node.markedSinceStart = true;
      if (!node.markedSinceStart) this.blame(`${standing} before the mark is durable`);
    }
    if (state.failed || state.halted) {
      if (!['getPrepare', 'repair'].includes(message.type)) this.blame(`${standing} after it stopped`);
    }
    if ('view' in message && !['requestStartView', 'coldStart', 'coldStartGranted'].includes(message.type)) {
      const promised = record !== null && (message.epoch < record.epoch || message.view <= record.view);
      if (!promised || message.epoch > (record?.epoch ?? 0)) this.blame(`${standing} above its durable view`);
    }
    if (message.type === 'doViewChange') this.#onVote(node, message);
    if (message.type === 'prepareOk') this.#onAck(node, message);
  }

  #onVote(node: Node, message: DoViewChange): void {
    const { epoch, view, logView, anchorOp, headers, nack, present } = message;
    const key = `${node.id}/${epoch}/${view}`;
    const said = JSON.stringify([
      logView,
      message.commitMax,
      anchorOp,
      headers.map((h) => h.checksum),
      present,
      nack,
    ]);
    const before = this.#votes.get(key);
    if (before !== undefined && before !== said) this.blame(`node ${node.id} votes twice in view ${view}`);
    this.#votes.set(key, said);
    headers.forEach(({ op, checksum }, i) => {
      if (nack[i] === true && this.#covered.has(`${node.id}/${epoch}/${logView}/${checksum}`))
        this.blame(`node ${node.id} nacks op ${op} in view ${view}, which it acked in ${logView}`);
    });
    const furthest = this.#acks.get(`${node.id}/${epoch}/${logView}`);
    if (furthest === undefined || furthest.op <= anchorOp) return;
    if (headers[furthest.op - anchorOp - 1]?.checksum !== furthest.checksum)
      this.blame(`vote of node ${node.id} for view ${view} lacks op ${furthest.op}, acked in ${logView}`);
  }

  #onAck(node: Node, { epoch, view, op, checksum, commitMin }: PrepareOk): void {
    const key = `${node.id}/${epoch}/${view}`;
    const before = this.#acks.get(key);
    if (before === undefined || before.op <= op) this.#acks.set(key, { op, checksum });
    for (let at = Math.max(1, op - 40); at <= op; at++) {
      const covered = node.checksumAt(at);
      if (covered !== null) this.#covered.add(`${key}/${covered}`);
    }
    if (before?.op !== op && !holdsAsPromised(node, op, checksum, commitMin, view))
      this.blame(`node ${node.id} acks op ${op} in view ${view} without what its mode promises`);
  }

  /** After each step: the primary's own part of what it calls committed. */
  onStep(node: Node): void {
    const { replica } = node;
    if (replica === null) return;
    const { state } = replica;
    // A cold start may cut what was known to be committed and was not applied.
    const isSameEpoch = state.epoch === node.lastCommit.epoch;
    if (state.commitMin < node.lastCommit.min || (isSameEpoch && state.commitMax < node.lastCommit.max))
      this.blame(`the commit number goes back at node ${node.id}`);
    const isLeader = state.status === 'normal' && state.started && replica.primary === node.id;
    if (isLeader) {
      const key = `${state.epoch}/${state.view}`;
      const run = `${node.id}/${node.starts}`;
      if ((this.#leaders.get(key) ?? run) !== run) this.blame(`view ${key} is led again, by ${run}`);
      this.#leaders.set(key, run);
      if (isSameEpoch && node.lastCommit.max > 0 && state.commitMax > node.lastCommit.max)
        this.#onCommitted(node);
    }
    node.lastCommit = { epoch: state.epoch, min: state.commitMin, max: state.commitMax };
  }

  #onCommitted(node: Node): void {
    const { epoch, view, commitMax, commitMin } = node.replica!.state;
    let acks = 0;
    for (let id = 0; id < this.#n; id++) {
      const acked = this.#acks.get(`${id}/${epoch}/${view}`);
      if (id !== node.id && acked !== undefined && acked.op >= commitMax) acks++;
    }
    if (acks >= quorums(this.#n).replication) return;
    const checksum = node.checksumAt(commitMax);
    if (checksum === null || !holdsAsPromised(node, commitMax, checksum, commitMin, view))
      this.blame(`node ${node.id} counts itself for op ${commitMax} before it holds it`);
  }
}

/** Whether a crash right now would leave what an ack of `op` claims. */
function holdsAsPromised(
  node: Node,
  op: number,
  checksum: Checksum,
  commitMin: number,
  view: number,
): boolean {
  // What is known to be committed does not rest on this ack.
  if (op <= commitMin) return true;
  const recovery = node.replay();
  const { record, checkpoint, entries } = recovery;
  if (record === null || record.view !== view) return false;
  if (node.modeOfAck(op) === 'memory' && record.mark) return true;
  // A switch to memory above it may have set the mark already: what is below is durable all the same.
  if (record.mark && node.headMode() === 'disk') return false;
  if (op <= checkpoint.op) return true;
  const upTo = entries.slice(0, op - checkpoint.op);
  const isHeld = upTo.every((entry) => entry.prepare !== null || entry.header.op <= commitMin);
  return isHeld && upTo.length === op - checkpoint.op && upTo.at(-1)?.header.checksum === checksum;
}
