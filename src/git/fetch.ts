/** Fetching what a checkout lacks, from where the checkout came from. */
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
  const to = await addressOf(git, remote, options);
  if ('detail' in to) return { kind: 'failed', ...to };
  // A depth would cut the history of a checkout that has all of it, for every step to come.
  const depth = (await isShallow(git, options)) ? ['--depth=1'] : [];
  const args = ['fetch', '--no-tags', ...depth, ...PLAIN];
  // Nothing is checked out: an old commit with faults of its time (zero-padded modes) can be read all the same.
  const result = await git(['-c', 'fetch.fsckObjects=false', ...args, '--end-of-options', remote, name], {
    ...options,
    network: true,
    env: { ...options.env, GIT_ALLOW_PROTOCOL: to.protocol },
  });
  if (result.code === 0) return { kind: 'fetched' };
  const stderr = result.stderrTail.replace(/\/\/[^/@\s]*@/g, '//');
  const detail = oneLine(stderr.trim() || `git ended with ${result.signal ?? result.code}`, 300);
  return { kind: /couldn't find remote ref|no such ref/i.test(stderr) ? 'unknown' : 'failed', detail };
}

/** Does the store leave out what it can fetch later (`filter`, or a sparse checkout of actions/checkout)? */
export async function isPartial(git: Git, remote: string, options: GitOptions): Promise<boolean> {
  const result = await git(['config', '--type=bool', '--get', `remote.${remote}.promisor`], options);
  return result.stdout.toString('latin1').trim() === 'true';
}

/** Fetches blobs that a partial store left out: all of them by one connection, where git itself would take one each. */
export async function fetchBlobs(
  git: Git,
  remote: string,
  oids: readonly string[],
  options: GitOptions,
): Promise<void> {
  const to = await addressOf(git, remote, options);
  if ('detail' in to) return;
  await git(['fetch', '--no-tags', '--no-write-fetch-head', '--filter=blob:none', ...PLAIN, '--stdin', remote], {
    ...options,
    network: true,
    env: { ...options.env, GIT_ALLOW_PROTOCOL: to.protocol },
    input: oids.map((oid) => `${oid}\n`).join(''),
  });
}

const PLAIN = ['--quiet', '--no-recurse-submodules', '--upload-pack=git-upload-pack'];

async function addressOf(
  git: Git,
  remote: string,
  options: GitOptions,
): Promise<{ protocol: string } | { detail: string }> {
  const address = await git(['remote', 'get-url', remote], options);
  const url = address.stdout.toString('utf8').trim();
  if (address.code !== 0 || url === '') return { detail: `there is no remote ${remote}` };
  const protocol = protocolOf(url);
  return protocol === undefined ? { detail: `the address of ${remote} is of no known kind` } : { protocol };
}

// One protocol, the one of the address: an address that names a program (`ext::`) is none of them.
function protocolOf(url: string): string | undefined {
  const scheme = /^([a-z+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined) return ['https', 'http', 'ssh', 'file'].includes(scheme) ? scheme : undefined;
  if (url.startsWith('/')) return 'file';
  return /^[^/:\s]+:(?!:)/.test(url) ? 'ssh' : undefined;
}
