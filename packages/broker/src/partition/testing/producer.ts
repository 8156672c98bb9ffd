/** State of a content, as the application behind the producer sees it. */
type ContentState = 'unsent' | 'sent' | 'acked' | 'failed' | 'unknown';

/** Where a content was last sent. */
interface Place {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
}

export interface Content extends Place {
  readonly producer: number;
  readonly number: number;
  state: ContentState;
  id: number;
  epoch: number;
  sequence: number;
}

/** One sending. `answer` is what its sender has heard of it, `network` where it is. */
export interface Attempt extends Place {
  readonly content: Content;
  answer: 'open' | 'refused' | 'lost' | 'acked';
  /** A frame may arrive long after its sender has given it up, and more than once. */
  network: 'underway' | 'waits' | 'done';
  /** The op whose commit it waits for. */
  op: number;
}

/**
 * A producer that keeps the client's rules of a lane, as short as they can be said; the search of the rules
 * themselves is elsewhere, here they are what the partition's answers are tested against. Contents are numbered
 * and sent in order, several in flight; a content is told `failed` only if every attempt was refused; the lane
 * changes only at its oldest unsettled content.
 */
export class TestProducer {
  readonly contents: Content[] = [];
  readonly attempts: Attempt[] = [];
  #id: number;
  #epoch = 0;
  #next = 0;
  readonly #number: number;
  readonly #newId: () => number;

  constructor(number: number, newId: () => number) {
    this.#number = number;
    this.#newId = newId;
    this.#id = newId();
  }

  /** Sends the next content, new or set back by a change of lane; null if one must be settled first. */
  send(inFlightMax: number): Attempt | null {
    const inFlight = this.contents.filter((content) => content.state === 'sent');
    if (inFlight.length >= inFlightMax) return null;
    let content = this.contents.find(({ state }) => state === 'unsent');
    if (content === undefined) {
      content = {
        producer: this.#number,
        number: this.contents.length,
        state: 'unsent',
        id: 0,
        epoch: 0,
        sequence: 0,
      };
      this.contents.push(content);
    }
    Object.assign(content, { state: 'sent', id: this.#id, epoch: this.#epoch, sequence: this.#next++ });
    return this.#attempt(content);
  }

  /** Sends again what has no attempt that may still be answered: same bytes, same place. */
  retry(): Attempt | null {
    const content = this.contents.find((item) => item.state === 'sent' && !this.#isOpen(item));
    return content === undefined ? null : this.#attempt(content);
  }

  /** The oldest content's deadline has passed. */
  giveUp(): void {
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    oldest.state = this.#isUnanswered(oldest) ? 'unknown' : 'failed';
    this.#setBack();
    this.#epoch++;
    this.#next = 0;
  }

  acked(attempt: Attempt): void {
    if (attempt.answer !== 'open') return;
    attempt.answer = 'acked';
    if (attempt.content.state === 'sent') attempt.content.state = 'acked';
  }

  refused(attempt: Attempt, code: string): void {
    if (attempt.answer !== 'open') return;
    attempt.answer = 'refused';
    const { content } = attempt;
    if (code !== 'sessionExpired' || content.state !== 'sent' || attempt.id !== this.#id) return;
    const oldest = this.#oldest();
    // A new id only at the oldest; while an attempt of it may still be answered, its answer is waited for.
    if (oldest === undefined || this.#isOpen(oldest)) return;
    this.#setBack();
    this.#id = this.#newId();
    this.#epoch = 0;
    this.#next = 0;
  }

  /** What is in flight goes to the next lane if it was only refused; else nobody may know, or send it again. */
  #setBack(): void {
    for (const content of this.contents) {
      if (content.state === 'sent') content.state = this.#isUnanswered(content) ? 'unknown' : 'unsent';
    }
  }

  #attempt(content: Content): Attempt {
    const { id, epoch, sequence } = content;
    const attempt: Attempt = { content, id, epoch, sequence, answer: 'open', network: 'underway', op: 0 };
    this.attempts.push(attempt);
    return attempt;
  }

  #oldest(): Content | undefined {
    return this.contents.find(({ state }) => state === 'sent');
  }

  #isOpen(content: Content): boolean {
    return this.attempts.some((attempt) => attempt.content === content && attempt.answer === 'open');
  }

  #isUnanswered(content: Content): boolean {
    return this.attempts.some(
      (attempt) => attempt.content === content && (attempt.answer === 'open' || attempt.answer === 'lost'),
    );
  }
}
