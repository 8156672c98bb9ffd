import { fileURLToPath } from 'node:url';

/**
 * The program of a node. It is started, never imported: a command line is up in a moment because it loads
 * nothing of a broker, and a node's process holds nothing of a command line.
 */
export function serverEntry(): string {
  return fileURLToPath(import.meta.resolve('@vireo/server/main'));
}
