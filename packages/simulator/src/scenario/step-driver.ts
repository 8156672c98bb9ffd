import { decodeProduceAck, type Frame, FrameKind, type Prepare } from '@vireo/protocol';
import type { Message, PersistWrite, ReplicaEvent } from '@vireo/vsr';
import type { Checker, ReplicaContext, Standing } from '../checkers/checker.ts';
import type { Ghost, GhostReplica } from '../checkers/ghost.ts';
import type { Scheduler } from '../world/scheduler.ts';
import type { Trace } from '../world/trace.ts';
import { Names } from './names.ts';
import { type Action, describeStep, type Step, type Trigger } from './step.ts';
import { isInState, isPassage, isWrite, preparesOf } from './trigger-match.ts';

interface StepParts {
  readonly steps: readonly Step[];
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  /** Does one thing; `inside`: in the middle of a step of the node's code. */
  act(action: Action, names: Names, inside: boolean): void;
}

/** A prepare that a step has given a name. */
export interface Noted {
  readonly group: number;
  readonly op: number;
  readonly checksum: string;
}

/**
 * Waits for what the steps of a scenario name, one after the other, and has their actions done. It looks at the run as
 * a checker does, at the seams of the production code, and draws nothing.
 */
export class StepDriver implements Checker {
  readonly name = 'scenario';
  readonly noted = new Map<string, Noted>();
  readonly #parts: StepParts;
  readonly #names = new Names();
  /** Writes that were handed over and not answered yet: a step may wait for the answer to any of them. */
  readonly #writes = new Map<string, PersistWrite>();
  #index = 0;
  #trigger: Trigger | null = null;
  #count = 0;

  constructor(parts: StepParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#arm();
  }

  get done(): boolean {
    return this.#index >= this.#parts.steps.length;
  }

  /** The step that has not come, for a message; null: all have. */
  get missing(): string | null {
    const step = this.#parts.steps[this.#index];
    return step === undefined ? null : `step ${this.#index + 1} has not come: ${describeStep(step)}`;
  }

  sends(context: ReplicaContext, to: number, message: Message): void {
    const trigger = this.#trigger;
    if (trigger?.event === 'sends' && isPassage(trigger, this.#names, context, to, message))
      this.#came(context.self.node, preparesOf(message)[0]);
  }

  persists(context: ReplicaContext, token: number, write: PersistWrite): void {
    this.#writes.set(writeKey(context, token), write);
    this.#written('writes', context, write);
  }

  persisted(context: ReplicaContext, token: number, ok: boolean): void {
    const key = writeKey(context, token);
    const write = this.#writes.get(key);
    this.#writes.delete(key);
    if (ok && write !== undefined) this.#written('durable', context, write);
  }

  #written(event: 'writes' | 'durable', context: ReplicaContext, write: PersistWrite): void {
    const trigger = this.#trigger;
    if (trigger?.event === event && isWrite(trigger, this.#names, context, write))
      this.#came(context.self.node, write.prepares[0]);
  }

  stepped(context: ReplicaContext, _before: Standing, event: ReplicaEvent | null): void {
    const trigger = this.#trigger;
    if (trigger === null) return;
    if (trigger.event === 'receives') {
      if (event?.type !== 'message') return;
      if (isPassage(trigger, this.#names, context, event.from, event.message))
        this.#came(context.self.node, preparesOf(event.message)[0]);
    } else if (trigger.event === 'is' || trigger.event === 'leads') {
      if (isInState(trigger, this.#names, context)) this.#came(context.self.node, undefined);
    }
  }

  applied(_ghost: Ghost, self: GhostReplica, prepare: Prepare): void {
    const trigger = this.#trigger;
    if (trigger?.event !== 'executes' || trigger.group !== self.group || prepare.header.count === 0) return;
    if (this.#names.matches(trigger.node, self.node, null)) this.#came(self.node, prepare);
  }

  toClient(_ghost: Ghost, node: number, _client: number, frame: Frame): void {
    const trigger = this.#trigger;
    if (trigger?.event !== 'acked' || frame.kind !== FrameKind.produceAck) return;
    const ack = decodeProduceAck(frame);
    if (ack.ok) this.#came(node, undefined, ack.value.count);
  }

  /** The next step is waited for from now on. */
  #arm(): void {
    const step = this.#parts.steps[this.#index];
    this.#trigger = null;
    this.#count = 0;
    if (step === undefined) return;
    if (step.when === undefined) this.#later(step);
    else this.#trigger = step.when;
  }

  #came(node: number, prepare: Prepare | undefined, count = 1): void {
    const step = this.#parts.steps[this.#index];
    if (step === undefined || this.#trigger === null) return;
    const wanted = this.#trigger.event === 'acked' ? this.#trigger.records : (step.times ?? 1);
    this.#count += count;
    if (this.#count < wanted) return;
    this.#trigger = null;
    if (step.as !== undefined) this.#names.set(step.as, node);
    if (step.note !== undefined && prepare !== undefined) {
      const { group, op, checksum } = prepare.header;
      this.noted.set(step.note, { group, op, checksum });
    }
    if (step.before === true) this.#perform(step, true);
    else this.#later(step);
  }

  /** Not in the middle of the node's turn: what the turn sends has left then. */
  #later(step: Step): void {
    this.#parts.scheduler.after(step.after ?? 0, () => this.#perform(step, false));
  }

  #perform(step: Step, inside: boolean): void {
    const { trace, scheduler, act } = this.#parts;
    trace.event(scheduler.now, 'scenario.step', this.#index + 1);
    trace.detail(() => describeStep(step));
    for (const action of step.do ?? []) act(action, this.#names, inside);
    this.#index += 1;
    this.#arm();
  }
}

function writeKey({ self }: ReplicaContext, token: number): string {
  return `${self.node}/${self.start}/${self.group}/${token}`;
}
