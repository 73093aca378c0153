/** Promotion from one environment to the next, and the way back of an emergency. Plan and handoff are the real ones. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { commitOnBranch } from '../../../lab/forge/commit.ts';
import { job } from './harness.ts';
import { asked, conclusions, DIGEST, openSuite, STABLE, type Suite, values } from './suite.ts';

let suite: Suite;
let config = '';
let count = 0;
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag'], 'dist');
});
afterAll(async () => {
  await suite[Symbol.asyncDispose]();
});
beforeEach(async () => {
  count += 1;
  config = `lab/ways-${count}`;
  const staging = values(DIGEST).replace('tag: ""', 'tag: "t"').replace('revision: ""', `revision: ${suite.sha}`);
  const files = { 'env/values.yaml': values(STABLE), 'env/staging.yaml': staging };
  await suite.forge.createRepository(config, { private: true, files });
});

const git = (...args: string[]): Promise<string> => suite.git(config, ...args);
interface Image {
  tag: string;
  digest: string;
  revision: string;
}
const now = async (): Promise<{ image: Image; canary: { image: Image; weight: number } }> =>
  load(await git('show', 'main:env/values.yaml')) as { image: Image; canary: { image: Image; weight: number } };
const commits = async (): Promise<string[]> => (await git('log', '--format=%H', 'main')).trim().split('\n');

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await commitOnBranch(suite.forge.repository(config), {
    ref: 'refs/heads/main',
    expectedHead: (await git('rev-parse', 'main')).trim(),
    additions: [{ path, bytes: Buffer.from(change(await git('show', `main:${path}`))) }],
    deletions: [],
    message: 'a person',
    author: { name: 'A Person', email: 'person@example.org' },
  });
}

describe('promote', () => {
  const promote = (lines: Record<string, string> = {}) =>
    suite.call(
      'promote',
      {
        'from-values-file': 'env/staging.yaml',
        'to-values-file': 'env/values.yaml',
        'config-repository': config,
        weights: '[10,100]',
        'prometheus-url': 'http://127.0.0.1:9',
        ...lines,
      },
      { config },
    );

  test('the digest of the one goes through the stages of the other; nothing is built', async () => {
    const done = await promote();
    expect(done.conclusion).toBe('success');
    expect(asked(done, 'build-image')).toEqual([]);
    expect(asked(done, 'verify-canary').map((inputs) => inputs['expected-weight'])).toEqual(['10', '100', '100']);
    expect(await now()).toMatchObject({
      image: { tag: 't', digest: DIGEST, revision: suite.sha },
      canary: { weight: 0, image: { digest: '' } },
    });
    expect(await commits()).toHaveLength(4);
    expect(job(done, 'promote').outputs).toMatchObject({ ref: `r.test/app:t@${DIGEST}`, verdict: 'pass' });
  });

  test('a canary in flight there: refused before anything is written', async () => {
    await edit('env/staging.yaml', (text) => text.replace('weight: 0', 'weight: 5'));
    const before = await commits();
    const done = await promote();
    expect(conclusions(job(done, 'promote'))).toEqual({ source: 'failure', rollout: 'skipped' });
    expect(job(done, 'promote', 'source').annotations.find((a) => a.level === 'error')?.message).toContain(
      '[E_PLAN_PROMOTE_BUSY]',
    );
    expect(await commits()).toEqual(before);
  });
});

describe('rollback', () => {
  const rollback = (lines: Record<string, string> = {}) =>
    suite.call(
      'rollback',
      { 'values-file': 'env/values.yaml', 'config-repository': config, reason: 'checkout is down', ...lines },
      { config },
    );

  test('previous takes the whole delivery back in one commit that says why', async () => {
    await edit('env/values.yaml', (text) => text.replace('tag: ""', 'tag: "old"'));
    const before = await now();
    expect((await suite.deliver({ config, weights: '[100]' })).conclusion).toBe('success');
    expect((await now()).image.digest).toBe(DIGEST);
    const count = (await commits()).length;
    const done = await rollback();
    expect(done.conclusion).toBe('success');
    expect(await now()).toEqual(before);
    expect(await commits()).toHaveLength(count + 1);
    const message = await git('log', '-1', '--format=%B', 'main');
    expect(message).toMatch(/^roll back app: checkout is down\n/);
    expect(message).toMatch(/^Reverts: [0-9a-f]{40}$/m);
    expect(job(done, 'rollback').outputs).toMatchObject({ result: 'committed' });
    // Twice is once.
    expect(job(await rollback(), 'rollback').outputs).toMatchObject({ result: 'unchanged' });
    expect(await commits()).toHaveLength(count + 1);
  });

  test('a named commit; an unknown one is red and writes nothing', async () => {
    await edit('env/values.yaml', (text) => text.replace('tag: ""', 'tag: "old"'));
    await suite.deliver({ config, weights: '[100]' });
    const [finish = ''] = await commits();
    expect((await rollback({ to: 'f'.repeat(40) })).conclusion).toBe('failure');
    expect((await commits())[0]).toBe(finish);
    expect((await rollback({ to: finish })).conclusion).toBe('success');
    expect((await now()).image).toMatchObject({ tag: 'old', digest: STABLE });
  });

  test('trap 14: during a canary it does not wait; the delivery is red with E_STALE_STAGE and what was rolled back stays', async () => {
    await edit('env/values.yaml', (text) => text.replace('tag: ""', 'tag: "old"'));
    const before = await now();
    await suite.deliver({ config, weights: '[100]' });
    const folder = await mkdtemp(join(tmpdir(), 'rollback-'));
    try {
      const until = join(folder, 'done');
      const next = `sha256:${'d'.repeat(64)}`;
      let back: ReturnType<typeof rollback> | undefined;
      const done = await suite.deliver({
        config,
        weights: '[5, 50, 100]',
        recorder: { 'verify-canary 5': { until }, 'build-image ': { digest: next } },
        onEvent(event) {
          if (event.type === 'log' && event.line === 'holding') back ??= rollback().finally(() => writeFile(until, ''));
        },
      });
      expect((await back)?.conclusion).toBe('success');
      expect(done.conclusion).toBe('failure');
      const stages = job(done, 'deliver', 'rollout', 'stage').jobs;
      expect(stages.map((stage) => stage.conclusion)).toEqual(['success', 'failure', 'cancelled', 'cancelled']);
      expect(stages[1]?.annotations.find((a) => a.level === 'error')?.message).toContain('[E_STALE_STAGE]');
      expect(await now()).toEqual(before);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('the reason is one line of text and nothing else', async () => {
    await edit('env/values.yaml', (text) => text.replace('tag: ""', 'tag: "old"'));
    await suite.deliver({ config, weights: '[100]' });
    const before = await commits();
    const forged = await rollback({ reason: 'down\n\nBump-Id: forged' });
    expect(job(forged, 'rollback', 'rollback').annotations.find((a) => a.level === 'error')?.message).toContain(
      'input reason: is not one line',
    );
    expect(await commits()).toEqual(before);
    const reason = 'a $(touch /tmp/x) `id` "; ::error::x %0A {"code": 1}';
    expect((await rollback({ reason })).conclusion).toBe('success');
    expect(await git('log', '-1', '--format=%s', 'main')).toBe(`roll back app: ${reason}\n`);
  });
});
