interface Waiting {
  readonly partition: number;
  readonly not: number;
  readonly resolve: (atMs: number) => void;
}

/** Knows which node acked last in each partition, and tells when another one does. */
export class AckWatch {
  readonly #lastNode: (number | null)[];
  /** By partition, by node: how many batches it acked. */
  readonly #counts: Map<number, number>[];
  #waiting: Waiting[] = [];

  constructor(partitions: number) {
    this.#lastNode = new Array<number | null>(partitions).fill(null);
    this.#counts = Array.from({ length: partitions }, () => new Map());
  }

  /** An ack has reached the client. */
  acked(partition: number, node: number): void {
    this.#lastNode[partition] = node;
    const counts = this.#counts[partition] as Map<number, number>;
    counts.set(node, (counts.get(node) ?? 0) + 1);
    if (this.#waiting.length === 0) return;
    const now = performance.now();
    this.#waiting = this.#waiting.filter((waiting) => {
      if (waiting.partition !== partition || waiting.not === node) return true;
      waiting.resolve(now);
      return false;
    });
  }

  /** The partitions whose last ack came from `node`. */
  ledBy(node: number): number[] {
    return this.#lastNode.flatMap((last, partition) => (last === node ? [partition] : []));
  }

  /** The one of `nodes` that leads most partitions. */
  leaderOfMost(nodes: readonly number[]): number {
    return nodes.reduce((most, node) => (this.ledBy(node).length > this.ledBy(most).length ? node : most));
  }

  /** Waits until every partition has been acked by somebody: it is known then who leads it. @throws Error after `timeoutMs` */
  async everywhere(timeoutMs: number): Promise<void> {
    const silent = this.#lastNode.flatMap((last, partition) => (last === null ? [partition] : []));
    await this.nextFromOthers(silent, -1, timeoutMs);
  }

  /** Batches that `node` has acked so far in these partitions. */
  ackedBy(node: number, partitions: readonly number[]): number {
    return partitions.reduce((sum, partition) => sum + (this.#counts[partition]?.get(node) ?? 0), 0);
  }

  /**
   * How long it takes from now, in each of the partitions, until another node than `node` acks, ms: what `node` had
   * acked before it fell may still be under way. @throws Error after `timeoutMs`
   */
  async nextFromOthers(partitions: readonly number[], node: number, timeoutMs: number): Promise<number[]> {
    const began = performance.now();
    const acks = partitions.map(
      (partition) =>
        new Promise<number>((resolve) => {
          this.#waiting.push({ partition, not: node, resolve: (atMs) => resolve(atMs - began) });
        }),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const missing = this.#waiting.map(({ partition }) => partition);
        reject(
          new Error(`partitions ${missing} have no ack of others than node ${node} after ${timeoutMs} ms`),
        );
      }, timeoutMs);
    });
    try {
      return await Promise.race([Promise.all(acks), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
