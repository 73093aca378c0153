/** Deliveries with the real handoff: what is in the config repository in the end, whatever happens on the way. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { commitOnBranch } from '../../../lab/forge/commit.ts';
import type { RunOptions } from '../../../lab/runner/index.ts';
import { job, type Ran } from './harness.ts';
import { asked, conclusions, type Delivery, DIGEST, openSuite, STABLE, type Suite, values } from './suite.ts';

let suite: Suite;
let config = '';
let count = 0;
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag']);
});
afterAll(async () => {
  await suite[Symbol.asyncDispose]();
});
beforeEach(async () => {
  count += 1;
  config = `lab/config-${count}`;
  await suite.forge.createRepository(config, { private: true, files: { 'env/values.yaml': values(STABLE) } });
});

const deliver = (delivery: Delivery = {}): Promise<Ran> => suite.deliver({ config, ...delivery });

const git = (...args: string[]): Promise<string> => suite.git(config, ...args);
const file = (): Promise<string> => git('show', 'main:env/values.yaml');
/** Subjects of all commits after the first, the oldest first. */
const subjects = async (): Promise<string[]> =>
  (await git('log', '--reverse', '--format=%s', 'main')).trim().split('\n').slice(1);

/** A person changes the values file. */
async function edit(change: (text: string) => string, message = 'a person'): Promise<void> {
  await commitOnBranch(suite.forge.repository(config), {
    ref: 'refs/heads/main',
    expectedHead: (await git('rev-parse', 'main')).trim(),
    additions: [{ path: 'env/values.yaml', bytes: Buffer.from(change(await file())) }],
    deletions: [],
    message,
    author: { name: 'A Person', email: 'person@example.org' },
  });
}

/** Does something once, when the step of that weight has ended. */
function onceVerified(
  weight: number,
  action: () => Promise<void>,
): { onEvent: NonNullable<RunOptions['onEvent']>; done: () => Promise<void> } {
  let running: Promise<void> | undefined;
  return {
    onEvent: (event) => {
      if (event.type !== 'step-ended' || !event.step.includes('verify-canary') || !event.job.includes(`${weight}%`))
        return;
      running ??= action();
    },
    done: async () => running,
  };
}

describe('the config repository', () => {
  test('one commit a weight and one to finish, each with its trailers; only the named scalars have changed', async () => {
    const done = await deliver({ weights: '[5, 100]' });
    expect(done.conclusion).toBe('success');
    const short = suite.sha.slice(0, 7);
    expect(await subjects()).toEqual([
      expect.stringMatching(`^deliver app ${short}\\w*: 5%$`),
      expect.stringMatching(`^deliver app ${short}\\w*: 100%$`),
      expect.stringMatching(`^deliver app ${short}\\w*: finish$`),
    ]);
    const bodies = (await git('log', '--format=%B%x00', '-3', 'main')).split('\0').filter((body) => body.trim() !== '');
    for (const body of bodies) expect(body).toContain(`Delivery-Id: lab/service/${done.id}`);
    const expected = values(DIGEST)
      .replace('tag: "" # CI', 'tag: "t" # CI')
      .replace('revision: ""', `revision: "${suite.sha}"`);
    expect(
      (await file()).replace(/tag: "?t"? #/, 'tag: "t" #').replace(/revision: "?([0-9a-f]{40})"?/, 'revision: "$1"'),
    ).toBe(expected);
    expect(job(done, 'deliver').outputs['commit-sha']).toBe((await git('rev-parse', 'main')).trim());
    expect(suite.forge.unknownRoutes()).toEqual([]);
  });
  test('the same commit delivered twice: the second run commits nothing and is green', async () => {
    await deliver();
    const head = await git('rev-parse', 'main');
    const again = await deliver();
    expect([again.conclusion, await git('rev-parse', 'main')]).toEqual(['success', head]);
    expect(conclusions(job(again, 'deliver', 'rollout'))).toMatchObject({
      stage: 'skipped',
      revert: 'skipped',
      result: 'success',
    });
  });
  test('trap 8: a red weight: one revert commit, the file byte-equal to before', async () => {
    const done = await deliver({ weights: '[5, 10, 100]', recorder: { 'verify-canary 10': { verdict: 'fail' } } });
    expect(done.conclusion).toBe('failure');
    expect(await subjects()).toEqual([
      expect.stringMatching(/: 5%$/),
      expect.stringMatching(/: 10%$/),
      expect.stringMatching(/^revert app /),
    ]);
    expect(await file()).toBe(values(STABLE));
  });
  test('trap 9: cancelled while it verifies: one revert commit, the file byte-equal to before', async () => {
    const cancel = new AbortController();
    const done = await deliver({
      weights: '[5, 100]',
      recorder: { 'verify-canary 5': { wait: true } },
      signal: cancel.signal,
      onEvent: (event) => {
        if (event.type === 'log' && event.line === 'waiting') cancel.abort();
      },
    });
    expect(done.conclusion).toBe('cancelled');
    expect(await subjects()).toEqual([expect.stringMatching(/: 5%$/), expect.stringMatching(/^revert app /)]);
    expect(await file()).toBe(values(STABLE));
  });
  test('trap 12: a person changes the weight midway: red with E_STALE_STAGE, the revert still clears our canary', async () => {
    const meddle = onceVerified(5, () => edit((text) => text.replace('weight: 5', 'weight: 42')));
    const done = await deliver({ weights: '[5, 10, 100]', onEvent: meddle.onEvent });
    await meddle.done();
    const second = job(done, 'deliver', 'rollout', 'stage').jobs[1];
    expect(second?.annotations.find((a) => a.level === 'error')?.message).toMatch(/\[E_STALE_STAGE\]/);
    expect(done.conclusion).toBe('failure');
    expect(await file()).toBe(values(STABLE));
  });
  test('trap 13: a person edits another key between stages: it survives stages and revert', async () => {
    const meddle = onceVerified(5, () => edit((text) => text.replace('replicas: 2', 'replicas: 3')));
    const done = await deliver({
      weights: '[5, 10, 100]',
      recorder: { 'verify-canary 10': { verdict: 'fail' } },
      onEvent: meddle.onEvent,
    });
    await meddle.done();
    expect(done.conclusion).toBe('failure');
    expect(await file()).toBe(values(STABLE).replace('replicas: 2', 'replicas: 3'));
  });
  test('a config token that is gone midway fails the stage, and says so without the token', async () => {
    const token = suite.forge.createToken({ kind: 'app', permissions: { contents: 'write' }, repositories: [config] });
    const revoke = onceVerified(5, async () => suite.forge.revokeToken(token));
    const done = await deliver({ weights: '[5, 100]', token, onEvent: revoke.onEvent });
    await revoke.done();
    expect(done.conclusion).toBe('failure');
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({
      stage: 'failure',
      revert: 'failure',
      result: 'failure',
    });
    expect(JSON.stringify(done)).not.toContain(token);
    expect(asked(done, 'verify-canary')).toHaveLength(1);
  });
});
