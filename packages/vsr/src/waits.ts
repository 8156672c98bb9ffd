import type { Core } from './core.ts';

/** `first` × `factor` to the power of `attempt` ticks, at most `max`. */
export function backoff(first: number, attempt: number, max: number, factor: number): number {
  return Math.min(max, Math.floor(first * factor ** Math.min(attempt, 20)));
}

/** Starts the wait for the present view change anew; longer with each one that failed, and not the same for all. */
export function armViewChange(core: Core): void {
  const { state, config, random } = core;
  const { timeouts } = config;
  state.viewChangeTick = state.tick;
  state.viewChangeWait =
    backoff(timeouts.viewChange, state.viewChangeAttempt, timeouts.viewChangeMax, 1.5) +
    random.below(timeouts.suspicionJitter);
}
