/** Fetching one commit that a checkout lacks, from where the checkout came from. */
import { oneLine } from '../text/index.ts';
import { isShallow } from './history.ts';
import type { Git, GitOptions } from './run-git.ts';

export type Fetched = { kind: 'fetched' } | { kind: 'unknown'; detail: string } | { kind: 'failed'; detail: string };

/**
 * Fetches a commit, by its id or the name of a ref, once and without anything that leads to it. The address and the way
 * to log in are those that the checkout keeps in its own settings; no other is added.
 * @returns `unknown` when the server has nothing of that name
 */
export async function fetchOnce(git: Git, remote: string, name: string, options: GitOptions): Promise<Fetched> {
  const address = await git(['remote', 'get-url', remote], options);
  const url = address.stdout.toString('utf8').trim();
  if (address.code !== 0 || url === '') return { kind: 'failed', detail: `there is no remote ${remote}` };
  const protocol = protocolOf(url);
  if (protocol === undefined) return { kind: 'failed', detail: `the address of ${remote} is of no known kind` };
  // A depth would cut the history of a checkout that has all of it, for every step to come.
  const depth = (await isShallow(git, options)) ? ['--depth=1'] : [];
  const args = ['fetch', '--no-tags', ...depth, '--quiet', '--no-recurse-submodules', '--upload-pack=git-upload-pack'];
  // Nothing is checked out: an old commit with faults of its time (zero-padded modes) can be read all the same.
  const result = await git(['-c', 'fetch.fsckObjects=false', ...args, '--end-of-options', remote, name], {
    ...options,
    network: true,
    env: { ...options.env, GIT_ALLOW_PROTOCOL: protocol },
  });
  if (result.code === 0) return { kind: 'fetched' };
  const stderr = result.stderrTail.replace(/\/\/[^/@\s]*@/g, '//');
  const detail = oneLine(stderr.trim() || `git ended with ${result.signal ?? result.code}`, 300);
  return { kind: /couldn't find remote ref|no such ref/i.test(stderr) ? 'unknown' : 'failed', detail };
}

// One protocol, the one of the address: an address that names a program (`ext::`) is none of them.
function protocolOf(url: string): string | undefined {
  const scheme = /^([a-z+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined) return ['https', 'http', 'ssh', 'file'].includes(scheme) ? scheme : undefined;
  if (url.startsWith('/')) return 'file';
  return /^[^/:\s]+:(?!:)/.test(url) ? 'ssh' : undefined;
}
