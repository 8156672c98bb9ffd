import type { Message, Replica } from '@vireo/vsr';

/** One message in a few words, for traces. */
export function describeMessage(message: Message): string {
  switch (message.type) {
    case 'prepare': {
      const { op, view, checksum } = message.prepare.header;
      return `prepare view ${message.view} op ${op} (of view ${view}, ${checksum.slice(0, 6)}) commitMax ${message.commitMax}`;
    }
    case 'prepareOk':
      return `prepareOk view ${message.view} op ${message.op} (${message.checksum.slice(0, 6)}) commitMin ${message.commitMin}`;
    case 'commit':
      return `commit view ${message.view} commitMax ${message.commitMax}`;
    case 'ping':
      return `ping view ${message.view} op ${message.op} commitMax ${message.commitMax} normal ${message.normal} sentMs ${message.sentMs} answer ${JSON.stringify(message.answer)}`;
    case 'pong':
      return `pong view ${message.view} to ${message.sentMs} asks ${JSON.stringify(message.question)}`;
    case 'readIndex':
      return `readIndex view ${message.view} number ${message.number}`;
    case 'readIndexOk':
      return `readIndexOk view ${message.view} number ${message.number} op ${message.op}`;
    case 'startViewChange':
      return `startViewChange view ${message.view}`;
    case 'requestStartView':
      return `requestStartView view ${message.view} nonce ${message.nonce} ${message.asker}`;
    case 'doViewChange':
      return (
        `doViewChange view ${message.view} logView ${message.logView} ${suffix(message)} ` +
        `present ${message.present.map(Number).join('')} nack ${message.nack.map(Number).join('')}`
      );
    case 'startView':
      return `startView epoch ${message.epoch} view ${message.view} nonce ${message.nonce} ${suffix(message)}`;
    case 'recoveryState':
    case 'coldStartGranted':
      return (
        `${message.type} epoch ${message.epoch} view ${message.view} recovering ${message.recovering} ` +
        `lossEpoch ${message.lossEpoch} rank ${message.rank} ${suffix(message)}`
      );
    case 'coldStart':
      return `coldStart epoch ${message.epoch} view ${message.view} nonce ${message.nonce}`;
    case 'digest':
      return `digest view ${message.view} op ${message.op} ${message.value.slice(0, 6)}`;
    case 'getPrepare':
      return `getPrepare ${message.first}..${message.last}`;
    case 'repair':
      return `repair ${message.first} committed ${message.committed}: ${message.prepares.map(({ header }) => header.op).join(' ')}`;
  }
}

type WithSuffix = Extract<
  Message,
  { type: 'doViewChange' | 'startView' | 'recoveryState' | 'coldStartGranted' }
>;

function suffix(message: WithSuffix): string {
  const headers = message.headers.map(({ op, checksum }) => `${op}:${checksum.slice(0, 6)}`).join(' ');
  return `commitMax ${message.commitMax} anchor ${message.anchorOp}:${message.anchorChecksum.slice(0, 6)} [${headers}]`;
}

/** A replica's state in one line. */
export function describeState({ state, op }: Replica): string {
  const { status, view, logView, durableView, durableLogView, commitMin, commitMax, started, tick } = state;
  const log = state.log.map(({ header, prepare, durable, faulty }) => {
    const marks = `${faulty ? 'F' : prepare === null ? '-' : ''}${durable ? '!' : ''}`;
    return `${header.op}:${header.checksum.slice(0, 6)}${marks}`;
  });
  return (
    `${status} epoch ${state.epoch} ${state.mode} mark ${state.durableMark} view ${view} (durable ${durableView}) logView ${logView} (durable ${durableLogView}) op ${op} ` +
    `commit ${commitMin}/${commitMax} started ${started} tick ${tick} suspects ${state.suspects.join()} ` +
    `votes ${state.votes.map((vote) => (vote === null ? 0 : 1)).join('')} formation ${state.formation !== null} ` +
    `pending ${state.pendingStartView?.view ?? '-'} fetch ${JSON.stringify(state.fetch)} staging ${[...state.staging.keys()].join()} ` +
    `[${log.join(' ')}]`
  );
}
