import { createHash } from 'node:crypto';
import {
  type Checksums,
  PREPARE_HEADER_SIZE,
  type PrepareHeader,
  PrepareKind,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import type { DoViewChange } from './message.ts';
import { decide } from './view-change.ts';

const checksums: Checksums = {
  crc32: () => 0,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

function header(op: number, view: number, parent: string): PrepareHeader {
  return sealPrepare(
    Buffer.alloc(PREPARE_HEADER_SIZE),
    {
      group: 1,
      op,
      view,
      epoch: 0,
      parent,
      kind: PrepareKind.noop,
      timestamp: 0,
      baseOffset: 0,
      count: 0,
      producerId: 0,
      producerEpoch: 0,
      sequence: 0,
      codec: 0,
    },
    checksums,
  ).header;
}

/** A chain of ops from 1 on, prepared in the views given. */
function chain(...views: number[]): PrepareHeader[] {
  const headers: PrepareHeader[] = [];
  for (const view of views)
    headers.push(header(headers.length + 1, view, headers.at(-1)?.checksum ?? ZERO_CHECKSUM));
  return headers;
}

function vote(logView: number, headers: PrepareHeader[], over: Partial<DoViewChange> = {}): DoViewChange {
  return {
    type: 'doViewChange',
    epoch: 0,
    view: 9,
    logView,
    commitMax: 0,
    anchorOp: 0,
    anchorChecksum: ZERO_CHECKSUM,
    headers,
    present: headers.map(() => true),
    nack: headers.map(() => false),
    ...over,
  };
}

describe('decide', () => {
  it('ranks by logView, not by length or by the view of promise', () => {
    const old = vote(1, chain(1, 1, 1, 1));
    const young = vote(3, chain(1, 3));
    expect(decide([old, young], 2)?.headers.map((each) => each.view)).toEqual([1, 3]);
  });

  it('takes the longest of those with the highest logView', () => {
    const log = chain(1, 1, 1);
    expect(decide([vote(1, log.slice(0, 1)), vote(1, log)], 2)?.headers).toHaveLength(3);
  });

  it('keeps an op that any voter holds', () => {
    const log = chain(1, 1);
    const headersOnly = vote(1, log, { present: [true, false], nack: [false, true] });
    expect(decide([headersOnly, vote(1, log)], 2)?.headers).toHaveLength(2);
  });

  it('drops an op, and all above it, that a nack quorum never acked', () => {
    const log = chain(1, 1, 1);
    const holes = vote(1, log, { present: [true, false, true], nack: [false, true, false] });
    expect(decide([holes, vote(1, log.slice(0, 1))], 2)?.headers).toHaveLength(1);
  });

  it('waits when one voter neither holds an op nor nacks it: it may have been acked and damaged', () => {
    const log = chain(1, 1);
    const faulty = vote(1, log, { present: [true, false], nack: [false, false] });
    expect(decide([faulty, vote(1, log.slice(0, 1))], 2)).toBeNull();
  });

  it('one nack is not enough at n = 3', () => {
    const log = chain(1, 1);
    const faulty = vote(1, log, { present: [true, false], nack: [false, false] });
    const nacks = vote(1, log, { present: [true, false], nack: [false, true] });
    expect(decide([faulty, nacks], 2)).toBeNull();
  });

  it('never drops an op that some voter knows to be committed', () => {
    const log = chain(1, 1);
    const holes = vote(1, log, { present: [true, false], nack: [false, true] });
    const knows = vote(0, [], { commitMax: 2 });
    expect(decide([holes, knows], 2)?.headers).toHaveLength(2);
  });

  it('waits when no voter has an op that one of them knows to be committed', () => {
    expect(decide([vote(1, chain(1)), vote(0, [], { commitMax: 2 })], 2)).toBeNull();
  });
});
