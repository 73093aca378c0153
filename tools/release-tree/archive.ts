/** The release as one file, the same bytes for the same commit. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { git, type Repository } from './git.ts';

/** What `tree.tar.gz` may weigh. */
export const MAX_ARCHIVE_BYTES = 800 * 1024;

/** @returns gzipped tar; its dates are those of the commit */
export async function archive(repository: Repository, commit: string): Promise<Buffer> {
  // Settings that would change the bytes: the mask of modes, and attributes of whoever packs.
  const settings = ['-c', 'tar.umask=0022', '-c', 'core.attributesFile=/dev/null', '-c', 'core.autocrlf=false'];
  const tar = await git(repository, [...settings, 'archive', '--format=tar', commit]);
  return gzipSync(tar, { level: 9 });
}

/** Lines of `SHA256SUMS`. */
export function sums(files: Readonly<Record<string, Buffer>>): string {
  return Object.entries(files)
    .map(([name, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`)
    .join('');
}
