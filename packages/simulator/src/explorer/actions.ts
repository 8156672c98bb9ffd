/** What can happen in a group, as one integer: what, at which node, with which message, peer, value or count. */
export const actionKind = {
  deliver: 1,
  flush: 2,
  crash: 3,
  request: 4,
  repair: 5,
  clean: 6,
  join: 7,
} as const;

export type ActionKind = (typeof actionKind)[keyof typeof actionKind];

const ARGUMENT_BITS = 22;

export function encodeAction(kind: ActionKind, node: number, argument: number): number {
  return ((kind * 4 + node) << ARGUMENT_BITS) | argument;
}

export function decodeAction(action: number): { kind: ActionKind; node: number; argument: number } {
  const head = action >>> ARGUMENT_BITS;
  return {
    kind: Math.floor(head / 4) as ActionKind,
    node: head % 4,
    argument: action & ((1 << ARGUMENT_BITS) - 1),
  };
}
