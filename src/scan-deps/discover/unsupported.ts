/** Silence about a known manifest would read as safety: what nobody here can read is named. */
import type { Extracted } from '../extract/context.ts';
import type { Notice } from '../types.ts';
import { declaresPackages } from './formats.ts';
import { isMember, type Members } from './members.ts';
import type { Selection } from './select.ts';
import type { Workspace } from './workspace.ts';

/** Files that this version cannot read and no lock governs. */
export function unsupportedOf(
  candidates: Selection['unsupported'],
  members: Members,
  workspace: Pick<Workspace, 'read'>,
): string[] {
  return candidates
    .filter(({ file, kind }) => {
      if (kind === 'lock') return true;
      const bytes = workspace.read(file);
      if (typeof bytes === 'string') return bytes !== 'missing';
      const text = Buffer.from(bytes).toString('utf8');
      return declaresPackages(file, text) && !isMember(file, members, text);
    })
    .map(({ file }) => file);
}

/** @param partly files that were read, but not all that they declare */
export function noticesOf(unsupported: readonly string[], partly: readonly Extracted[]): Notice[] {
  return [
    ...unsupported.map((file): Notice => {
      const message = 'this version cannot read this file: its packages were not judged. A lock beside it is read';
      return { code: 'W_UNSUPPORTED', message, file };
    }),
    ...partly.map(({ file, unread }): Notice => {
      const message = `this version cannot read ${unread}: these packages were not judged. A lock beside it is read`;
      return { code: 'W_UNSUPPORTED', message, file };
    }),
  ];
}
