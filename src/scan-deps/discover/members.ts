/** What a lock also locks: projects in other folders. */
import type { Extracted } from '../extract/context.ts';
import { base, folderOf } from './formats.ts';

export interface Members {
  /** Manifests of workspaces that a lock lists. */
  files: ReadonlySet<string>;
  /** Folders of the locks that tell names only, with these names. */
  named: readonly { folder: string; names: ReadonlySet<string> }[];
}

export function membersOf(locks: readonly Extracted[]): Members {
  const files = locks.flatMap(({ format, members = [] }) => {
    const manifest = format === 'uv-lock' ? 'pyproject.toml' : 'package.json';
    return members.map((folder) => (folder === '.' ? manifest : `${folder}/${manifest}`));
  });
  const named = locks.flatMap(({ file, memberNames }) =>
    memberNames === undefined ? [] : [{ folder: folderOf(file), names: new Set(memberNames) }],
  );
  return { files: new Set(files), named };
}

/** @param text of a Cargo.toml, where the file is one */
export function isMember(file: string, { files, named }: Members, text = ''): boolean {
  if (files.has(file)) return true;
  if (base(file) !== 'Cargo.toml') return false;
  // Cargo.lock names the crates of its workspace, not their folders.
  const name = /^\[package\][^[]*?^name\s*=\s*["']([\w-]{1,200})["']/m.exec(text.slice(0, 100_000))?.[1];
  const above = (folder: string): boolean => folder === '' || file.startsWith(`${folder}/`);
  return name !== undefined && named.some(({ folder, names }) => above(folder) && names.has(name));
}
