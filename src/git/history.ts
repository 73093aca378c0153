/** Reading commits. None of it needs a tree or a blob. */
import type { Git, GitOptions } from './run-git.ts';

export interface GitCommit {
  oid: string;
  message: string;
  /** ISO 8601. */
  time: string;
}

export interface RawCommit extends GitCommit {
  tree: string;
  /** As the commit itself says, also where the history of the store ends. */
  parents: readonly string[];
}

/** Commits of a range, newest first; undefined when git cannot walk it. */
export async function logOf(
  git: Git,
  range: readonly string[],
  max: number,
  options: GitOptions,
): Promise<GitCommit[] | undefined> {
  const result = await git(['log', '-z', `--max-count=${max}`, '--format=%H%n%cI%n%B', ...range, '--'], options);
  if (result.code !== 0) return undefined;
  return result.stdout
    .toString('utf8')
    .split('\0')
    .filter((record) => record !== '')
    .map((record) => {
      const [oid = '', time = '', ...message] = record.split('\n');
      return { oid, time, message: message.join('\n').replace(/\n+$/, '') };
    });
}

/** One commit by its full id; undefined when the store does not have it. */
export async function readCommit(git: Git, oid: string, options: GitOptions): Promise<RawCommit | undefined> {
  const result = await git(['cat-file', 'commit', oid], options);
  if (result.code !== 0) return undefined;
  const text = result.stdout.toString('utf8');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  const seconds = Number(/^committer .*> (\d+) [+-]\d{4}$/m.exec(head)?.[1] ?? Number.NaN);
  return {
    oid,
    tree: /^tree ([0-9a-f]+)$/m.exec(head)?.[1] ?? '',
    // Lines of a signature or of a merged tag are indented: they do not pass for lines of the commit.
    parents: [...head.matchAll(/^parent ([0-9a-f]+)$/gm)].map((match) => match[1] ?? ''),
    time: seconds < 1e11 ? new Date(seconds * 1000).toISOString() : '',
    message: end < 0 ? '' : text.slice(end + 2).replace(/\n+$/, ''),
  };
}

/** Is the one commit an ancestor of the other, or the same? False as well when that cannot be seen in the store. */
export async function isAncestor(git: Git, older: string, newer: string, options: GitOptions): Promise<boolean> {
  return (await git(['merge-base', '--is-ancestor', older, newer], options)).code === 0;
}

/** Does the history in the store end before its time, because a fetch was told how deep to go? */
export async function isShallow(git: Git, options: GitOptions): Promise<boolean> {
  const result = await git(['rev-parse', '--is-shallow-repository'], options);
  return result.stdout.toString('latin1').trim() !== 'false';
}
