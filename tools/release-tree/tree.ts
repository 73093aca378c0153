/** The tree of a release, from committed files alone: what was reviewed is what ships. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActionError } from '../../src/runner/errors.ts';
import { git, gitLine, type Repository } from './git.ts';

export interface Entry {
  mode: string;
  hash: string;
  path: string;
}

/** What the README leads to stands beside it, so that a pinned release can be read as it was. */
const DOCUMENTS = /^(LICENSE|(ARCHITECTURE|SECURITY|CONTRIBUTING)\.md|docs\/.+|(.+\/)?README\.md)$/;

const ACTION = /^actions\/([a-z0-9-]+)\/action\.yml$/;

/**
 * Chooses what a release holds: dist/, actions/, the workflows that others call, licence and documents, in the same bytes.
 * @param entries all files of the source commit
 */
function releaseEntries(entries: readonly Entry[]): Entry[] {
  // A workflow that is called has its source in workflows/; the others are for this repository alone.
  const called = new Set(
    entries.flatMap(({ path }) => (/^workflows\/[^/]+\.yml$/.test(path) ? [`.github/${path}`] : [])),
  );
  return entries.filter(({ path }) => /^(dist|actions)\//.test(path) || DOCUMENTS.test(path) || called.has(path));
}

/**
 * The action.yml of the folder at the root, so that `uses: org/actions/<name>@v1` finds it: one level higher.
 * @throws ActionError E_RELEASE_ACTION when it does not start its own bundle
 */
export function rootManifest(name: string, manifest: string): string {
  const moved = manifest.replaceAll('../../dist/', '../dist/');
  const starts = [...moved.matchAll(/^ +(?:pre|main|post): *["']?([^\s"']+)["']? *$/gm)].map((match) => match[1]);
  if (starts.length > 0 && starts.every((start) => start === `../dist/${name}/index.js`)) return moved;
  throw new ActionError('E_RELEASE_ACTION', {
    what: `actions/${name}/action.yml`,
    why: `it starts ${starts.join(', ') || 'nothing'}`,
    fix: `Let main be ../../dist/${name}/index.js`,
  });
}

/** @throws ActionError E_RELEASE_DIRTY when the checkout has anything that its commit has not */
export async function refuseDirty(repository: Repository): Promise<void> {
  const status = (await git(repository, ['status', '--porcelain', '--no-renames', '--untracked-files=all'])).toString(
    'utf8',
  );
  if (status === '') return;
  const files = status
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(3));
  throw new ActionError('E_RELEASE_DIRTY', {
    what: 'the checkout',
    why: `it is not as committed: ${files.slice(0, 5).join(', ')}${files.length > 5 ? ` and ${files.length - 5} more` : ''}`,
    fix: 'Commit or remove the changes; a release is made of committed files only',
  });
}

/**
 * Writes the tree of the release of a commit into the repository's objects. The checkout and its index stay as they are.
 * @returns its hash, the same for the same commit everywhere
 */
export async function writeReleaseTree(repository: Repository, commit: string): Promise<string> {
  const listing = (await git(repository, ['ls-tree', '-r', '-z', '--full-tree', commit])).toString('utf8');
  const all = listing.split('\0').flatMap((line): Entry[] => {
    const match = /^(\d+) blob ([0-9a-f]+)\t(.+)$/s.exec(line);
    return match === null ? [] : [{ mode: match[1] ?? '', hash: match[2] ?? '', path: match[3] ?? '' }];
  });
  const entries = releaseEntries(all);
  const paths = new Set(entries.map(({ path }) => path));
  for (const { path, hash } of [...entries]) {
    const name = ACTION.exec(path)?.[1];
    if (name === undefined) continue;
    if (!paths.has(`dist/${name}/index.js`)) {
      throw new ActionError('E_RELEASE_ACTION', {
        what: path,
        why: `dist/${name}/index.js is not committed`,
        fix: 'Run "npm run build" and commit the result',
      });
    }
    const text = rootManifest(name, (await git(repository, ['cat-file', 'blob', hash])).toString('utf8'));
    const written = await gitLine(repository, ['hash-object', '-w', '--stdin', '--no-filters'], text);
    entries.push({ mode: '100644', hash: written, path: `${name}/action.yml` });
  }
  const temp = await mkdtemp(join(tmpdir(), 'release-tree-'));
  try {
    const env = { GIT_INDEX_FILE: join(temp, 'index') };
    const input = entries.map(({ mode, hash, path }) => `${mode} ${hash}\t${path}\0`).join('');
    await git(repository, ['update-index', '-z', '--index-info'], { input, env });
    return (await git(repository, ['write-tree'], { env })).toString('utf8').trim();
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}
