/** The file of accepted risks, of the checkout and of the base, and what is said about its entries. */
import { ActionError } from '../../runner/index.ts';
import type { Unreadable } from '../extract/context.ts';
import type { Notice } from '../types.ts';
import { type IgnoreEntry, parseIgnoreFile } from './ignore-file.ts';
import type { Ignores } from './ignores.ts';

/**
 * @param named the user named this file; the default may be absent
 * @throws ActionError E_IGNORE_FILE
 */
export function readIgnores(bytes: Uint8Array | Unreadable, file: string, named: boolean, now: number): IgnoreEntry[] {
  if (bytes === 'missing' && !named) return [];
  if (typeof bytes === 'string') {
    const why = bytes === 'missing' ? 'it is not there' : 'it is no file of the workspace';
    const fix = 'Correct the input ignore-file, or leave it empty';
    throw new ActionError('E_IGNORE_FILE', { what: `ignore file ${file}`, why, fix });
  }
  return parseIgnoreFile(Buffer.from(bytes).toString('utf8'), file, now);
}

/** Of the base only what can be read is known: the rest is new in the change. */
export function baseIgnores(bytes: Uint8Array | Unreadable, file: string, now: number): IgnoreEntry[] {
  try {
    return readIgnores(bytes, file, false, now);
  } catch (error) {
    if (error instanceof ActionError) return [];
    throw error;
  }
}

export function ignoreNotices(ignores: Ignores, file: string): Notice[] {
  return [
    ...ignores.refused().map((entry): Notice => {
      const message = `${entry.id} is malware: an entry applies only to a pin, and only when it names package and exact version`;
      return { code: 'W_IGNORE_REFUSED', message, file, line: entry.line };
    }),
    ...ignores.states().flatMap(({ id, state, line, expires }): Notice[] => {
      if (state === 'used') return [];
      const expired = state === 'expired';
      const message = expired ? `the entry for ${id} expired on ${expires}` : `the entry for ${id} matches nothing`;
      return [{ code: expired ? 'W_IGNORE_EXPIRED' : 'W_IGNORE_UNUSED', message, file, line }];
    }),
  ];
}
