import { builtinModules } from 'node:module';
import {
  constantString,
  importedModule,
  isSyntaxNode,
  lineOf,
  parseSource,
  type SyntaxNode,
  walk,
} from './syntax.ts';
import type { SourceFile } from './workspaces.ts';

/**
 * Names that bring in a clock, chance, the environment, the scheduler or the outside. The rule does not
 * follow scopes: a parameter called `process` is refused too, which keeps the rule without holes and the
 * code without names that mean something else everywhere outside.
 */
const bannedNames: ReadonlySet<string> = new Set([
  'Atomics',
  'BroadcastChannel',
  'Date',
  'EventSource',
  'FinalizationRegistry',
  'Intl',
  'MessageChannel',
  'Promise',
  'SharedArrayBuffer',
  'WebSocket',
  'WeakRef',
  'Worker',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'eval',
  'fetch',
  'global',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
]);

/** Methods whose answer depends on the machine, or that exist on promises only. */
const bannedMembers = /^(?:then|localeCompare|toLocale\w*)$/;

const nodeModules: ReadonlySet<string> = new Set(builtinModules);

/** True when an identifier is only a name inside something else (`message.process`, `{ Date: 1 }`). */
function isOnlyAName(parent: SyntaxNode | undefined, property: string): boolean {
  if (parent === undefined) return false;
  switch (parent.type) {
    case 'MemberExpression':
      return property === 'property' && parent.computed === false;
    case 'Property':
      return property === 'key' && parent.computed === false && parent.shorthand === false;
    case 'PropertyDefinition':
    case 'AccessorProperty':
    case 'MethodDefinition':
    case 'TSAbstractPropertyDefinition':
    case 'TSAbstractMethodDefinition':
    case 'TSPropertySignature':
    case 'TSMethodSignature':
      return property === 'key' && parent.computed === false;
    case 'TSQualifiedName':
      return property === 'right';
    case 'ImportSpecifier':
      return property === 'imported';
    case 'ExportSpecifier':
      return property === 'exported';
    case 'TSNamedTupleMember':
    case 'LabeledStatement':
      return property === 'label';
    default:
      return false;
  }
}

/** The member's name of `object.name`, `object['name']` and `{ name } = object`, when it is constant. */
function memberName(node: SyntaxNode): string | undefined {
  const key = node.type === 'MemberExpression' ? node.property : node.key;
  if (node.computed === true) return constantString(key);
  return isSyntaxNode(key) && typeof key.name === 'string' ? key.name : constantString(key);
}

function identifierRule(node: SyntaxNode, parent: SyntaxNode | undefined, property: string) {
  if (isOnlyAName(parent, property)) return undefined;
  const name = node.name as string;
  if (bannedNames.has(name)) return name;
  // Only `Math.floor(…)` and the like: `Math` handed around or taken apart could give `random`.
  if (name !== 'Math') return undefined;
  if (parent?.type !== 'MemberExpression' || property !== 'object') return 'Math as a value';
  const member = memberName(parent);
  return member === undefined || member === 'random' ? 'Math.random' : undefined;
}

function rule(node: SyntaxNode, parent: SyntaxNode | undefined, property: string): string | undefined {
  const module = importedModule(node);
  if (module !== undefined) {
    if (node.type === 'ImportExpression') return 'import()';
    const { specifier } = module;
    if (specifier === undefined) return undefined;
    if (specifier.startsWith('node:')) return specifier;
    const [name = ''] = specifier.split('/');
    return nodeModules.has(name) ? specifier : undefined;
  }
  switch (node.type) {
    case 'Identifier':
      return identifierRule(node, parent, property);
    case 'AwaitExpression':
      return 'await';
    case 'ForOfStatement':
      return node.await === true ? 'await' : undefined;
    case 'VariableDeclaration':
      return node.kind === 'await using' ? 'await' : undefined;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return node.async === true ? 'async' : undefined;
    case 'MetaProperty':
      return isSyntaxNode(node.meta) && node.meta.name === 'import' ? 'import.meta' : undefined;
    case 'MemberExpression': {
      const name = memberName(node);
      return name !== undefined && bannedMembers.test(name) ? `.${name}` : undefined;
    }
    case 'Property': {
      if (parent?.type !== 'ObjectPattern') return undefined;
      const name = memberName(node);
      return name !== undefined && bannedMembers.test(name) ? `.${name}` : undefined;
    }
    default:
      return undefined;
  }
}

/** What `file`, a source of a pure package, uses that is not deterministic. */
export function findDeterminismViolations(file: SourceFile): string[] {
  const found: string[] = [];
  walk(parseSource(file.path, file.text), (node, parent, property) => {
    const banned = rule(node, parent, property);
    if (banned !== undefined) found.push(`${file.path}:${lineOf(file.text, node.start)} ${banned}`);
  });
  return found;
}
