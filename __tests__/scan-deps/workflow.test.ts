/**
 * The scan of the reusable workflow test-python.yml, run by the lab's runner for events of the lab's forge: real refs, the
 * checkout as the workflow asks for it (shallow, no login kept) and a private repository.
 */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type OsvServer, startOsv } from '../../lab/osv/server.ts';
import { directoryRepository, restForge } from '../../lab/runner/index.ts';
import { job, memoryRepository, run, step } from '../lab/runner/harness.ts';
import { root } from '../support/bundle.ts';
import { type Event, type Service, startService } from './diff-kit.ts';
import { advisory, CRITICAL, lockOf } from './support.ts';

const hole = (id: string, name: string, fixed: string) =>
  advisory(id, { name, eco: 'npm', events: [{ introduced: '0' }, { fixed }], vector: CRITICAL });
const lodash = hole('GHSA-35jh-r3h4-6jhm', 'lodash', '4.17.21');
const minimist = hole('GHSA-xvch-5gv4-984h', 'minimist', '1.2.6');

/** lodash at this version, and what mkdirp brings in. */
function lock(version: string, transitive?: string): string {
  return lockOf(
    {
      'node_modules/lodash': { version },
      'node_modules/mkdirp': {
        version: '0.5.5',
        ...(transitive === undefined ? {} : { dependencies: { minimist: '*' } }),
      },
      ...(transitive === undefined ? {} : { 'node_modules/minimist': { version: transitive } }),
    },
    { dependencies: { lodash: '^4.17.0', mkdirp: '^0.5.0' } },
  );
}

let service: Service;
let osv: OsvServer;
let actions: string;
beforeAll(async () => {
  osv = await startOsv({ advisories: [lodash, minimist] });
  service = await startService({ 'package-lock.json': lock('4.17.19') }, { private: true });
  actions = join(service.folder, 'actions');
  for (const name of ['scan-deps', 'report-delivery', 'report-tests']) {
    await mkdir(join(actions, 'actions', name), { recursive: true });
    const text = await readFile(join(root, 'actions', name, 'action.yml'), 'utf8');
    // From source: the bundle is its build, which other tests compare.
    const own = text.replace(/dist\/([\w-]+)\/index\.js/, 'src/$1/main.ts');
    await writeFile(join(actions, 'actions', name, 'action.yml'), own);
  }
  for (const name of ['src', 'workflows']) await symlink(join(root, name), join(actions, name));
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await osv.close();
});

/** What the job `scan` of the workflow came to. */
async function scan(event: Event, ref: string) {
  const { forge, name } = service;
  const caller = `
on: [push, pull_request, merge_group]
permissions: {}
jobs:
  ci:
    uses: org/actions/.github/workflows/test-python.yml@v1
    permissions: { contents: read, security-events: write }
    with: { install: preinstalled, osv-url: "${osv.url}" }
`;
  const done = await run(caller, {
    repo: name,
    event: { name: event.name, payload: { repository: { default_branch: 'main', fork: false }, ...event.payload } },
    ref,
    sha: event.sha,
    env: { NODE_COMPILE_CACHE: join(root, '.lab/compile-cache') },
    repositories: {
      [name]: memoryRepository(name, { '.github/workflows/w.yml': caller }),
      'org/actions': directoryRepository({ name: 'org/actions', dir: actions, sha: event.sha, layout: 'source' }),
    },
    forge: restForge({
      serverUrl: forge.url,
      apiUrl: forge.apiUrl,
      graphqlUrl: forge.graphqlUrl,
      repo: name,
      mintToken: async (permissions) => forge.createToken({ kind: 'app', permissions, repositories: [name] }),
    }),
  });
  expect(done.errors).toEqual([]);
  const scanned = job(done, 'ci', 'scan');
  const { log } = step(scanned, 'scan');
  const since = /judges what is new since ([0-9a-f]{40}) \((.*)\)/.exec(log.join('\n'));
  const found = log.flatMap(
    (line) => /^(\w+): package-lock\.json:\d+: (\S+ \S+): /.exec(line)?.slice(1, 3).join(' ') ?? [],
  );
  return { conclusion: scanned.conclusion, base: since?.[1], from: since?.[2], found };
}

test('a pull request that only bumps a version without fixing the hole brings in nothing new', async () => {
  await service.commit('bump', { 'package-lock.json': lock('4.17.20') });
  const base = await service.git(`${service.folder}/author`, 'rev-parse', 'origin/main');
  const { event, number } = await service.pull('bump');
  expect(await scan(event, `refs/pull/${number}/merge`)).toEqual({
    conclusion: 'success',
    base,
    from: 'first parent of the merge commit',
    found: ['existing lodash 4.17.20'],
  });
});

test('a pull request that adds a vulnerable transitive package is red', async () => {
  await service.commit('transitive', { 'package-lock.json': lock('4.17.19', '1.2.5') });
  const { event, number } = await service.pull('transitive');
  expect(await scan(event, `refs/pull/${number}/merge`)).toMatchObject({
    conclusion: 'failure',
    found: ['block minimist 1.2.5', 'existing lodash 4.17.19'],
  });
});

test('a run of the merge queue is judged against the group before it, however deep that lies', async () => {
  const queue = 'gh-readonly-queue/main';
  const ahead = await service.commit(`${queue}/pr-1`, { 'package-lock.json': lock('4.17.19', '1.2.5') });
  await service.commit(`${queue}/pr-2`, { 'README.md': 'one' }, { from: ahead });
  for (const text of ['two', 'three']) await service.commit(`${queue}/pr-2`, { 'README.md': text });
  const tip = await service.commit(`${queue}/pr-2`, { 'package-lock.json': lock('4.17.20', '1.2.4') });
  const group = (base_sha: string): Event => {
    return { name: 'merge_group', sha: tip, payload: { merge_group: { base_sha, head_sha: tip } } };
  };
  expect(await scan(group(ahead), `refs/heads/${queue}/pr-2`)).toEqual({
    conclusion: 'success',
    base: ahead,
    from: 'merge_group.base_sha',
    found: ['existing lodash 4.17.20', 'existing minimist 1.2.4'],
  });
  // Against the branch itself, what the group before it brings in is new.
  const main = await service.git(`${service.folder}/author`, 'rev-parse', 'origin/main');
  expect(await scan(group(main), `refs/heads/${queue}/pr-2`)).toMatchObject({
    conclusion: 'failure',
    base: main,
    found: ['block minimist 1.2.4', 'existing lodash 4.17.20'],
  });
});

test('what ships is judged whole', async () => {
  const sha = await service.git(`${service.folder}/author`, 'rev-parse', 'origin/main');
  const push: Event = { name: 'push', sha, payload: { before: '0'.repeat(40) } };
  expect(await scan(push, 'refs/heads/main')).toEqual({
    conclusion: 'failure',
    base: undefined,
    from: undefined,
    found: ['block lodash 4.17.19'],
  });
});
