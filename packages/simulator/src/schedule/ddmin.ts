/**
 * The smallest part of `items` that is found for which `holds` still says yes: delta debugging (Zeller and Hildebrandt,
 * IEEE TSE 2002). `holds(items)` must be true. `holds` may refuse to look any further by answering false for ever: what
 * was found until then is returned.
 */
export function ddmin<Item>(
  items: readonly Item[],
  holds: (part: readonly Item[]) => boolean,
): readonly Item[] {
  // Most often nothing at all of it matters, or one half does.
  if (items.length > 0 && holds([])) return [];
  let current = items;
  let pieces = 2;
  while (current.length >= 2) {
    const size = Math.ceil(current.length / pieces);
    const reduced = withoutOnePiece(current, size, holds);
    if (reduced !== null) {
      current = reduced;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) {
      break;
    } else {
      pieces = Math.min(current.length, pieces * 2);
    }
  }
  return current;
}

function withoutOnePiece<Item>(
  items: readonly Item[],
  size: number,
  holds: (part: readonly Item[]) => boolean,
): readonly Item[] | null {
  for (let from = 0; from < items.length; from += size) {
    const rest = [...items.slice(0, from), ...items.slice(from + size)];
    if (rest.length > 0 && holds(rest)) return rest;
  }
  return null;
}
