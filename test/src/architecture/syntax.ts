import { parseSync } from 'oxc-parser';

/** A node of the syntax tree as far as the rules look at it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [property: string]: unknown;
}

export function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string';
}

/** Parses TypeScript; throws when it does not parse, because an unread file would pass every rule. */
export function parseSource(path: string, text: string): SyntaxNode {
  const { program, errors } = parseSync(path, text, { lang: 'ts', sourceType: 'module' });
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  return program as unknown as SyntaxNode;
}

/** Calls `visit` for each node below and including `node`, with its parent and the property it hangs on. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined, property: string) => void,
  parent?: SyntaxNode,
  property = '',
): void {
  visit(node, parent, property);
  for (const [name, value] of Object.entries(node)) {
    if (Array.isArray(value)) {
      for (const item of value) if (isSyntaxNode(item)) walk(item, visit, node, name);
    } else if (isSyntaxNode(value)) {
      walk(value, visit, node, name);
    }
  }
}

export function lineOf(text: string, position: number): number {
  let line = 1;
  for (
    let index = text.indexOf('\n');
    index !== -1 && index < position;
    index = text.indexOf('\n', index + 1)
  ) {
    line += 1;
  }
  return line;
}

/** The text of a string or of a template without holes; undefined for anything computed. */
export function constantString(node: unknown): string | undefined {
  if (!isSyntaxNode(node)) return undefined;
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TemplateLiteral') {
    const quasis = node.quasis as readonly { value: { cooked: string | null } }[];
    if (quasis.length === 1) return quasis[0]?.value.cooked ?? undefined;
  }
  return undefined;
}

/** The module that a node imports or re-exports from, whichever way it is written. */
export function importedModule(node: SyntaxNode): { readonly specifier: string | undefined } | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ImportExpression':
    case 'ExportAllDeclaration':
    case 'TSImportType':
      return { specifier: constantString(node.source ?? node.argument) };
    case 'ExportNamedDeclaration':
      return isSyntaxNode(node.source) ? { specifier: constantString(node.source) } : undefined;
    case 'TSExternalModuleReference':
      return { specifier: constantString(node.expression) };
    default:
      return undefined;
  }
}
