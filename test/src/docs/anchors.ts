/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** A page without its code blocks, where `#` begins no heading and `[a](b)` is no link. */
export const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '');

/** Anchors of all headings of a page. */
export function anchorsOf(text: string): Set<string> {
  const headings = withoutCode(text).matchAll(/^#+\s+(.+)$/gm);
  return new Set([...headings].map(([, heading = '']) => anchorOf(heading)));
}
