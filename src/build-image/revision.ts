/** The commit of a checkout, read from `.git` without a process. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Exec } from '../runner/index.ts';

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** @returns HEAD of the repository that holds the folder, undefined when there is none or it has no commit */
export async function headRevision(folder: string): Promise<string | undefined> {
  const git = await gitDir(resolve(folder));
  if (git === undefined) return undefined;
  const head = await text(join(git, 'HEAD'));
  const ref = /^ref: (refs\/\S+)$/.exec(head)?.[1];
  if (ref === undefined) return COMMIT.test(head) ? head : undefined;
  // A worktree keeps its HEAD, but its refs live with the main repository.
  const common = await text(join(git, 'commondir'));
  const shared = common === '' ? git : resolve(git, common);
  const loose = await text(join(shared, ref));
  if (COMMIT.test(loose)) return loose;
  const packed = await text(join(shared, 'packed-refs'));
  const line = packed.split('\n').find((one) => one.endsWith(` ${ref}`));
  return line?.slice(0, line.indexOf(' '));
}

async function gitDir(folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, '.git');
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) return path;
    if (found?.isFile()) {
      const target = /^gitdir: (.+)$/.exec(await text(path))?.[1];
      return target === undefined ? undefined : isAbsolute(target) ? target : resolve(at, target);
    }
    if (dirname(at) === at) return undefined;
  }
}

async function text(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

/** Commit time in unix seconds, by git; undefined when git or the commit is not there. */
export async function commitTime(exec: Exec, folder: string, revision: string): Promise<number | undefined> {
  const args = ['-C', folder, 'log', '-1', '--format=%ct', revision];
  const result = await exec('git', args, { timeout: 20 }).catch(() => undefined);
  const seconds = result?.code === 0 ? result.stdout.toString('utf8').trim() : '';
  return /^\d+$/.test(seconds) ? Number(seconds) : undefined;
}
