/** Every way of a delivery with the real judge, over a production that does what the config repository asks for. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { commitOnBranch } from '../../../lab/forge/commit.ts';
import { leafJobs } from '../../../lab/runner/index.ts';
import { job, type Ran } from './harness.ts';
import { type Fault, type Production, RULES, startProduction } from './production.ts';
import { conclusions, DIGEST, openSuite, STABLE, type Suite, values } from './suite.ts';

let suite: Suite;
let production: Production;
/** The commit that is delivered: with rules. */
let revision = '';
let config = '';
let count = 0;
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag', 'verify-canary'], 'dist');
  production = await startProduction();
  const service = suite.forge.repository('lab/service');
  await commitOnBranch(service, {
    ref: 'refs/heads/main',
    expectedHead: suite.sha,
    additions: [{ path: '.canary.yaml', bytes: Buffer.from(RULES) }],
    deletions: [],
    message: 'rules',
    author: { name: 'A Person', email: 'person@example.org' },
  });
  revision = (await suite.git('lab/service', 'rev-parse', 'main')).trim();
});
afterAll(async () => {
  await production[Symbol.asyncDispose]();
  await suite[Symbol.asyncDispose]();
});

const OLD = values(STABLE).replace('tag: "" # CI', 'tag: "old" # CI');
const SLOTS = `blueGreen:
  active: green
  blue:
    image: { repository: "", tag: "older", digest: "", revision: "" }
  green:
    image: { repository: r.test/app, tag: "old", digest: "${STABLE}", revision: "" }
`;
const healthy: Fault = () => 0;
const bad =
  (where: Parameters<Fault>[0]['labels'] = {}, share = 0): Fault =>
  (arm) =>
    arm.digest === DIGEST && arm.share >= share && Object.entries(where).every(([key, v]) => arm.labels[key] === v)
      ? 0.3
      : 0;

/** A new config repository, and what runs by it. */
async function start(text: string, fault: Fault): Promise<void> {
  count += 1;
  config = `lab/judged-${count}`;
  const next = `image: { repository: r.test/app, tag: "new", digest: "${DIGEST}", revision: ${revision} }\n`;
  await suite.forge.createRepository(config, {
    private: true,
    files: { 'env/values.yaml': text, 'env/next.yaml': next },
  });
  production.deploy(suite.forge.repository(config).path, fault);
}

// Nothing is built: a promotion goes the way of every delivery.
const deliver = (strategy: string, lines: Record<string, string> = {}): Promise<Ran> =>
  suite.call(
    'promote',
    {
      'from-values-file': 'env/next.yaml',
      'to-values-file': 'env/values.yaml',
      'config-repository': config,
      'prometheus-url': production.url,
      weights: '[10,100]',
      strategy,
      ...lines,
    },
    { config },
  );
const file = (): Promise<string> => suite.git(config, 'show', 'main:env/values.yaml');
const subjects = async (): Promise<string[]> =>
  (await suite.git(config, 'log', '--reverse', '--format=%s', 'main'))
    .trim()
    .split('\n')
    .slice(1)
    .map((subject) => subject.replace(/ [0-9a-f]{7,}:/, ':'));
/** Verdict and reason of each judged stage. */
const verdicts = (done: Ran): string[] =>
  leafJobs(done).flatMap((one) =>
    one.steps
      .filter((step) => step.id === 'verify' && step.outputs.verdict !== undefined)
      .map((step) => `${one.name.replace(/^.*stage /, '')}: ${step.outputs.verdict} ${step.outputs.reason}`),
  );

describe('canary', () => {
  test('judged beside the stable version, then at 100 % and finished against the time before', async () => {
    await start(OLD, healthy);
    const done = await deliver('canary');
    expect(verdicts(done)).toEqual(['10%: pass healthy', '100%: pass healthy', 'finish: pass healthy']);
    expect(done.conclusion).toBe('success');
    expect(load(await file())).toMatchObject({ image: { tag: 'new', digest: DIGEST }, canary: { weight: 0 } });
  });

  test('trap 8: what breaks under the whole load alone is red at 100 %, one revert, the file byte-equal to before', async () => {
    await start(OLD, bad({ track: 'canary' }, 100));
    const done = await deliver('canary');
    expect(verdicts(done)).toEqual(['10%: pass healthy', '100%: fail worse:errors']);
    expect(conclusions(job(done, 'promote', 'rollout'))).toMatchObject({ stage: 'failure', revert: 'success' });
    expect(await subjects()).toEqual(['deliver app: 10%', 'deliver app: 100%', 'revert app: the canary did not pass']);
    expect(await file()).toBe(OLD);
    expect(job(done, 'promote').outputs).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
  });

  test('what breaks when the canary becomes the stable version: the old stable version again', async () => {
    await start(OLD, bad({ track: 'stable' }));
    const done = await deliver('canary');
    expect(verdicts(done)).toEqual(['10%: pass healthy', '100%: pass healthy', 'finish: fail worse:errors']);
    expect((await subjects()).slice(2)).toEqual(['deliver app: finish', 'revert app: the old stable version again']);
    expect(await file()).toBe(OLD);
  });
});

describe.each(['rolling', 'recreate'])('%s', (strategy) => {
  test('judged against the time before', async () => {
    await start(OLD, healthy);
    const done = await deliver(strategy);
    expect(verdicts(done)).toEqual(['roll: pass healthy']);
    expect(done.conclusion).toBe('success');
    expect(load(await file())).toMatchObject({ image: { digest: DIGEST } });
  });

  test('worse than before: one revert, the file byte-equal', async () => {
    await start(OLD, bad());
    const done = await deliver(strategy);
    expect(verdicts(done)).toEqual(['roll: fail worse:errors']);
    expect(await subjects()).toEqual(['deliver app: roll', 'revert app: the old stable version again']);
    expect(await file()).toBe(OLD);
  });
});

describe('blueGreen', () => {
  test('preview and switch are judged against the slot of before', async () => {
    await start(SLOTS, healthy);
    const done = await deliver('blueGreen');
    expect(verdicts(done)).toEqual(['preview: pass healthy', 'switch: pass healthy']);
    expect(load(await file())).toMatchObject({ blueGreen: { active: 'blue', blue: { image: { digest: DIGEST } } } });
  });

  test('what breaks after the switch: flipped back by one commit', async () => {
    await start(SLOTS, bad({}, 100));
    const done = await deliver('blueGreen');
    expect(verdicts(done)).toEqual(['preview: pass healthy', 'switch: fail worse:errors']);
    expect((await subjects()).filter((subject) => subject.startsWith('revert'))).toHaveLength(1);
    expect(await file()).toBe(SLOTS);
  });
});

describe('rollback', () => {
  const rollback = (): Promise<Ran> =>
    suite.call(
      'rollback',
      {
        'config-repository': config,
        'values-file': 'env/values.yaml',
        strategy: 'rolling',
        reason: 'checkout is down',
        'prometheus-url': production.url,
      },
      { config },
    );
  const delivered = async (fault: Fault): Promise<void> => {
    await start(OLD.replace('revision: ""', `revision: ${revision}`), healthy);
    expect((await deliver('rolling', { 'prometheus-url': '' })).conclusion).toBe('success');
    production.deploy(suite.forge.repository(config).path, fault);
  };

  test('the version that is back is judged', async () => {
    await delivered(bad());
    const done = await rollback();
    expect(job(done, 'rollback').outputs).toMatchObject({ result: 'committed', verdict: 'pass', reason: 'healthy' });
    expect(done.conclusion).toBe('success');
  });

  test('worse than what was taken back: red, and the way back stays', async () => {
    await delivered((arm) => (arm.digest === STABLE ? 0.3 : 0));
    const done = await rollback();
    expect(job(done, 'rollback').outputs).toMatchObject({ result: 'committed', verdict: 'fail' });
    expect(done.conclusion).toBe('failure');
    expect(load(await file())).toMatchObject({ image: { tag: 'old', digest: STABLE } });
  });

  test('without Prometheus it is the commit alone', async () => {
    await start(OLD, healthy);
    await deliver('rolling', { 'prometheus-url': '' });
    const done = await suite.call(
      'rollback',
      { 'config-repository': config, 'values-file': 'env/values.yaml', strategy: 'rolling', reason: 'down' },
      { config },
    );
    expect(conclusions(job(done, 'rollback'))).toEqual({ rollback: 'success', verify: 'skipped' });
  });
});
