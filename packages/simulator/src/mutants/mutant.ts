import type { CheckerName } from '../checkers/checker.ts';

/**
 * A defect put back. It is data beside the simulator, not a switch in the core: the text is looked for in the
 * built module when that is loaded, and must be there exactly once.
 */
export interface Mutant {
  /** As on the command line. */
  readonly name: string;
  /** The rule that it breaks, as the design numbers or names it. */
  readonly rule: string;
  readonly edits: readonly MutantEdit[];
  /** Whose report counts as finding it. `assertion` only with a reason. */
  readonly finders: readonly CheckerName[];
  /** Why an assertion of the production code counts, where it is a finder. */
  readonly assertionReason?: string;
}

export interface MutantEdit {
  /** Package below `packages/`, and module in its `src` without extension; `simulator` for the model of a client. */
  readonly package: 'vsr' | 'storage' | 'broker' | 'simulator';
  readonly module: string;
  /** One line or a part of one, without types, so that it reads alike in the source and in what is built. */
  readonly find: string;
  readonly replace: string;
}
