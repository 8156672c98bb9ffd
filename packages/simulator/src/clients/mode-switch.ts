import type { Prng } from '../world/prng.ts';
import { type ClientWorld, insist, Link } from './link.ts';
import { streamName, topicName } from './topic.ts';

interface ModeSwitchParts {
  readonly id: number;
  readonly name: string;
  readonly world: ClientWorld;
  readonly random: Prng;
  /** How often the topic's mode is changed, to and fro. */
  readonly switches: number;
  /** They are spread over this time, µs. */
  readonly duration: number;
  readonly first: 'disk' | 'memory';
}

/** Changes what an ack of the topic promises while producers write to it. */
export class ModeSwitch {
  readonly #parts: ModeSwitchParts;
  readonly #links: readonly Link[];
  #asked = 0;
  #isDone = false;

  constructor(parts: ModeSwitchParts) {
    this.#parts = parts;
    const { id, name, world, random } = parts;
    this.#links = Array.from(
      { length: world.nodes },
      (_, node) => new Link(id, name, node, world, random.fork(`link ${node}`), () => {}),
    );
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Changes asked for so far. */
  get operations(): number {
    return this.#asked;
  }

  start(): void {
    const { world, random, switches, duration, first, name } = this.#parts;
    if (this.#asked === switches) {
      this.#isDone = true;
      return;
    }
    world.scheduler.after(random.below(Math.floor((duration * 2) / (switches + 1))), () => {
      const other = first === 'disk' ? 'memory' : 'disk';
      const durability = this.#asked % 2 === 0 ? first : other;
      this.#asked += 1;
      const target = { stream: streamName, topic: topicName };
      insist(world, this.#links, random, { op: 'alterTopic', target, durability }, (done, error) => {
        if (done === null)
          throw world.broken(name, `the change was refused: ${error?.code} ${error?.message}`);
        this.start();
      });
    });
  }
}
