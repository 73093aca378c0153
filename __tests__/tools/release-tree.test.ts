/** The release tree and what is done with it, on real repositories and the lab's forge. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startForge } from '../../lab/forge/server.ts';
import { systemExec } from '../../src/runner/index.ts';
import { ensureNode20 } from '../../tools/node20.ts';
import { archive } from '../../tools/release-tree/archive.ts';
import { git, gitLine, type Repository } from '../../tools/release-tree/git.ts';
import { releaseOf } from '../../tools/release-tree/github.ts';
import { commitRelease, moveMajor, parseVersion, publishTag, verifyRelease } from '../../tools/release-tree/release.ts';
import { refuseDirty, rootManifest, writeReleaseTree } from '../../tools/release-tree/tree.ts';
import { root } from '../support/bundle.ts';

let temp = '';
let here: Repository;
beforeAll(async () => {
  temp = await mkdtemp(join(tmpdir(), 'release-'));
  // The committed state of this repository, and none of its packages.
  await systemExec('git', ['clone', '--quiet', '--shared', root, join(temp, 'here')]);
  here = { dir: join(temp, 'here') };
});
afterAll(() => rm(temp, { recursive: true, force: true }));

const who = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@test',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@test',
};
let count = 0;
const MANIFEST = 'name: a\nruns:\n  using: node24\n  main: ../../dist/a/index.js\n';
async function small(): Promise<Repository> {
  count += 1;
  const repository = { dir: join(temp, `small-${count}`) };
  const files = {
    'actions/a/action.yml': MANIFEST,
    'dist/a/index.js': 'console.log(1)\n',
    'workflows/w.yml': 'on: workflow_call\n',
    '.github/workflows/w.yml': 'on: workflow_call\n',
    '.github/workflows/release.yml': 'on: push\n',
    LICENSE: 'l\n',
    'README.md': 'r\n',
    'SECURITY.md': 's\n',
    'docs/errors.md': 'e\n',
    'docs/picture.svg': '<svg/>\n',
    'src/audit/README.md': 'how\n',
    'src/audit/NOTES.md': 'no\n',
    'src/a.ts': 'a\n',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(repository.dir, path)), { recursive: true });
    await writeFile(join(repository.dir, path), text);
  }
  await git(repository, ['init', '--quiet', '--initial-branch=main']);
  await commit(repository, 'one');
  return repository;
}
async function commit(repository: Repository, message: string): Promise<string> {
  await git(repository, ['add', '--all']);
  await git(repository, ['commit', '--quiet', '--allow-empty', '-m', message], { env: who });
  return gitLine(repository, ['rev-parse', 'HEAD']);
}
const bare = async (): Promise<string> => {
  count += 1;
  const dir = join(temp, `bare-${count}`);
  await systemExec('git', ['init', '--quiet', '--bare', dir]);
  return dir;
};
const tagOf = (dir: string, tag: string): Promise<string> => gitLine({ dir }, ['rev-parse', `refs/tags/${tag}`]);

test('it holds bundles, actions, called workflows, licence, documents and a root folder per action', async () => {
  const repository = await small();
  const tree = await writeReleaseTree(repository, 'HEAD');
  expect((await gitLine(repository, ['ls-tree', '-r', '--name-only', tree])).split('\n').sort()).toEqual(
    [
      '.github/workflows/w.yml',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'a/action.yml',
      'actions/a/action.yml',
      'dist/a/index.js',
      'docs/errors.md',
      'docs/picture.svg',
      'src/audit/README.md',
    ].sort(),
  );
  expect(await gitLine(repository, ['cat-file', 'blob', `${tree}:a/action.yml`])).toContain('main: ../dist/a/index.js');
});

test('the same source makes the same tree, commit and archive everywhere, whatever lies in the checkout', async () => {
  const repository = await small();
  const other = { dir: join(temp, `copy-${count}`) };
  await systemExec('git', ['clone', '--quiet', repository.dir, other.dir]);
  const one = await commitRelease(repository, 'v1.0.0', 'HEAD');
  await writeFile(join(other.dir, 'dist/a/index.js'), 'changed');
  const two = await commitRelease(other, 'v1.0.0', 'HEAD');
  expect(two).toEqual(one);
  expect((await archive(repository, one.commit)).equals(await archive(other, two.commit))).toBe(true);
});

test.each([
  ['changed', 'LICENSE'],
  ['new', 'extra.txt'],
])('trap 38: a dirty checkout (%s file) is refused', async (_how, path) => {
  const repository = await small();
  await refuseDirty(repository);
  await writeFile(join(repository.dir, path), 'x');
  await expect(refuseDirty(repository)).rejects.toMatchObject({
    code: 'E_RELEASE_DIRTY',
    message: expect.stringContaining(`as committed: ${path}.`),
  });
});

test('an action that starts something else, or a bundle that is not committed, is refused', async () => {
  expect(() => rootManifest('a', MANIFEST.replace('dist/a', 'dist/b'))).toThrow('../dist/b/index.js');
  expect(() => rootManifest('a', `${MANIFEST}  post: evil.js\n`)).toThrow('evil.js');
  const repository = await small();
  await rm(join(repository.dir, 'dist'), { recursive: true });
  await commit(repository, 'no bundle');
  await expect(writeReleaseTree(repository, 'HEAD')).rejects.toMatchObject({ code: 'E_RELEASE_ACTION' });
});

test.each(['1.2.3', 'v1', 'v1.2', 'v01.2.3', 'v1.2.3-rc.1', 'v1.2.3\n', '--force'])('%j is no version', (text) => {
  expect(() => parseVersion(text)).toThrow('is not vX.Y.Z');
});

describe('W14', () => {
  const released = async () => true;
  test('a version is published once, and never moves', async () => {
    const [repository, remote] = [await small(), await bare()];
    const first = await commitRelease(repository, 'v1.0.0', 'HEAD');
    await publishTag(repository, remote, 'v1.0.0', first);
    await publishTag(repository, remote, 'v1.0.0', first);
    await writeFile(join(repository.dir, 'LICENSE'), 'other\n');
    await commit(repository, 'two');
    const second = await commitRelease(repository, 'v1.0.0', 'HEAD');
    await expect(publishTag(repository, remote, 'v1.0.0', second)).rejects.toMatchObject({ code: 'E_RELEASE_TAKEN' });
    expect(await tagOf(remote, 'v1.0.0')).toBe(first.commit);
  });

  test('the major goes to a release only, forward, and from another machine too', async () => {
    const [repository, remote] = [await small(), await bare()];
    for (const version of ['v1.9.0', 'v1.10.0']) {
      await commit(repository, version);
      await publishTag(repository, remote, version, await commitRelease(repository, version, 'HEAD'));
    }
    const none = { code: 'E_RELEASE_NONE' };
    await expect(moveMajor(repository, remote, 'v1.9.0', async () => false)).rejects.toMatchObject(none);
    await expect(moveMajor(repository, remote, 'v1.11.0', released)).rejects.toMatchObject(none);
    const fresh = await small();
    expect(await moveMajor(fresh, remote, 'v1.9.0', released)).toBe(true);
    expect(await moveMajor(fresh, remote, 'v1.10.0', released)).toBe(true);
    expect(await moveMajor(fresh, remote, 'v1.10.0', released)).toBe(false);
    await expect(moveMajor(fresh, remote, 'v1.9.0', released)).rejects.toMatchObject({ code: 'E_RELEASE_OLDER' });
    expect(await tagOf(remote, 'v1')).toBe(await tagOf(remote, 'v1.10.0'));
  });

  test.each([
    [200, { draft: false, immutable: true, tag_name: 'v1.0.0' }, true],
    [200, { draft: true, immutable: true, tag_name: 'v1.0.0' }, false],
    [200, { draft: false, immutable: false, tag_name: 'v1.0.0' }, false],
    [404, {}, false],
    [502, {}, 'E_RELEASE_API'],
  ])('the API answers %d %j', async (status, body, expected) => {
    const server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(body)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const ask = releaseOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'org/actions', 't');
      expect(await ask('v1.0.0').catch((error) => error.code)).toBe(expected);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('a token of the forge publishes over HTTP, from a checkout without packages, and is in no argument list', async () => {
    await using forge = await startForge();
    const { gitUrl } = await forge.createRepository('org/actions', { files: { a: 'a' } });
    const token = forge.createToken({ permissions: { contents: 'write' }, repositories: ['org/actions'] });
    const repository = await small();
    const tool = join(here.dir, 'tools/release-tree/main.ts');
    const args = ['--disable-warning=ExperimentalWarning', tool, 'publish', '--version=v1.0.0'];
    const done = await systemExec(process.execPath, [...args, `--repository=${repository.dir}`, `--remote=${gitUrl}`], {
      env: { PATH: process.env.PATH, HOME: temp, GITHUB_TOKEN: token },
    });
    expect([done.code, done.stderrTail]).toEqual([0, '']);
    const release = await commitRelease(repository, 'v1.0.0', 'HEAD');
    expect(await tagOf(forge.repository('org/actions').path, 'v1.0.0')).toBe(release.commit);
    expect(forge.unknownRoutes()).toEqual([]);
  });
});

describe('verify-release', () => {
  test('a release of this source is right; other bytes, no trailer and two trailers are refused', async () => {
    const repository = await small();
    const release = await commitRelease(repository, 'v1.0.0', 'HEAD');
    expect(await verifyRelease(repository, release.commit)).toEqual(release);
    const forged = async (tree: string, message: string): Promise<string> =>
      (await git(repository, ['commit-tree', tree], { input: message, env: who })).toString().trim();
    const trailer = `Source-Commit: ${release.source}\n`;
    const other = await forged(`${release.source}^{tree}`, `x\n\n${trailer}`);
    await expect(verifyRelease(repository, other)).rejects.toMatchObject({ code: 'E_RELEASE_DIFFERS' });
    for (const message of ['x\n', `x\n\n${trailer}${trailer}`])
      await expect(verifyRelease(repository, await forged(release.tree, message))).rejects.toMatchObject({
        code: 'E_RELEASE_TRAILER',
      });
  });
});

test('trap 39: uses: org/actions/<name>@v1 starts each bundle from the tree on Node 20 and Node 24', async () => {
  const { commit, tree } = await commitRelease(here, 'v1.0.0', 'HEAD');
  const out = join(temp, 'extracted');
  await mkdir(out);
  await writeFile(join(temp, 'tree.tar.gz'), await archive(here, commit));
  expect((await systemExec('tar', ['-xzf', join(temp, 'tree.tar.gz'), '-C', out])).code).toBe(0);
  const names = (await gitLine(here, ['ls-tree', '--name-only', `${tree}:actions`])).split('\n');
  expect(names).toContain('build-image');
  for (const name of names) {
    const main = /main: (\S+)/.exec(await readFile(join(out, name, 'action.yml'), 'utf8'))?.[1] ?? '';
    for (const node of [await ensureNode20(join(root, '.lab')), process.execPath]) {
      const done = await systemExec(node, [join(out, name, main)], { cwd: temp, env: { PATH: process.env.PATH } });
      expect([name, done.code]).toEqual([name, 1]);
      expect(done.stdoutTail).toMatch(/::error .*\[E_[A-Z_]+\]/);
    }
  }
});

test("release.yml: GitHub's parser takes it; the jobs, what they wait for, and what they may", async () => {
  const content = await readFile(join(root, '.github/workflows/release.yml'), 'utf8');
  const parsed = parseWorkflow({ name: 'release.yml', content }, new NoOperationTraceWriter());
  expect(parsed.context.errors.getErrors().map((error) => error.message)).toEqual([]);
  if (parsed.value === undefined) throw new Error('nothing parsed');
  const { jobs } = await convertWorkflowTemplate(parsed.context, parsed.value);
  expect(jobs.map((job) => [job.id.value, job.needs?.map((need) => need.value) ?? []])).toEqual([
    ['verify', []],
    ['publish', ['verify']],
    ['move-major', ['publish']],
  ]);
  expect([...content.matchAll(/^ {6}([a-z-]+: (?:read|write)) #/gm)].map((match) => match[1])).toEqual([
    'contents: read',
    'contents: write',
    'id-token: write',
    'attestations: write',
    'contents: write',
  ]);
});
