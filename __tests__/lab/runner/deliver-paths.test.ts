/**
 * The ways through the suite's workflows, with its own plan and report. The four actions that touch an image, a registry or a
 * cluster are recorded: what they are asked, and what follows from their answer.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Forge, startForge } from '../../../lab/forge/server.ts';
import { directoryRepository, type JobRun, type RunOptions, restForge } from '../../../lab/runner/index.ts';
import { systemExec } from '../../../src/runner/index.ts';
import { job, type Ran, run } from './harness.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const DIGEST = `sha256:${'a'.repeat(64)}`;
const STABLE = `sha256:${'b'.repeat(64)}`;
const COMMIT = 'c'.repeat(40);

/** Prints what it was asked; answers as its real namesake would, or as RECORDER says: `{"verify-canary 10": {…}}`. */
const RECORDER = `
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
const { env } = process;
const name = process.argv[1].split('/').at(-2);
const inputs = Object.fromEntries(Object.entries(env).filter(([key]) => key.startsWith('INPUT_')).map(([key, value]) => [key.slice(6).toLowerCase(), value]));
console.log('RECORD ' + name + ' ' + JSON.stringify(inputs));
const detail = { 'verify-canary': inputs['expected-weight'], 'bump-helm-tag': inputs.message }[name] ?? '';
const told = JSON.parse(env.RECORDER || '{}')[name + ' ' + detail] ?? {};
if (told.wait) {
  console.log('waiting');
  await new Promise((resolve) => { process.once('SIGINT', resolve); setTimeout(resolve, 20000); });
}
const verdict = told.verdict ?? 'pass';
const result = told.result ?? 'committed';
const outputs = {
  'build-image': { image: inputs.image, tag: 't', digest: '${DIGEST}', ref: inputs.image + ':t@${DIGEST}', reused: 'false', revision: env.GITHUB_SHA },
  'bump-helm-tag': { result, 'commit-sha': '${COMMIT}', json: JSON.stringify({ result, 'commit-sha': '${COMMIT}', 'superseded-by': told.by ?? '' }) },
  'verify-canary': { verdict, reason: verdict === 'pass' ? 'healthy' : 'errors' },
  'scan-deps': { findings: '0' },
}[name];
if (name === 'verify-canary') {
  mkdirSync(inputs['report-dir'], { recursive: true });
  writeFileSync(inputs['report-dir'] + '/trace.jsonl', '{}\\n');
}
for (const [key, value] of Object.entries(outputs)) appendFileSync(env.GITHUB_OUTPUT, key + '=' + value + '\\n');
if (verdict !== 'pass' || told.wait) process.exitCode = 1;
`;

let suite = '';
let forge: Forge;
let sha = '';

beforeAll(async () => {
  suite = await mkdtemp(join(tmpdir(), 'suite-'));
  await symlink(join(ROOT, 'workflows'), join(suite, 'workflows'));
  await symlink(join(ROOT, 'src'), join(suite, 'src'));
  for (const name of ['plan-delivery', 'report-delivery']) {
    const text = await readFile(join(ROOT, 'actions', name, 'action.yml'), 'utf8');
    await mkdir(join(suite, 'actions', name), { recursive: true });
    await writeFile(
      join(suite, 'actions', name, 'action.yml'),
      text.replace(/dist\/([\w-]+)\/index\.js/, 'src/$1/main.ts'),
    );
  }
  for (const name of ['build-image', 'bump-helm-tag', 'scan-deps', 'verify-canary']) {
    await mkdir(join(suite, 'actions', name), { recursive: true });
    await writeFile(join(suite, 'actions', name, 'record.mjs'), RECORDER);
    await writeFile(
      join(suite, 'actions', name, 'action.yml'),
      `name: ${name}\ndescription: recorded\nruns: { using: node24, main: record.mjs }\n`,
    );
  }
  forge = await startForge();
  await forge.createRepository('lab/service', { private: true, files: { 'a.txt': 'a' } });
  await forge.createRepository('lab/config', { private: true, files: { 'env/values.yaml': values(STABLE) } });
  await forge.createRepository('lab/same', { private: true, files: { 'env/values.yaml': values(DIGEST) } });
  const head = await systemExec('git', [`--git-dir=${forge.repository('lab/service').path}`, 'rev-parse', 'main']);
  sha = head.stdout.toString('utf8').trim();
});
afterAll(async () => {
  await forge.close();
  await rm(suite, { recursive: true, force: true });
});

function values(stable: string): string {
  const image = (digest: string): string => `repository: r.test/app, tag: "", digest: "${digest}", revision: ""`;
  return `image: { ${image(stable)} }\ncanary: { image: { ${image('')} }, weight: 0 }\n`;
}

interface Delivery {
  weights?: string;
  with?: string;
  event?: RunOptions['event'];
  ref?: string;
  recorder?: Record<string, { verdict?: string; result?: string; by?: string; wait?: boolean }>;
  token?: string;
  appKey?: string;
  signal?: AbortSignal;
  onEvent?: RunOptions['onEvent'];
  machineLost?: RunOptions['machineLost'];
  approve?: RunOptions['approve'];
}

/** Runs the caller of the README, with no Python tests in it, for an event on lab/service. */
function deliver(o: Delivery = {}): Promise<Ran> {
  const payload = { repository: { default_branch: 'main', fork: false }, ...o.event?.payload };
  const text = `
on: [push, pull_request, merge_group, schedule, workflow_dispatch]
permissions: {}
jobs:
  deliver:
    uses: org/actions/.github/workflows/deliver.yml@v1
    permissions: { contents: read, packages: write, id-token: write, attestations: write, security-events: write }
    with:
      image: r.test/app
      app: app
      test: none
      weights: "${o.weights ?? '[5, 100]'}"
      prometheus-url: http://127.0.0.1:9
      values-file: env/values.yaml
      ${o.with ?? 'config-repository: lab/config'}
    secrets: { CONFIG_TOKEN: "\${{ secrets.CONFIG_TOKEN }}", CONFIG_APP_KEY: "\${{ secrets.CONFIG_APP_KEY }}" }
`;
  return run(text, {
    event: { name: o.event?.name ?? 'push', payload },
    ref: o.ref ?? 'refs/heads/main',
    sha,
    secrets: {
      CONFIG_APP_KEY: o.appKey ?? '',
      CONFIG_TOKEN:
        o.token ??
        forge.createToken({
          kind: 'app',
          permissions: { contents: 'write' },
          repositories: ['lab/config', 'lab/same'],
        }),
    },
    // The same few files start again and again: compiled once, they start in half the time.
    env: { RECORDER: JSON.stringify(o.recorder ?? {}), NODE_COMPILE_CACHE: join(suite, 'compiled') },
    ...(o.signal !== undefined && { signal: o.signal }),
    ...(o.onEvent !== undefined && { onEvent: o.onEvent }),
    ...(o.approve !== undefined && { approve: o.approve }),
    ...(o.machineLost !== undefined && { machineLost: o.machineLost }),
    repositories: { 'org/actions': directoryRepository({ name: 'org/actions', dir: suite, sha, layout: 'source' }) },
    forge: restForge({
      serverUrl: forge.url,
      apiUrl: forge.apiUrl,
      graphqlUrl: forge.graphqlUrl,
      repo: 'lab/service',
      mintToken: async (permissions) => forge.createToken({ kind: 'app', permissions, repositories: ['lab/service'] }),
    }),
  });
}

/** Every question to a recorded action, in order of jobs. */
function recorded(jobs: readonly JobRun[]): { name: string; inputs: Record<string, string> }[] {
  return jobs.flatMap((one) => [
    ...one.steps.flatMap((step) =>
      step.log
        .filter((line) => line.startsWith('RECORD '))
        .map((line) => {
          const [, name = '', json = ''] = /^RECORD (\S+) (.*)$/.exec(line) ?? [];
          return { name, inputs: JSON.parse(json) as Record<string, string> };
        }),
    ),
    ...recorded(one.jobs),
  ]);
}

const asked = (done: Ran, name: string): Record<string, string>[] =>
  recorded(done.jobs)
    .filter((record) => record.name === name)
    .map((record) => record.inputs);
const conclusions = (of: Pick<JobRun, 'jobs'>): Record<string, string> =>
  Object.fromEntries(of.jobs.map((one) => [one.id, one.conclusion]));
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
      { with: 'config-repository: lab/config\n      deliver-branch: release' },
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
    expect(asked(done, 'verify-canary').map((inputs) => inputs['expected-weight'])).toEqual(['5', '10']);
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
    expect(done.artifacts.map((artifact) => artifact.name)).toEqual(['canary-0', 'canary-1']);
    expect(done.conclusion).toBe('failure');
  });
  test('trap 9: cancelled while it verifies: trace kept, one revert, run cancelled', async () => {
    const cancel = new AbortController();
    const done = await deliver({
      recorder: { 'verify-canary 5': { wait: true } },
      signal: cancel.signal,
      onEvent: (event) => {
        if (event.type === 'log' && event.line === 'waiting') cancel.abort();
      },
    });
    expect(done.artifacts.map((artifact) => artifact.name)).toEqual(['canary-0']);
    expect(conclusions(job(done, 'deliver', 'rollout'))).toMatchObject({ stage: 'cancelled', revert: 'success' });
    const messages = asked(done, 'bump-helm-tag').map((inputs) => inputs.message ?? '');
    expect(messages.filter((message) => message.includes('did not pass'))).toHaveLength(1);
    expect(done.conclusion).toBe('cancelled');
  });
  test('trap 10: the machine of a stage is lost: reverted all the same', async () => {
    const lost = new AbortController();
    const done = await deliver({
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
      with: 'config-repository: lab/config\n      config-app-id: 7',
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
    const done = await deliver({ with: 'config-repository: lab/same' });
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
    const done = await deliver({ recorder });
    expect(asked(done, 'verify-canary')).toEqual([]);
    expect(conclusions(job(done, 'deliver', 'rollout')).revert).toBe('skipped');
  });
  test.each([true, false])('approval is asked once a delivery; answer %p', async (answer) => {
    const questions: string[] = [];
    const done = await deliver({
      with: 'config-repository: lab/config\n      approval-environment: prod-approval',
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
