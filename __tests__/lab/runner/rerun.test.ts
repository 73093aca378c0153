/** "Re-run failed jobs" has the plan of the first attempt, and meets values that its revert has left. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Stage } from '../../../src/plan-delivery/types.ts';
import { type ActionResult, runAction } from '../../support/bundle.ts';
import { job } from './harness.ts';
import { openSuite, STABLE, type Suite, values } from './suite.ts';

const CONFIG = 'lab/rerun';
let suite: Suite;
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag']);
  await suite.forge.createRepository(CONFIG, { private: true, files: { 'env/values.yaml': values(STABLE) } });
});
afterAll(async () => {
  await suite[Symbol.asyncDispose]();
});

test('trap 11: re-run of one failed stage after the revert: E_STALE_STAGE, red, the config repository as it was', async () => {
  const { forge, git, sha } = suite;
  const first = await suite.deliver({
    config: CONFIG,
    weights: '[5, 10, 100]',
    recorder: { 'verify-canary 10': { verdict: 'fail' } },
  });
  expect(first.conclusion).toBe('failure');
  const { stages = '', revert = '' } = job(first, 'deliver', 'rollout', 'plan').outputs;
  const planned = JSON.parse(stages) as Stage[];
  const head = await git(CONFIG, 'rev-parse', 'main');
  const handoff = (updates: string): Promise<ActionResult> =>
    runAction(
      'bump-helm-tag',
      {
        'config-repository': CONFIG,
        token: forge.createToken({ kind: 'app', permissions: { contents: 'write' }, repositories: [CONFIG] }),
        'source-token': forge.createToken({ permissions: { contents: 'read' }, repositories: ['lab/service'] }),
        'source-repository': 'lab/service',
        'source-revision': sha,
        trailers: `Delivery-Id: lab/service/${first.id}`,
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
  // The failed one first, then all that were cancelled: none of them finds what it needs.
  for (const stage of planned.slice(1)) {
    const again = await handoff(JSON.stringify(stage.updates));
    expect([again.code, again.outputs.result]).toEqual([0, 'superseded']);
    const told = { mode: 'stage', stage: JSON.stringify(stage), handoff: again.outputs.json ?? '', revision: sha };
    const checked = await runAction('report-delivery', told);
    expect([checked.code, checked.log.match(/\[(E_\w+)\]/)?.[1]]).toEqual([1, 'E_STALE_STAGE']);
    expect(checked.log).toContain('re-run all jobs');
  }
  // Its revert has nothing left to take back.
  expect((await handoff(revert)).outputs.result).not.toBe('committed');
  expect(await git(CONFIG, 'rev-parse', 'main')).toBe(head);
  expect(await git(CONFIG, 'show', 'main:env/values.yaml')).toBe(values(STABLE));
});
