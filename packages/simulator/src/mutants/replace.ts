/** `text` with `find` replaced. Throws when it is not there exactly once: the mutant no longer fits the code. */
export function replaceOnce(text: string, find: string, replacement: string, where: string): string {
  const at = text.indexOf(find);
  if (at < 0) throw new Error(`${where} does not contain: ${find}`);
  if (text.indexOf(find, at + 1) >= 0) throw new Error(`${where} contains more than once: ${find}`);
  return text.slice(0, at) + replacement + text.slice(at + find.length);
}
