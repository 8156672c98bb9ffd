/**
 * `text` with `find` replaced. White space matches any other: the compiler puts the body of an `if` on a line of its
 * own, and the formatter breaks lines as it likes. Throws when it is not there exactly once: the mutant no longer
 * fits the code.
 */
export function replaceOnce(text: string, find: string, replacement: string, where: string): string {
  const words = find
    .trim()
    .split(/\s+/)
    .map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const matches = [...text.matchAll(new RegExp(words.join('\\s+'), 'g'))];
  const match = matches[0];
  if (match === undefined) throw new Error(`${where} does not contain: ${find}`);
  if (matches.length > 1) throw new Error(`${where} contains more than once: ${find}`);
  return text.slice(0, match.index) + replacement + text.slice(match.index + match[0].length);
}
