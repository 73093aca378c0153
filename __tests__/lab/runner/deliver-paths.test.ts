/** The ways through the suite's workflows, with every action recorded but its own plan and report. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Forge } from '../../../lab/forge/server.ts';
import { job, type Ran } from './harness.ts';
import { asked, conclusions, type Delivery, DIGEST, openSuite, type Suite } from './suite.ts';

let suite: Suite;
let forge: Forge;
const deliver = (delivery?: Delivery): Promise<Ran> => suite.deliver(delivery);
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery']);
  ({ forge } = suite);
});
afterAll(async () => {
  await suite[Symbol.asyncDispose]();
});

const kept = (done: Ran): string[] => done.artifacts.map((artifact) => artifact.name);
const pull = (from: string) => ({
  name: 'pull_request',
  payload: {
    pull_request: {
      head: { sha: 'e'.repeat(40), ref: 'f', repo: { full_name: from } },
      base: { ref: 'main' },
    },
  },
});

describe('what an event leads to', () => {
  test.each<[string, Delivery, { push: string; attested: boolean; rollout: string }]>([
    ['push on the deliver branch', {}, { push: 'true', attested: true, rollout: 'success' }],
    [
      'workflow_dispatch on the deliver branch',
      { event: { name: 'workflow_dispatch', payload: {} } },
      { push: 'true', attested: true, rollout: 'success' },
    ],
    ['push on another branch', { ref: 'refs/heads/f' }, { push: 'false', attested: false, rollout: 'skipped' }],
    ['push of a tag', { ref: 'refs/tags/main' }, { push: 'false', attested: false, rollout: 'skipped' }],
    [
      'pull request of the same repository',
      { event: pull('lab/service'), ref: 'refs/pull/1/merge' },
      { push: 'false', attested: false, rollout: 'skipped' },
    ],
    [
      'trap 17: pull request from a fork',
      { event: pull('stranger/service'), ref: 'refs/pull/1/merge' },
      { push: 'false', attested: false, rollout: 'skipped' },
    ],
    [
      'trap 18: merge group',
      {
        event: { name: 'merge_group', payload: { merge_group: { base_sha: 'b' } } },
        ref: 'refs/heads/gh-readonly-queue/main/x',
      },
      { push: 'false', attested: false, rollout: 'skipped' },
    ],
    ['schedule', { event: { name: 'schedule', payload: {} } }, { push: 'false', attested: false, rollout: 'skipped' }],
    [
      'push on main when another branch delivers',
      { with: 'deliver-branch: release' },
      { push: 'false', attested: false, rollout: 'skipped' },
    ],
  ])('%s', async (_, delivery, expected) => {
    const before = forge.repository('lab/service').attestations.length;
    const done = await deliver(delivery);
    expect(done.errors).toEqual([]);
    const { build, gate, rollout } = conclusions(job(done, 'deliver'));
    expect({ build, gate, rollout }).toEqual({ build: 'success', gate: 'success', rollout: expected.rollout });
    expect(asked(done, 'build-image').map((inputs) => inputs.push)).toEqual([expected.push]);
    expect(forge.repository('lab/service').attestations.length - before).toBe(expected.attested ? 1 : 0);
    expect(done.conclusion).toBe('success');
    expect(forge.unknownRoutes()).toEqual([]);
  });
});

describe('a delivery', () => {
  test('trap 2: with test: none every stage hands off and is verified in order; outputs come out at the top', async () => {
    const done = await deliver({ weights: '[5, 10, 100]' });
    const stage = job(done, 'deliver', 'rollout', 'stage');
    expect(stage.jobs.map((cell) => cell.conclusion)).toEqual(stage.jobs.map(() => 'success'));
    expect(asked(done, 'verify-canary').map((inputs) => inputs['expected-weight'])).toEqual(['5', '10', '100', '100']);
    expect(asked(done, 'bump-helm-tag').map((inputs) => inputs.trailers)).toEqual(
      stage.jobs.map(() => `Delivery-Id: lab/service/${done.id}`),
    );
    const [, second] = asked(done, 'verify-canary');
    expect(second?.history).toMatch(/history\/trace\.jsonl$/);
    expect(job(done, 'deliver').outputs).toMatchObject({
      digest: DIGEST,
      verdict: 'pass',
      'delivery-id': `lab/service/${done.id}`,
    });
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({
      plan: 'success',
      revert: 'skipped',
      result: 'success',
    });
  });
  test.each([
    ['the registry of the secrets', {}, 'r.test'],
    ['Docker Hub', { image: 'docker.io/org/app' }, 'https://index.docker.io/v1/'],
    ['ghcr.io, which takes the token of the job', { image: 'ghcr.io/org/app', password: '' }, 'ghcr.io'],
  ])('attest finds the login of %s, in a home of its own', async (_name, over, host) => {
    const done = await deliver({ ...over });
    const build = job(done, 'deliver', 'build');
    const logs = build.steps.flatMap(({ log }) => log);
    expect(logs).toContain(`lab: login for ${host} found`);
    expect(logs.join('\n')).not.toContain('registry-secret');
    expect(done.conclusion).toBe('success');
  });
  test('no login for the registry: attest is red, and nothing is handed off', async () => {
    const done = await deliver({ password: '' });
    expect(job(done, 'deliver', 'build').conclusion).toBe('failure');
    expect(job(done, 'deliver', 'rollout').conclusion).toBe('skipped');
  });
  test('trap 8: a red weight cancels the later ones and reverts once; the gate stays green, the run is red', async () => {
    const done = await deliver({ weights: '[5, 10, 100]', recorder: { 'verify-canary 10': { verdict: 'fail' } } });
    const [first, second, ...later] = job(done, 'deliver', 'rollout', 'stage').jobs.map((cell) => cell.conclusion);
    expect([first, second, new Set(later)]).toEqual(['success', 'failure', new Set(['cancelled'])]);
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({ revert: 'success', result: 'failure' });
    expect(job(done, 'deliver', 'gate').conclusion).toBe('success');
    const messages = asked(done, 'bump-helm-tag').map((inputs) => inputs.message ?? '');
    expect(messages.filter((message) => message.startsWith('deliver '))).toHaveLength(2);
    expect(messages.filter((message) => message.includes('did not pass'))).toHaveLength(1);
    // The trace of the red weight is kept for its judge's successor and for the report.
    expect(kept(done)).toEqual([expect.stringMatching(/^canary-app-[0-9a-f]{8}-0$/), expect.stringMatching(/-1$/)]);
    expect(done.conclusion).toBe('failure');
  });
  test('trap 9: cancelled while it verifies: trace kept, one revert, run cancelled', async () => {
    const cancel = new AbortController();
    const done = await deliver({
      weights: '[5, 100]',
      recorder: { 'verify-canary 5': { wait: true } },
      signal: cancel.signal,
      onEvent: (event) => {
        if (event.type === 'log' && event.line === 'waiting') cancel.abort();
      },
    });
    expect(kept(done)).toEqual([expect.stringMatching(/^canary-app-[0-9a-f]{8}-0$/)]);
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({ stage: 'cancelled', revert: 'success' });
    const messages = asked(done, 'bump-helm-tag').map((inputs) => inputs.message ?? '');
    expect(messages.filter((message) => message.includes('did not pass'))).toHaveLength(1);
    expect(done.conclusion).toBe('cancelled');
  });
  test('trap 10: the machine of a stage is lost: reverted all the same', async () => {
    const lost = new AbortController();
    const done = await deliver({
      weights: '[5, 100]',
      recorder: { 'verify-canary 5': { wait: true } },
      machineLost: (name) => (name.includes('stage') ? lost.signal : undefined),
      onEvent: (event) => {
        if (event.type === 'log' && event.line === 'waiting') lost.abort();
      },
    });
    expect(done.artifacts).toEqual([]);
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({
      stage: 'failure',
      revert: 'success',
      result: 'failure',
    });
  });
  test('trap 15: a needed secret that is empty is red in plan, before any commit', async () => {
    const done = await deliver({ token: '' });
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({
      plan: 'failure',
      stage: 'skipped',
      revert: 'skipped',
    });
    expect(asked(done, 'bump-helm-tag')).toEqual([]);
    expect(job(done, 'deliver', 'rollout', 'plan').annotations.find((a) => a.level === 'error')?.message).toMatch(
      /CONFIG_TOKEN.*\[E_PLAN_SECRET\]/,
    );
  });
  test('with an App each job buys its own short-lived token, reading in plan and writing in the stages', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    forge.registerApp({ id: '7', key: privateKey, permissions: { contents: 'write' }, repositories: ['lab/config'] });
    forge.clearRequests();
    const done = await deliver({
      with: 'config-app-id: 7',
      token: '',
      appKey: privateKey,
    });
    expect(done.conclusion).toBe('success');
    const bought = forge.requests().filter((request) => request.path.endsWith('/access_tokens'));
    const stages = job(done, 'deliver', 'rollout', 'stage').jobs.length;
    expect(bought.map((request) => request.status)).toEqual(Array(1 + stages).fill(201));
    expect(forge.requests().filter((request) => request.method === 'DELETE')).toHaveLength(1 + stages);
    expect(JSON.stringify(done)).not.toMatch(/PRIVATE KEY/);
  });
  test('trap 41: the digest is stable already: no stage, no commit, green', async () => {
    const done = await deliver({ config: 'lab/same' });
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({
      plan: 'success',
      stage: 'skipped',
      revert: 'skipped',
      result: 'success',
    });
    expect(asked(done, 'bump-helm-tag')).toEqual([]);
    expect(done.conclusion).toBe('success');
  });
  test('trap 12: values that are not its own, and nobody newer: red with E_STALE_STAGE, reverted', async () => {
    const done = await deliver({
      weights: '[5, 10, 100]',
      recorder: { 'bump-helm-tag deliver app {short-revision}: 10%': { result: 'superseded' } },
    });
    const [, second] = job(done, 'deliver', 'rollout', 'stage').jobs;
    expect(second?.annotations.find((a) => a.level === 'error')?.message).toMatch(/\[E_STALE_STAGE\]/);
    expect(asked(done, 'verify-canary')).toHaveLength(1);
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({ revert: 'success', result: 'failure' });
  });
  test('superseded by a newer build: nothing is verified, nothing reverted, green', async () => {
    const names = ['5%', '10%', '100%', 'finish'];
    const recorder = Object.fromEntries(
      names.map((name) => [
        `bump-helm-tag deliver app {short-revision}: ${name}`,
        { result: 'superseded', by: 'd'.repeat(40) },
      ]),
    );
    const done = await deliver({ weights: '[5, 100]', recorder });
    expect(asked(done, 'verify-canary')).toEqual([]);
    expect(conclusions(job(done, 'deliver', 'rollout')).revert).toBe('skipped');
  });
  test.each([true, false])('approval is asked once a delivery; answer %p', async (answer) => {
    const questions: string[] = [];
    const done = await deliver({
      with: 'approval-environment: prod-approval',
      approve: async ({ environment }) => {
        questions.push(environment);
        return answer || environment !== 'prod-approval';
      },
    });
    expect(questions.filter((environment) => environment === 'prod-approval')).toHaveLength(1);
    expect(job(done, 'deliver', 'rollout', 'approve').conclusion).toBe(answer ? 'success' : 'failure');
    expect(job(done, 'deliver', 'rollout').conclusion).toBe(answer ? 'success' : 'failure');
    expect(asked(done, 'bump-helm-tag').length > 0).toBe(answer);
  });
});
