interface Waiting {
  readonly partition: number;
  readonly not: number;
  readonly resolve: (atMs: number) => void;
}

/** Knows which node acked last in each partition, and tells when another one does. */
export class AckWatch {
  readonly #lastNode: (number | null)[];
  #waiting: Waiting[] = [];

  constructor(partitions: number) {
    this.#lastNode = new Array<number | null>(partitions).fill(null);
  }

  /** An ack has reached the client. */
  acked(partition: number, node: number): void {
    this.#lastNode[partition] = node;
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

  /**
   * When the next ack of the partition comes from another node than `node`, ms of `performance.now()`: what
   * `node` had acked before it fell may still be under way.
   */
  nextFromOther(partition: number, node: number): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.push({ partition, not: node, resolve });
    });
  }
}
