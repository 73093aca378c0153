import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { defuse } from './trailers.ts';

const FORBIDDEN_FIRST = new Set(['.github', '.gitea', '.forgejo', '.gitlab', '.argocd']);

/**
 * A values file is a relative POSIX path to a .yaml or .yml file, outside of folders that would need further rights.
 * @throws ActionError E_PATH_FORBIDDEN before any request is sent
 */
export function checkFilePath(path: string): void {
  const why = reason(path) ?? (/\.ya?ml$/.test(path) ? undefined : 'its name does not end in .yaml or .yml');
  if (why !== undefined)
    throw forbidden(
      `file "${oneLine(path, 200)}"`,
      why,
      'Name a .yaml file by its path from the root of the config repository',
    );
}

/** The same for a folder that is only read; `.` is the root of the repository. @throws ActionError E_PATH_FORBIDDEN */
export function checkFolderPath(path: string): void {
  const why = path === '.' ? undefined : reason(path);
  if (why !== undefined)
    throw forbidden(
      `folder "${oneLine(path, 200)}"`,
      why,
      'Name it by its path from the root of the config repository',
    );
}

function forbidden(what: string, why: string, fix: string): ActionError {
  return new ActionError('E_PATH_FORBIDDEN', { what, why, fix });
}

function reason(path: string): string | undefined {
  if (path === '' || Buffer.byteLength(path) > 1024) return 'its length is not between 1 and 1,024 bytes';
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path) || !path.isWellFormed()) return 'it holds control characters';
  // It stands in reports and in the trailer of the commit, by which its owner is found: what is seen must be what is meant.
  if (oneLine(path, 2048) !== path) return 'it holds characters that cannot be seen';
  if (defuse(path) !== path) return 'it holds words that would switch off workflows';
  if (path !== path.normalize('NFC')) return 'it is not in Unicode NFC';
  if (/[\\#]/.test(path)) return 'it holds \\ or #';
  if (path.startsWith('/')) return 'it is absolute';
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') return 'it has an empty, . or .. segment';
    if (/[. ]$/.test(segment)) return 'a segment ends in a dot or a blank';
    // HFS+ ignores some code points, NTFS has short names and streams: all of them would be .git to somebody.
    const bare = segment.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '').toLowerCase();
    if (/^(\.git|git~\d+)(:.*)?$/.test(bare)) return 'a segment means .git';
  }
  if (FORBIDDEN_FIRST.has(segments[0]?.toLowerCase() ?? '')) return `${segments[0]}/ would need further permissions`;
  return undefined;
}
