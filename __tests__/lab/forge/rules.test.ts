import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { committed, type Reply, startWorld, type World } from './world.ts';

let w: World;
let dev: string;
let actions: string;
beforeAll(async () => {
  w = await startWorld();
  dev = w.forge.createToken({
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write' },
    login: 'dev',
  });
  actions = w.forge.createToken({ kind: 'app', permissions: { checks: 'write', statuses: 'write' } });
});
afterAll(() => w.close());

const examples = join(import.meta.dirname, '../../../examples');
const golden = JSON.parse(readFileSync(join(examples, 'histogram-eq/.github/rulesets/golden-rule.json'), 'utf8'));
const config = JSON.parse(readFileSync(join(examples, 'helm-histogram-eq/.github/rulesets/config.json'), 'utf8'));

/** A repository under a ruleset. */
async function ruled(name: string, ruleset: object): Promise<string> {
  await w.forge.createRepository(name, { files: { 'a.txt': '1\n' } });
  expect((await w.call('POST', `/repos/${name}/rulesets`, w.admin, ruleset)).status).toBe(201);
  return name;
}

/** A pull request with one commit on a branch. */
async function pullOf(repo: string, branch = 'change'): Promise<{ number: number; sha: string }> {
  const main = await w.head('main', repo);
  await w.call('POST', `/repos/${repo}/git/refs`, dev, { ref: `refs/heads/${branch}`, sha: main });
  const sha = committed(await w.commit(main, branch, { repo, branch, path: `${branch}.txt`, token: dev }));
  const made = await w.call('POST', `/repos/${repo}/pulls`, dev, { title: branch, head: branch, base: 'main' });
  expect(made.status).toBe(201);
  return { number: Number(made.json.number), sha };
}

const merge = (repo: string, number: number, body: object = {}, token = dev): Promise<Reply> =>
  w.call('PUT', `/repos/${repo}/pulls/${number}/merge`, token, body);
const check = (repo: string, head_sha: string, conclusion: string, name = 'deliver / gate', token = actions) =>
  w.call('POST', `/repos/${repo}/check-runs`, token, { name, head_sha, status: 'completed', conclusion });

describe('the golden rule of the sample', () => {
  test('nobody pushes to main, by Git or by the API', async () => {
    const repo = await ruled('org/golden', golden);
    const work = join(w.dir, 'golden');
    await w.git(['clone', '-q', w.remote(dev, repo), work]);
    writeFileSync(join(work, 'a.txt'), '2\n');
    await w.git(['commit', '-qam', 'two'], work);
    const push = await w.git(['push', w.remote(dev, repo), 'HEAD:main'], work);
    expect(push.code).toBe(1);
    const said = push.stderrTail.split('\n').map((line) => line.trim());
    expect(said).toEqual(
      expect.arrayContaining([
        'remote: error: GH013: Repository rule violations found for refs/heads/main.',
        `remote: Review all repository rules at ${w.forge.url}/${repo}/rules`,
        'remote: - Changes must be made through a pull request.',
        'remote: - Required status check "deliver / gate" is expected.',
        '! [remote rejected] HEAD -> main (pre-receive hook declined)',
      ]),
    );
    const before = await w.head('main', repo);
    const done = await w.commit(before, 'x', { repo, token: dev });
    expect(done.errors?.[0]).toMatchObject({
      type: 'UNPROCESSABLE',
      message: expect.stringMatching(
        /^Repository rule violations found\n\nChanges must be made through a pull request\./,
      ),
    });
    expect((await w.call('DELETE', `/repos/${repo}/git/refs/heads/main`, w.admin)).status).toBe(422);
    expect(await w.head('main', repo)).toBe(before);
    // Other branches are free.
    expect((await w.git(['push', '-q', w.remote(dev, repo), 'HEAD:free'], work)).code).toBe(0);
  });
  test('a pull request is merged when the check of GitHub Actions is green, and not before', async () => {
    const repo = await ruled('org/merge', golden);
    const { number, sha } = await pullOf(repo);
    const refused = async (why: string): Promise<void> =>
      expect(await merge(repo, number)).toMatchObject({
        status: 405,
        json: { message: `Repository rule violations found\n\nRequired status check "deliver / gate" is ${why}.` },
      });
    await refused('expected');
    // Another App, and a status of a user, do not count: the rule names GitHub Actions.
    const other = w.forge.createToken({ kind: 'app', appId: 9, permissions: { checks: 'write' } });
    await check(repo, sha, 'success', 'deliver / gate', other);
    await w.call('POST', `/repos/${repo}/statuses/${sha}`, dev, { state: 'success', context: 'deliver / gate' });
    await refused('expected');
    await check(repo, sha, 'failure');
    await refused('failing');
    await w.call('POST', `/repos/${repo}/check-runs`, actions, {
      name: 'deliver / gate',
      head_sha: sha,
      status: 'queued',
    });
    await refused('in progress');
    await check(repo, sha, 'success');
    expect((await merge(repo, number, { sha: '0'.repeat(40) })).status).toBe(409);
    expect(await merge(repo, number)).toMatchObject({ status: 200, json: { merged: true } });
    expect((await merge(repo, number)).json.message).toBe('Pull Request is not mergeable');
    const main = await w.forge.repository(repo).objects.commit('refs/heads/main');
    expect([main?.parents[1], main?.message.split('\n')[0]]).toEqual([sha, 'Merge pull request #1 from org/change']);
  });
  test('strict: a head that has not all of its base is out of date', async () => {
    const repo = await ruled('org/strict', golden);
    const one = await pullOf(repo, 'one');
    const two = await pullOf(repo, 'two');
    for (const { sha } of [one, two]) await check(repo, sha, 'success');
    expect((await merge(repo, one.number, { merge_method: 'squash' })).status).toBe(200);
    expect(await merge(repo, two.number)).toMatchObject({
      status: 405,
      json: { message: expect.stringContaining('out of date') },
    });
  });
});

describe('the rules of the config repository', () => {
  test('the App that they name writes, another does not, a person needs an approving review', async () => {
    const repo = await ruled('org/config', config);
    const write = { contents: 'write' } as const;
    const mine = w.forge.createToken({ kind: 'app', appId: config.bypass_actors[0].actor_id, permissions: write });
    const other = w.forge.createToken({ kind: 'app', permissions: write });
    expect((await w.commit(await w.head('main', repo), 'x', { repo, token: other })).errors?.[0]?.type).toBe(
      'UNPROCESSABLE',
    );
    committed(await w.commit(await w.head('main', repo), 'x', { repo, token: mine }));
    const { number, sha } = await pullOf(repo);
    await check(repo, sha, 'success', 'validate');
    const review = (token: string) =>
      w.call('POST', `/repos/${repo}/pulls/${number}/reviews`, token, { event: 'APPROVE' });
    expect((await merge(repo, number)).json.message).toMatch(/At least 1 approving review is required/);
    expect((await review(dev)).status).toBe(422);
    expect((await review(w.admin)).status).toBe(200);
    expect((await merge(repo, number)).status).toBe(200);
  });
});

test('force pushes are refused where the objects are; a fast-forward passes', async () => {
  const repo = await ruled('org/forward', {
    name: 'forward',
    enforcement: 'active',
    conditions: { ref_name: { include: ['refs/heads/release/**/*'], exclude: ['refs/heads/release/tmp/*'] } },
    rules: [{ type: 'non_fast_forward' }],
  });
  const { path } = w.forge.repository(repo);
  const made = async (message: string): Promise<string> =>
    (await w.git(['commit-tree', '-p', 'main', '-m', message, 'main^{tree}'], path)).stdoutTail.trim();
  const [a, b] = [await made('a'), await made('b')];
  const push = async (to: string): Promise<string> =>
    (await w.git(['push', '-q', w.remote(dev, repo), `+${to}`], path)).stderrTail;
  for (const branch of ['release/x/1', 'release/1', 'release/tmp/1'])
    expect(await push(`${a}:refs/heads/${branch}`)).toBe('');
  expect(await push(`${b}:refs/heads/release/1`)).toContain('Cannot force-push to this branch');
  expect(await push(`${b}:refs/heads/release/x/1`)).toContain('Cannot force-push to this branch');
  expect(await push(`${b}:refs/heads/release/tmp/1`)).toBe('');
  const patch = { sha: b, force: true };
  expect((await w.call('PATCH', `/repos/${repo}/git/refs/heads/release/1`, dev, patch)).json.message).toContain(
    'force-push',
  );
});

test('rulesets are listed, changed, switched off; a rule that nothing enforces is refused', async () => {
  const repo = await ruled('org/sets', golden);
  const rules = (await w.call('GET', `/repos/${repo}/rules/branches/main`, dev)).json as unknown as { type: string }[];
  expect(rules.map((rule) => rule.type)).toEqual([
    'deletion',
    'non_fast_forward',
    'pull_request',
    'required_status_checks',
  ]);
  const { id } = w.forge.repository(repo).rulesets[0] ?? {};
  const path = `/repos/${repo}/rulesets/${id}`;
  expect((await w.call('GET', path, dev)).json.name).toBe('golden rule');
  expect((await w.call('PUT', path, w.admin, { enforcement: 'disabled' })).status).toBe(200);
  committed(await w.commit(await w.head('main', repo), 'x', { repo, token: dev }));
  expect((await w.call('DELETE', path, w.admin)).status).toBe(204);
  expect((await w.call('GET', `/repos/${repo}/rulesets`, dev)).json).toEqual([]);
  const unknown = { name: 'n', enforcement: 'active', rules: [{ type: 'required_deployments' }] };
  expect((await w.call('POST', `/repos/${repo}/rulesets`, w.admin, unknown)).json.message).toContain(
    'does not enforce',
  );
});

describe('pull requests', () => {
  test('follow their branches: head, merge ref, conflicts, files', async () => {
    await w.forge.createRepository('org/pulls', { files: { 'a.txt': '1\n' } });
    const repo = 'org/pulls';
    const { number, sha } = await pullOf(repo);
    const again = await w.call('POST', `/repos/${repo}/pulls`, dev, { title: 't', head: 'org:change', base: 'main' });
    expect(JSON.stringify(again.json)).toContain('A pull request already exists for org:change.');
    expect((await w.call('POST', `/repos/${repo}/pulls`, dev, { title: 't', head: 'none', base: 'main' })).status).toBe(
      422,
    );
    const show = async () => (await w.call('GET', `/repos/${repo}/pulls/${number}`, dev)).json;
    expect(await show()).toMatchObject({ mergeable: true, head: { sha, label: 'org:change' } });
    const next = committed(await w.commit(sha, 'mine', { repo, branch: 'change', path: 'a.txt', token: dev }));
    const fetched = await w.git(['ls-remote', w.remote(dev, repo), 'refs/pull/1/*']);
    expect(fetched.stdoutTail).toMatch(new RegExp(`${next}\\trefs/pull/1/head\n[0-9a-f]{40}\\trefs/pull/1/merge`));
    const files = (await w.call('GET', `/repos/${repo}/pulls/${number}/files`, dev)).json as unknown as object[];
    expect(files).toMatchObject([
      { filename: 'a.txt', status: 'modified' },
      { filename: 'change.txt', status: 'added' },
    ]);
    committed(await w.commit(await w.head('main', repo), 'theirs', { repo, path: 'a.txt', token: dev }));
    expect(await show()).toMatchObject({ mergeable: false, mergeable_state: 'dirty' });
    expect((await merge(repo, number)).json.message).toBe('Pull Request has merge conflicts');
    expect((await w.call('PATCH', `/repos/${repo}/pulls/${number}`, dev, { state: 'closed' })).json.state).toBe(
      'closed',
    );
    const list = async (query: string) => (await w.call('GET', `/repos/${repo}/pulls${query}`, dev)).json;
    expect([await list(''), await list('?state=all&head=org:change')]).toMatchObject([[], [{ number }]]);
  });
  test('comments, page by page', async () => {
    const path = '/repos/org/app/issues/1/comments';
    for (let i = 0; i < 3; i += 1) expect((await w.call('POST', path, dev, { body: `c${i}` })).status).toBe(201);
    const page = await w.call('GET', `${path}?per_page=2`, dev);
    expect(page.json).toMatchObject([{ body: 'c0' }, { body: 'c1' }]);
    expect(page.headers.get('link')).toContain('page=2>; rel="next"');
    expect((await w.call('GET', `${path}?per_page=2&page=2`, dev)).json).toMatchObject([{ body: 'c2' }]);
    expect((await w.call('POST', path, dev, {})).status).toBe(422);
  });
});
