/** A release: a commit of its tree that names its source, an immutable tag, and the major that follows. */
import { ActionError } from '../../src/runner/errors.ts';
import { git, gitLine, type Repository } from './git.ts';
import { writeReleaseTree } from './tree.ts';

const VERSION = /^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;

/** @throws ActionError E_RELEASE_VERSION */
export function parseVersion(text: string): { version: string; major: string } {
  const match = VERSION.exec(text);
  if (match !== null) return { version: text, major: `v${match[1]}` };
  throw new ActionError('E_RELEASE_VERSION', {
    what: 'version',
    why: `${JSON.stringify(text)} is not vX.Y.Z`,
    fix: 'Write a full version such as v1.4.2',
  });
}

export interface Release {
  commit: string;
  tree: string;
  source: string;
}

/**
 * Commits the release of a source commit. It has no parent and the dates of its source, so that everyone gets the same
 * commit from the same source.
 */
export async function commitRelease(repository: Repository, version: string, source: string): Promise<Release> {
  parseVersion(version);
  const full = await gitLine(repository, ['rev-parse', '--verify', '--end-of-options', `${source}^{commit}`]);
  const tree = await writeReleaseTree(repository, full);
  const date = await gitLine(repository, ['show', '--no-patch', '--format=%ct +0000', full]);
  const who = { NAME: 'release', EMAIL: 'release@users.noreply.github.com', DATE: date };
  const env = Object.fromEntries(
    Object.entries(who).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]),
  );
  const input = `Release ${version}\n\nSource-Commit: ${full}\n`;
  const commit = (await git(repository, ['commit-tree', tree], { input, env })).toString('utf8').trim();
  return { commit, tree, source: full };
}

/** What a tag is at the remote, or undefined. */
async function remoteTag(repository: Repository, remote: string, tag: string): Promise<string | undefined> {
  const line = await gitLine(repository, ['ls-remote', '--', remote, `refs/tags/${tag}`]);
  return line === '' ? undefined : line.split('\t')[0];
}

/**
 * Tags the release at the remote. A tag that is there is never moved: with the same commit it is left as it is (the job ran
 * before), with another one the version is taken.
 * @throws ActionError E_RELEASE_TAKEN
 */
export async function publishTag(
  repository: Repository,
  remote: string,
  version: string,
  release: Release,
): Promise<void> {
  const refuse = (there: string): never => {
    throw new ActionError('E_RELEASE_TAKEN', {
      what: `tag ${version}`,
      why: `it is ${there} already, and a version never moves`,
      fix: 'Release the next version',
    });
  };
  const before = await remoteTag(repository, remote, version);
  if (before === release.commit) return;
  if (before !== undefined) refuse(before);
  // An empty lease: refused by the remote itself when somebody was faster.
  const ref = `refs/tags/${version}`;
  await git(repository, ['push', `--force-with-lease=${ref}:`, '--', remote, `${release.commit}:${ref}`]).catch(
    async (error) => {
      const there = await remoteTag(repository, remote, version);
      if (there !== undefined && there !== release.commit) refuse(there);
      if (there === undefined) throw error;
    },
  );
}

/** Is there a published, immutable release of this tag? */
export type HasRelease = (version: string) => Promise<boolean>;

/**
 * Moves the major tag to a release, never to anything else and never back to an older version.
 * @returns false when it is there already
 * @throws ActionError E_RELEASE_NONE, E_RELEASE_OLDER
 */
export async function moveMajor(
  repository: Repository,
  remote: string,
  text: string,
  hasRelease: HasRelease,
): Promise<boolean> {
  const { version, major } = parseVersion(text);
  const commit = await remoteTag(repository, remote, version);
  if (commit === undefined || !(await hasRelease(version))) {
    throw new ActionError('E_RELEASE_NONE', {
      what: `${major} to ${version}`,
      why: commit === undefined ? 'the tag does not exist' : 'the tag has no published, immutable release',
      fix: 'Publish the release first',
    });
  }
  const listing = await gitLine(repository, ['ls-remote', '--tags', '--', remote]);
  const numbers = (tag: string): number[] => tag.slice(1).split('.').map(Number);
  const [, minor = 0, patch = 0] = numbers(version);
  const newer = listing
    .split('\n')
    .map((line) => line.split('\trefs/tags/')[1] ?? '')
    .filter((tag) => VERSION.test(tag) && tag.startsWith(`${major}.`))
    .find((tag) => {
      const [, otherMinor = 0, otherPatch = 0] = numbers(tag);
      return otherMinor > minor || (otherMinor === minor && otherPatch > patch);
    });
  const before = await remoteTag(repository, remote, major);
  if (before === commit) return false;
  if (newer !== undefined && before !== undefined && before === (await remoteTag(repository, remote, newer))) {
    throw new ActionError('E_RELEASE_OLDER', {
      what: `${major} to ${version}`,
      why: `it is at ${newer}, which is newer`,
      fix: 'Release a newer version with what should be used',
    });
  }
  const ref = `refs/tags/${major}`;
  // The commit may be on the remote only: the job that published it ran on another machine.
  await git(repository, ['fetch', '--quiet', '--no-tags', '--depth=1', '--', remote, `refs/tags/${version}`]);
  await git(repository, ['push', `--force-with-lease=${ref}:${before ?? ''}`, '--', remote, `${commit}:${ref}`]);
  return true;
}

/**
 * Makes the release again from the source that its commit names, and compares.
 * @param tag a tag or commit of this repository
 * @throws ActionError E_RELEASE_TRAILER, E_RELEASE_DIFFERS
 */
export async function verifyRelease(repository: Repository, tag: string): Promise<Release> {
  const commit = await gitLine(repository, ['rev-parse', '--verify', '--end-of-options', `${tag}^{commit}`]);
  const body = await gitLine(repository, ['show', '--no-patch', '--format=%B', commit]);
  const sources = [...body.matchAll(/^Source-Commit: ([0-9a-f]{40})$/gm)].map((match) => match[1] ?? '');
  const source = sources[0];
  if (source === undefined || sources.length !== 1) {
    throw new ActionError('E_RELEASE_TRAILER', {
      what: `release ${tag}`,
      why: `its commit ${commit} has ${sources.length} Source-Commit trailers`,
      fix: 'Use nothing that does not name its source',
    });
  }
  const made = await writeReleaseTree(repository, source);
  const tree = await gitLine(repository, ['rev-parse', `${commit}^{tree}`]);
  if (made === tree) return { commit, tree, source };
  const paths = (await gitLine(repository, ['diff-tree', '-r', '--name-only', made, tree])).split('\n');
  throw new ActionError('E_RELEASE_DIFFERS', {
    what: `release ${tag}`,
    why: `it is ${tree}, its source ${source} makes ${made}: ${paths.slice(0, 5).join(', ')}`,
    fix: 'Do not use it, and tell the maintainers (SECURITY.md)',
  });
}
