/** Git plumbing on the bare repositories of the forge. Nothing of the machine's own Git settings takes part. */
import { type ExecResult, systemExec } from '../../src/runner/index.ts';

export const GIT_ENV: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
};

export class GitError extends Error {
  override readonly name = 'GitError';
}

export async function gitRaw(
  dir: string,
  args: readonly string[],
  input?: string | Uint8Array,
  env: Record<string, string> = {},
): Promise<ExecResult> {
  return systemExec('git', [`--git-dir=${dir}`, ...args], {
    env: { ...GIT_ENV, ...env },
    ...(input === undefined ? {} : { input }),
    maxBytes: 64 * 1024 * 1024,
  });
}

/** Standard output of a command that must succeed. @throws GitError */
export async function git(
  dir: string,
  args: readonly string[],
  input?: string | Uint8Array,
  env: Record<string, string> = {},
): Promise<Buffer> {
  const result = await gitRaw(dir, args, input, env);
  if (result.code !== 0) throw new GitError(`git ${args[0]}: ${result.stderrTail.trim() || `exit ${result.code}`}`);
  return result.stdout;
}

/** Full object id of a revision, or undefined. */
export async function resolve(dir: string, revision: string, type = 'commit'): Promise<string | undefined> {
  const result = await gitRaw(dir, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{${type}}`]);
  return result.code === 0 ? result.stdout.toString('utf8').trim() : undefined;
}

export interface CommitInfo {
  oid: string;
  tree: string;
  parents: string[];
  author: { name: string; email: string; date: string };
  committer: { name: string; email: string; date: string };
  message: string;
}

const FORMAT = '%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01';

/** Commits of a range, newest first. @param args revisions, options and paths for `git log` */
export async function log(dir: string, args: readonly string[]): Promise<CommitInfo[]> {
  const out = (await git(dir, ['log', `--format=${FORMAT}`, ...args])).toString('utf8');
  return out
    .split('\x01')
    .map((record) => record.replace(/^\n/, '').split('\0'))
    .filter((f) => f.length === 10)
    .map(([oid = '', tree = '', parents = '', an = '', ae = '', ad = '', cn = '', ce = '', cd = '', message = '']) => ({
      oid,
      tree,
      parents: parents.split(' ').filter(Boolean),
      author: { name: an, email: ae, date: ad },
      committer: { name: cn, email: ce, date: cd },
      message: message.replace(/\n+$/, ''),
    }));
}

export interface TreeEntry {
  mode: string;
  type: string;
  oid: string;
  path: string;
}

/** One entry by its path, or undefined. */
export async function entryAt(dir: string, commit: string, path: string): Promise<TreeEntry | undefined> {
  const out = (await git(dir, ['ls-tree', '-z', commit, '--', path])).toString('utf8');
  return parseTree(out).find((entry) => entry.path === path);
}

export function parseTree(text: string): TreeEntry[] {
  return text
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const match = /^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line);
      return { mode: match?.[1] ?? '', type: match?.[2] ?? '', oid: match?.[3] ?? '', path: match?.[4] ?? '' };
    });
}

export async function blob(dir: string, oid: string): Promise<Buffer> {
  return git(dir, ['cat-file', 'blob', oid]);
}
