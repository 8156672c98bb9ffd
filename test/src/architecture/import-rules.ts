import { dirname, join, normalize } from 'node:path';
import { importedModule, lineOf, parseSource, walk } from './syntax.ts';
import { type SourceFile, workspaces } from './workspaces.ts';

/** Tests, and what only they import. */
function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/');
}

function packageRule(importer: string, path: string, specifier: string): string | undefined {
  const [, imported = '', ...deep] = specifier.split('/');
  // A package may offer what tests of others need beside its index: a disk in memory, say.
  const testing = deep.join('/') === 'testing' && (isTest(path) || importer === 'simulator');
  if (deep.length > 0 && !testing)
    return `'${specifier}' reaches into a package: import what its index.ts offers`;
  const mayImport = workspaces[importer]?.mayImport ?? [];
  if (mayImport.includes(imported)) return undefined;
  if (mayImport.includes('*') && imported in workspaces) return undefined;
  return `${importer} may not import @vireo/${imported}`;
}

function relativeRule(importer: string, path: string, specifier: string): string | undefined {
  const source = `${workspaces[importer]?.directory}/src/`;
  const target = normalize(join(dirname(path), specifier));
  return target.startsWith(source) ? undefined : `'${specifier}' leaves the package's src`;
}

/** What `file`, a source of the workspace `importer`, imports against the rules. */
export function findImportViolations(importer: string, file: SourceFile): string[] {
  const found: string[] = [];
  walk(parseSource(file.path, file.text), (node) => {
    const module = importedModule(node);
    if (module === undefined) return;
    const { specifier } = module;
    // A computed specifier is a module chosen at run time (the launcher of a benchmark's peers): only a
    // literal can name a package here.
    if (specifier === undefined) return;
    let problem: string | undefined;
    if (specifier.startsWith('@vireo/')) problem = packageRule(importer, file.path, specifier);
    else if (specifier.startsWith('.')) problem = relativeRule(importer, file.path, specifier);
    if (problem !== undefined) found.push(`${file.path}:${lineOf(file.text, node.start)} ${problem}`);
  });
  return found;
}
