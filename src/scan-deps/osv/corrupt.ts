import { ActionError } from '../../runner/index.ts';

/** Of a database, or a part of it, that must not be believed. */
export function corrupt(path: string, why: string, cause?: unknown): ActionError {
  const fix = 'Fetch the archive again; nothing of it was believed';
  return new ActionError('E_DB_CORRUPT', { what: `database ${path}`, why, fix, cause });
}
