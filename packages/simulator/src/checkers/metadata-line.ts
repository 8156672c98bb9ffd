import { decodePayload, type Prepare, PrepareKind, prepareBody, ZERO_CHECKSUM } from '@vireo/protocol';
import { coldStartFields } from '@vireo/vsr';
import type { Ghost } from './ghost.ts';

interface Topic {
  readonly id: number;
  readonly name: string;
  readonly groups: readonly number[];
}

/** What a cold start adds to every counter: what a lost op gave is not given again (`replication.md` §8). */
const idsSkipped = 2 ** 20;

/**
 * The committed metadata log with a model of what it makes of partitions, which knows of topics no more than names and
 * numbers. A cold start may cut the log and put other ops in the place of committed ones: what was created and deleted
 * is then what the log says that goes on, and nothing else. Written to the ghost: `created`, `deleted`, `createdMode`.
 */
export class MetadataLine {
  /** By group, in the order of its creation. */
  readonly members = new Map<number, readonly number[]>();
  readonly #streams = new Set<string>();
  readonly #topics = new Map<string, Topic>();
  #nextTopic = 1;
  #nextGroup = 1;
  #head: string = ZERO_CHECKSUM;
  #lossEpoch = 0;
  /** Every op that any node has executed, by checksum; of all logs that there were. */
  readonly #executed = new Map<string, Prepare>();

  /**
   * A node has executed an op, for the first time or again. @returns what is wrong with it; null: nothing, or nothing
   * that is seen here.
   */
  executed(ghost: Ghost, prepare: Prepare): string | null {
    const { op, parent, checksum, kind } = prepare.header;
    if (this.#executed.has(checksum)) return null;
    if (op > 1 && !this.#executed.has(parent))
      return `metadata op ${op} is executed, and the one before it never was`;
    this.#executed.set(checksum, prepare);
    if (parent === this.#head) return this.#learn(ghost, prepare);
    // Other ops than those that are known to be committed count when a cold start says so, and with it.
    if (kind !== PrepareKind.coldStart) return null;
    if ((coldStartFields(prepare)?.lossEpoch ?? 0) <= this.#lossEpoch) return null;
    return this.#begin(ghost, prepare);
  }

  /** From op 1 again, along another log. */
  #begin(ghost: Ghost, head: Prepare): string | null {
    const line: Prepare[] = [];
    for (let at: Prepare | undefined = head; at !== undefined; at = this.#executed.get(at.header.parent))
      line.push(at);
    // A mode is a property of an id, and no id is given twice: it stays with those who host what was lost.
    ghost.created.clear();
    ghost.deleted.clear();
    this.members.clear();
    this.#streams.clear();
    this.#topics.clear();
    this.#nextTopic = 1;
    this.#nextGroup = 1;
    for (const prepare of line.reverse()) {
      const wrong = this.#learn(ghost, prepare);
      if (wrong !== null) return wrong;
    }
    return null;
  }

  #learn(ghost: Ghost, prepare: Prepare): string | null {
    const { op: place, kind, checksum } = prepare.header;
    this.#head = checksum;
    if (kind === PrepareKind.coldStart) return this.#skip(prepare);
    if (kind !== PrepareKind.metadata) return null;
    const decoded = decodePayload(prepareBody(prepare));
    if (!decoded.ok) return `metadata op ${place} does not decode`;
    const op = decoded.value as Record<string, unknown>;
    if (op.op === 'createStream') this.#streams.add(String(op.name));
    else if (op.op === 'createTopic') this.#create(ghost, op, place);
    else if (op.op === 'deleteTopic') {
      const topic = [...this.#topics.values()].find(({ id }) => id === op.topicId);
      if (topic === undefined) return null;
      this.#topics.delete(topic.name);
      for (const group of topic.groups) ghost.deleted.set(group, place);
    }
    return null;
  }

  #create(ghost: Ghost, op: Record<string, unknown>, place: number): void {
    const name = `${String(op.stream)}/${String(op.name)}`;
    // Refused: the workload makes no other refusals than these two, the first one where a cold start lost the stream.
    if (!this.#streams.has(String(op.stream)) || this.#topics.has(name)) return;
    const members = op.members as readonly (readonly number[])[];
    const groups = members.map((each) => {
      const group = this.#nextGroup++;
      this.members.set(group, each);
      ghost.created.set(group, place);
      ghost.createdMode.set(group, op.durability === 'memory' ? 'memory' : 'disk');
      return group;
    });
    this.#topics.set(name, { id: this.#nextTopic++, name, groups });
  }

  #skip(prepare: Prepare): string | null {
    const fields = coldStartFields(prepare);
    if (fields === null) return `metadata op ${prepare.header.op} is a cold start that does not decode`;
    this.#lossEpoch = fields.lossEpoch;
    this.#nextTopic += idsSkipped;
    this.#nextGroup += idsSkipped;
    return null;
  }
}
