import { VireoError } from '@vireo/protocol';
import { expect, test } from 'vitest';
import { settle } from './settle.ts';

const { signal } = new AbortController();

/** A request that answers with each of these in turn. */
function answers(...list: (string | VireoError)[]): () => Promise<string> {
  return () => {
    const next = list.shift();
    if (next === undefined) throw new Error('asked once too often');
    return typeof next === 'string' ? Promise.resolve(next) : Promise.reject(next);
  };
}

test('a definite answer is given on, good or bad', async () => {
  await expect(settle(answers('made'), ['alreadyExists'], signal)).resolves.toBe('made');
  const taken = new VireoError('alreadyExists');
  await expect(settle(answers(taken), ['alreadyExists'], signal)).rejects.toBe(taken);
});

test('after no definite answer it is asked again; what is there then is what was wanted', async () => {
  const unknown = new VireoError('viewChanged');
  await expect(settle(answers(unknown, 'made'), ['alreadyExists'], signal)).resolves.toBe('made');
  const taken = new VireoError('alreadyExists');
  await expect(settle(answers(unknown, taken), ['alreadyExists'], signal)).resolves.toBeNull();
});

test('another refusal of the repeated request is an error', async () => {
  const refusal = new VireoError('unknownStream');
  const request = answers(new VireoError('connectionLost'), refusal);
  await expect(settle(request, ['alreadyExists'], signal)).rejects.toBe(refusal);
});

test('what may not be repeated is not', async () => {
  const over = new VireoError('timeout', 'the deadline is over', { retryable: false });
  await expect(settle(answers(over), ['alreadyExists'], signal)).rejects.toBe(over);
});
