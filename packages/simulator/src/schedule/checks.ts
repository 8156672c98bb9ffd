/** Says what is wrong with a value read from a file, null when nothing is. `where` names it for people. */
export type Check = (value: unknown, where: string) => string | null;

/** An integer from `low` to `high`, both included. */
export function integer(low: number, high: number): Check {
  return (value, where) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high
      ? null
      : `${where} is not an integer from ${low} to ${high}`;
}

export const flag: Check = (value, where) =>
  typeof value === 'boolean' ? null : `${where} is neither true nor false`;

/** Longest text that a schedule may hold. */
const textMax = 2_000;

export const text: Check = (value, where) =>
  typeof value === 'string' && value.length > 0 && value.length <= textMax
    ? null
    : `${where} is not a text of 1 to ${textMax} characters`;

export function oneOf(names: readonly string[]): Check {
  return (value, where) =>
    typeof value === 'string' && names.includes(value) ? null : `${where} is none of ${names.join(', ')}`;
}

export function listOf(check: Check, max: number): Check {
  return (value, where) => {
    if (!Array.isArray(value)) return `${where} is not a list`;
    if (value.length > max) return `${where} has more than ${max} entries`;
    return first(value.map((each, index) => () => check(each, `${where}[${index}]`)));
  };
}

export function either(left: Check, right: Check): Check {
  return (value, where) => (left(value, where) === null ? null : right(value, where));
}

/** An object with exactly these fields; a name that ends with `?` may be missing. */
export function object(fields: Readonly<Record<string, Check>>): Check {
  const known = new Set(Object.keys(fields).map((name) => name.replace('?', '')));
  return (value, where) => {
    if (!isObject(value)) return `${where} is not an object`;
    const unknown = Object.keys(value).find((name) => !known.has(name));
    if (unknown !== undefined)
      return `${where} has a field ${JSON.stringify(unknown)}; it may have ${[...known].join(', ')}`;
    return first(
      Object.entries(fields).map(([field, check]) => () => {
        const name = field.replace('?', '');
        if (!Object.hasOwn(value, name)) return field.endsWith('?') ? null : `${where} has no ${name}`;
        return check(value[name], `${where}.${name}`);
      }),
    );
  };
}

/** An object whose `key` says which of the tables its other fields come from; `common` fields may always be there. */
export function variant(
  key: string,
  tables: Readonly<Record<string, Readonly<Record<string, Check>>>>,
  common: Readonly<Record<string, Check>> = {},
): Check {
  const names = Object.keys(tables);
  return (value, where) => {
    if (!isObject(value)) return `${where} is not an object`;
    const name = value[key];
    const table = typeof name === 'string' && Object.hasOwn(tables, name) ? tables[name] : undefined;
    if (table === undefined) return `${where}.${key} is none of ${names.join(', ')}`;
    return object({ ...common, [key]: text, ...table })(value, where);
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first problem of several looks; what follows a problem is not looked at. */
export function first(looks: readonly (() => string | null)[]): string | null {
  for (const look of looks) {
    const problem = look();
    if (problem !== null) return problem;
  }
  return null;
}
