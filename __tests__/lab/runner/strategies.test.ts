/** The stages of every strategy through the real workflow, plan and handoff; builder and judge are recorded. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { job, type Ran } from './harness.ts';
import { asked, conclusions, type Delivery, DIGEST, openSuite, STABLE, type Suite, values } from './suite.ts';

let suite: Suite;
let config = '';
let count = 0;
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag'], 'dist');
});
afterAll(async () => {
  await suite[Symbol.asyncDispose]();
});

const SLOTS = `strategy: blueGreen
blueGreen:
  active: green # who gets the requests
  blue:
    image: { repository: "", tag: "old", digest: "sha256:${'e'.repeat(64)}", revision: "" }
  green:
    image: { repository: r.test/app, tag: "now", digest: "${STABLE}", revision: "" }
`;

async function start(text: string): Promise<void> {
  count += 1;
  config = `lab/strategy-${count}`;
  await suite.forge.createRepository(config, { private: true, files: { 'env/values.yaml': text } });
}

const git = (...args: string[]): Promise<string> => suite.git(config, ...args);
const file = (): Promise<string> => git('show', 'main:env/values.yaml');
const subjects = async (): Promise<string[]> =>
  (await git('log', '--reverse', '--format=%s', 'main')).trim().split('\n').slice(1);
const deliver = (strategy: string, delivery: Delivery = {}): Promise<Ran> =>
  suite.deliver({ config, with: `strategy: ${strategy}`, ...delivery });

describe('blueGreen', () => {
  beforeEach(() => start(SLOTS));

  test('preview, then switch; each is judged in its own mode, by the labels of the slots', async () => {
    const done = await deliver('blueGreen');
    expect(done.conclusion).toBe('success');
    const judged = asked(done, 'verify-canary').map((inputs) => [
      inputs.mode,
      inputs['expected-weight'],
      inputs['stable-selector'],
      inputs['canary-selector'],
      inputs.history === '' ? '' : 'history',
    ]);
    expect(judged).toEqual([
      ['pre-promotion', '0', 'app="app",slot="green"', 'app="app",slot="blue"', ''],
      ['post-promotion', '100', 'app="app",slot="green"', 'app="app",slot="blue"', 'history'],
    ]);
    expect(load(await file())).toMatchObject({
      blueGreen: { active: 'blue', blue: { image: { digest: DIGEST } }, green: { image: { digest: STABLE } } },
    });
    expect(await subjects()).toHaveLength(2);
  });

  test.each([
    ['before the switch', '0', 1],
    ['after it', '100', 2],
  ])('a fault %s: one commit, and every byte is as before', async (_when, weight, handoffs) => {
    const done = await deliver('blueGreen', { recorder: { [`verify-canary ${weight}`]: { verdict: 'fail' } } });
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({ stage: 'failure', revert: 'success' });
    expect(await file()).toBe(SLOTS);
    const all = await subjects();
    expect(all.filter((subject) => subject.startsWith('revert'))).toHaveLength(1);
    expect(all).toHaveLength(handoffs + 1);
  });

  test('the same digest again: no stage, no commit, green', async () => {
    await start(SLOTS.replace(STABLE, DIGEST));
    const done = await deliver('blueGreen');
    expect(done.conclusion).toBe('success');
    expect(await subjects()).toEqual([]);
  });
});

describe.each(['rolling', 'recreate'])('%s', (strategy) => {
  test('one stage', async () => {
    await start(values(STABLE));
    const done = await deliver(strategy);
    expect(done.conclusion).toBe('success');
    expect(load(await file())).toMatchObject({ image: { digest: DIGEST }, canary: { weight: 0 } });
    expect(await subjects()).toHaveLength(1);
  });
});

describe('Argo CD', () => {
  const WITH = `strategy: canary
      argocd-url: https://argocd.test
      argocd-project: apps`;

  test('a stage waits for its own commit, in the Application of app and environment', async () => {
    await start(values(STABLE));
    const done = await deliver('canary', { with: WITH, weights: '[5,100]' });
    const commits = (await git('log', '--reverse', '--format=%H', 'main')).trim().split('\n');
    expect(asked(done, 'verify-canary')[0]).toMatchObject({
      'argocd-url': 'https://argocd.test',
      'argocd-app': 'app-production',
      'argocd-project': 'apps',
      'argocd-revision': commits[1],
      image: DIGEST,
    });
  });

  test('without it nothing of it is asked for', async () => {
    await start(values(STABLE));
    const done = await deliver('canary', { weights: '[5,100]' });
    const [inputs = {}] = asked(done, 'verify-canary');
    const given = Object.entries(inputs).filter(([name, value]) => name.startsWith('argocd-') && value !== '');
    expect(given).toEqual([]);
  });
});
