/** What comes after, or before its turn: re-runs, cells out of order, the next push, and what a lost run has left. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { commitOnBranch } from '../../../lab/forge/commit.ts';
import type { Stage } from '../../../src/plan-delivery/types.ts';
import { type ActionResult, runAction } from '../../support/bundle.ts';
import { job, type Ran } from './harness.ts';
import { asked, conclusions, DIGEST, openSuite, STABLE, type Suite, values } from './suite.ts';

const NEXT = `sha256:${'d'.repeat(64)}`;
const LOST = `sha256:${'f'.repeat(64)}`;
let suite: Suite;
let config = '';
let count = 0;
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag'], 'dist');
});
afterAll(async () => {
  await suite[Symbol.asyncDispose]();
});
const start = async (text: string): Promise<void> => {
  count += 1;
  config = `lab/again-${count}`;
  await suite.forge.createRepository(config, { private: true, files: { 'env/values.yaml': text } });
};
beforeEach(() => start(values(STABLE)));

const file = (): Promise<string> => suite.git(config, 'show', 'main:env/values.yaml');
const head = (): Promise<string> => suite.git(config, 'rev-parse', 'main');
const planOf = (done: Ran): Record<string, string> => job(done, 'deliver', 'rollout', 'plan').outputs;

/** Another commit on main of the service. */
async function push(): Promise<string> {
  const service = suite.forge.repository('lab/service');
  const before = (await suite.git('lab/service', 'rev-parse', 'main')).trim();
  await commitOnBranch(service, {
    ref: 'refs/heads/main',
    expectedHead: before,
    additions: [{ path: 'a.txt', bytes: Buffer.from(before) }],
    deletions: [],
    message: 'next',
    author: { name: 'A Person', email: 'person@example.org' },
  });
  return (await suite.git('lab/service', 'rev-parse', 'main')).trim();
}

/** The handoff of a stage, as its job would do it. */
function handoff(updates: string): Promise<ActionResult> {
  const { forge, sha } = suite;
  return runAction(
    'bump-helm-tag',
    {
      'config-repository': config,
      token: forge.createToken({ kind: 'app', permissions: { contents: 'write' }, repositories: [config] }),
      'source-token': forge.createToken({ permissions: { contents: 'read' }, repositories: ['lab/service'] }),
      'source-repository': 'lab/service',
      'source-revision': sha,
      updates,
    },
    {
      env: {
        GITHUB_REPOSITORY: 'lab/service',
        GITHUB_SHA: sha,
        GITHUB_REF: 'refs/heads/main',
        GITHUB_SERVER_URL: forge.url,
        GITHUB_API_URL: forge.apiUrl,
        GITHUB_GRAPHQL_URL: forge.graphqlUrl,
        GITHUB_EVENT_NAME: 'push',
      },
    },
  );
}

/** A stage whose handoff wrote nothing, and what its job says to that. */
async function expectStale(stage: Stage): Promise<void> {
  const again = await handoff(JSON.stringify(stage.updates));
  expect([again.code, again.outputs.result]).toEqual([0, 'superseded']);
  const told = { stage: JSON.stringify(stage), handoff: again.outputs.json ?? '', revision: suite.sha };
  const checked = await runAction('report-delivery', { mode: 'stage', ...told });
  expect([checked.code, checked.log.match(/\[(E_\w+)\]/)?.[1]]).toEqual([1, 'E_STALE_STAGE']);
  expect(checked.log).toContain('re-run all jobs');
}

test('trap 11: re-run of one failed stage after the revert: E_STALE_STAGE, red, the config repository as it was', async () => {
  const first = await suite.deliver({
    config,
    weights: '[5, 10, 100]',
    recorder: { 'verify-canary 10': { verdict: 'fail' } },
  });
  expect(first.conclusion).toBe('failure');
  const { stages = '', revert = '' } = planOf(first);
  const before = await head();
  // The failed one first, then all that were cancelled: none of them finds what it needs.
  for (const stage of (JSON.parse(stages) as Stage[]).slice(1)) await expectStale(stage);
  // Its revert has nothing left to take back.
  expect((await handoff(revert)).outputs.result).not.toBe('committed');
  expect(await head()).toBe(before);
  expect(await file()).toBe(values(STABLE));
});

test('cells of the matrix out of order: no weight is skipped', async () => {
  const planned = await suite.deliver({
    config,
    weights: '[5, 10, 100]',
    recorder: { 'verify-canary 5': { verdict: 'fail' } },
  });
  const [five, ten, full, finish] = JSON.parse(planOf(planned).stages ?? '') as Stage[];
  for (const early of [finish, full, ten]) await expectStale(early as Stage);
  expect((await handoff(JSON.stringify(five?.updates))).outputs.result).toBe('committed');
  for (const early of [finish, full]) await expectStale(early as Stage);
  expect(load(await file())).toMatchObject({
    image: { digest: STABLE },
    canary: { weight: 5, image: { digest: DIGEST } },
  });
});

test('the next push begins at its first weight against the new stable version; the older one again is superseded, green', async () => {
  const recorder = (digest: string) => ({ 'build-image ': { digest } });
  const older = await suite.deliver({ config, weights: '[5, 100]' });
  expect(older.conclusion).toBe('success');
  const sha = await push();
  const newer = await suite.deliver({ config, weights: '[5, 100]', sha, recorder: recorder(NEXT) });
  expect(newer.conclusion).toBe('success');
  const [first] = JSON.parse(planOf(newer).stages ?? '') as Stage[];
  expect(first?.name).toBe('5%');
  expect(planOf(newer)['revert-finished']).toContain(DIGEST);
  expect(load(await file())).toMatchObject({ image: { digest: NEXT, revision: sha }, canary: { weight: 0 } });

  const before = await head();
  const again = await suite.deliver({ config, weights: '[5, 100]' });
  expect(again.conclusion).toBe('success');
  expect(job(again, 'deliver').outputs).toMatchObject({ verdict: 'superseded', superseded: 'true' });
  expect(asked(again, 'verify-canary')).toEqual([]);
  expect(conclusions(job(again, 'deliver', 'rollout'))).toMatchObject({ stage: 'success', revert: 'skipped' });
  expect(await head()).toBe(before);
});

test('a canary that a lost run has left: replaced by the first weight, and said', async () => {
  await start(
    values(STABLE).replace(
      'tag: "", digest: "", revision: "" }\n  weight: 0',
      `tag: "lost", digest: "${LOST}", revision: "" }\n  weight: 25`,
    ),
  );
  const done = await suite.deliver({ config, weights: '[5, 100]' });
  expect(done.conclusion).toBe('success');
  const { annotations } = job(done, 'deliver', 'rollout', 'plan');
  expect(annotations.map((a) => a.message).join()).toContain(LOST);
  expect(load(await file())).toMatchObject({ image: { digest: DIGEST }, canary: { weight: 0, image: { digest: '' } } });
});
