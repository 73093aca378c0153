/** Reading commits with `git log`. */
import type { Git, GitOptions } from './run-git.ts';

export interface GitCommit {
  oid: string;
  message: string;
  /** ISO 8601. */
  time: string;
}

/** Commits of a range, newest first; undefined when git cannot walk it. Needs no tree and no blob. */
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
