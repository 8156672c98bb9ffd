import { describe, expect, it } from 'vitest';
import { ErrorCodes, isErrorCode, VireoError } from './errors.ts';

describe('the error table', () => {
  // The client routing table, row by row: [codes, retryable, outcome].
  it.each([
    [
      [
        'notPrimary',
        'notReady',
        'metadataBehind',
        'overloaded',
        'retryLater',
        'sequenceGap',
        'routingChanged',
        'goingAway',
      ],
      true,
      'notApplied',
    ],
    [['timeout', 'connectionLost', 'viewChanged'], true, 'unknown'],
    [['diskFull', 'durabilityUnavailable', 'quotaExceeded'], true, 'notApplied'],
    [
      [
        'fenced',
        'positionMoved',
        'lossEpochChanged',
        'sessionExpired',
        'instanceReplaced',
        'sequenceConflict',
      ],
      false,
      'notApplied',
    ],
    [
      [
        'unknownTopic',
        'topicDeleted',
        'groupDeleted',
        'tooLarge',
        'invalid',
        'denied',
        'limit',
        'versionDiffers',
      ],
      false,
      'notApplied',
    ],
  ] as const)('%j: retryable %s, outcome %s', (codes, retryable, outcome) => {
    for (const code of codes) expect(ErrorCodes[code]).toMatchObject({ retryable, outcome });
  });

  it('knows its codes and nothing inherited', () => {
    expect(isErrorCode('notPrimary')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode(7)).toBe(false);
  });
});

describe('VireoError', () => {
  it('takes what the table says, unless told otherwise', () => {
    const error = new VireoError('notPrimary', undefined, { details: { view: 7 } });
    expect(error).toMatchObject({
      code: 'notPrimary',
      retryable: true,
      outcome: 'notApplied',
      details: { view: 7 },
    });
    expect(error.message).toBe(ErrorCodes.notPrimary.message);
    expect(new VireoError('notPrimary', 'x', { retryable: false, outcome: 'unknown' })).toMatchObject({
      retryable: false,
      outcome: 'unknown',
    });
  });

  it('is recognised across installed copies, and nothing else is', () => {
    expect(VireoError.is(new VireoError('internal'))).toBe(true);
    expect(VireoError.is({ [Symbol.for('vireo.error')]: true })).toBe(true);
    expect(VireoError.is(new Error('internal'))).toBe(false);
    expect(VireoError.is(null)).toBe(false);
  });
});
