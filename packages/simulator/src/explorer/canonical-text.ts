import type { Checksum, Prepare, PrepareHeader } from '@vireo/protocol';
import type { Prepares } from './prepares.ts';

/**
 * Plain data as a text that is equal exactly if the data are. It knows no field by name, so that a field which the
 * core gains tomorrow counts too: two states that differ in it are two states.
 */
export function canonicalText(value: unknown, prepares: Prepares): string {
  switch (typeof value) {
    case 'number':
      return String(value);
    case 'boolean':
      return value ? 't' : 'f';
    case 'undefined':
      return 'u';
    case 'string':
      return isChecksum(value) ? `#${prepares.idOf(value)}` : value;
    case 'object':
      return value === null ? 'n' : textOfObject(value, prepares);
    default:
      throw new Error(`a ${typeof value} is not plain data`);
  }
}

function isChecksum(text: string): text is Checksum {
  return text.length === 32;
}

function textOfObject(value: object, prepares: Prepares): string {
  if (Array.isArray(value)) {
    let text = '[';
    for (const each of value) text += `${canonicalText(each, prepares)},`;
    return `${text}]`;
  }
  if (value instanceof Map) {
    let text = '<';
    for (const [key, each] of value)
      text += `${canonicalText(key, prepares)}:${canonicalText(each, prepares)},`;
    return `${text}>`;
  }
  if (isHeader(value)) return `h${prepares.add(value)}`;
  if (isPrepare(value)) return `p${prepares.addPrepare(value)}`;
  let text = '{';
  for (const [name, each] of Object.entries(value)) text += `${name}:${canonicalText(each, prepares)},`;
  return `${text}}`;
}

function isHeader(value: object): value is PrepareHeader {
  return 'checksum' in value && 'parent' in value;
}

function isPrepare(value: object): value is Prepare {
  return 'header' in value && 'bytes' in value;
}
