import { DiskError } from '@vireo/storage';
import { systemCode } from './start-errors.ts';

/**
 * What an error of the file system means to the core. Only ENOENT is "not there"; whatever is not known is
 * `io`: a file that can not be read is never taken for an absent one.
 */
export function diskError(error: unknown, path: string): DiskError {
  if (error instanceof DiskError) return error;
  const code = systemCode(error);
  const text = `${path}: ${error instanceof Error ? error.message : String(error)}`;
  switch (code) {
    case 'ENOENT':
      return new DiskError('notFound', path, text);
    case 'ENOSPC':
    case 'EDQUOT':
      return new DiskError('noSpace', path, text);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new DiskError('denied', path, text);
    default:
      return new DiskError('io', path, text);
  }
}
