/** A canary whose weights an Argo Rollout moves: handed off once, then watched; what Argo CD says of it decides too. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { commitOnBranch } from '../../../lab/forge/commit.ts';
import type { Access } from '../../../lab/forge/tokens.ts';
import { directoryRepository, type JobRun, restForge } from '../../../lab/runner/index.ts';
import { FakeArgo, type RolloutFacts, TOKEN } from '../../verify-canary/support/argocd.ts';
import { job, type Ran, run, step } from './harness.ts';
import { type Arm, type Fault, type Production, RULES, startProduction, type Values } from './production.ts';
import { conclusions, DIGEST, openSuite, STABLE, type Suite } from './suite.ts';

const OLD = `router: rollouts
image: { repository: r.test/app, tag: "old", digest: "${STABLE}", revision: "" }
`;
const AT_10: RolloutFacts = { current: 'bbb', stable: 'aaa', weight: 10, phase: 'Progressing' };

let suite: Suite;
let production: Production;
let revision = '';
let count = 0;
beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag', 'verify-canary'], 'dist');
  production = await startProduction();
  await commitOnBranch(suite.forge.repository('lab/service'), {
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

/** The controller has begun as soon as the new image stands in Git. */
function arms({ image }: Values): Arm[] {
  const track = (name: string, version: string, digest: string, share: number): Arm => ({
    labels: { app: 'app', track: name, app_kubernetes_io_version: version },
    digest,
    share,
  });
  if (image?.digest !== DIGEST) return [track('stable', 'old', STABLE, 100)];
  return [track('stable', 'old', STABLE, 90), track('canary', 'new', DIGEST, 10)];
}

/** Argo CD that has applied the head of the config repository. @param tell what its Rollout says at the n-th look */
class LiveArgo extends FakeArgo {
  #looks = 0;
  readonly #tell: (look: number) => RolloutFacts;

  constructor(tell: (look: number) => RolloutFacts) {
    super();
    this.#tell = tell;
    this.images = [`r.test/app:new@${DIGEST}`, `r.test/app:old@${STABLE}`];
    this.rollout = AT_10;
  }

  at(head: string): void {
    this.revision = head;
    this.history = [head];
    this.operation = { phase: 'Succeeded', syncResult: { revision: head } };
  }

  override answer(...question: Parameters<FakeArgo['answer']>): ReturnType<FakeArgo['answer']> {
    if (question[1].pathname.endsWith('/resource')) {
      this.#looks += 1;
      this.rollout = this.#tell(this.#looks);
    }
    return super.answer(...question);
  }
}

interface Delivered {
  done: Ran;
  after: string;
  subjects: string[];
  argo: LiveArgo;
}

/** The stages alone: what is delivered was built before. */
const caller = (lines: Record<string, string>): string => `
on: workflow_dispatch
permissions: {}
jobs:
  canary:
    uses: org/actions/.github/workflows/canary.yml@v1
    permissions: { contents: read }
    with: ${JSON.stringify(lines)}
    secrets: { CONFIG_TOKEN: "\${{ secrets.CONFIG_TOKEN }}", ARGOCD_TOKEN: "\${{ secrets.ARGOCD_TOKEN }}" }
`;

async function deliver(tell: (look: number) => RolloutFacts, fault: Fault = () => 0): Promise<Delivered> {
  const { forge, dir } = suite;
  count += 1;
  const config = `lab/rollout-${count}`;
  await forge.createRepository(config, { private: true, files: { 'env/values.yaml': OLD } });
  production.deploy(forge.repository(config).path, fault, arms);
  const head = async (): Promise<string> => (await suite.git(config, 'rev-parse', 'main')).trim();
  const argo = new LiveArgo(tell);
  argo.at(await head());
  await using server = await argo.listen();
  const lines = {
    image: 'r.test/app',
    tag: 'new',
    digest: DIGEST,
    revision,
    'source-repository': 'lab/service',
    app: 'app',
    'config-repository': config,
    'values-file': 'env/values.yaml',
    router: 'rollouts',
    'prometheus-url': production.url,
    'argocd-url': server.url,
    'argocd-app': 'shop',
    'argocd-rollout': 'shop',
  };
  let synced: Promise<void> | undefined;
  const { url: serverUrl, apiUrl, graphqlUrl } = forge;
  const mint = (permissions: Readonly<Record<string, Access>>, repositories: string[]): string =>
    forge.createToken({ kind: 'app', permissions, repositories });
  const done = await run(caller(lines), {
    event: 'workflow_dispatch',
    sha: revision,
    secrets: { CONFIG_TOKEN: mint({ contents: 'write' }, [config]), ARGOCD_TOKEN: TOKEN },
    repositories: { 'org/actions': directoryRepository({ name: 'org/actions', dir, sha: revision, layout: 'source' }) },
    forge: restForge({
      serverUrl,
      apiUrl,
      graphqlUrl,
      repo: 'lab/service',
      mintToken: async (permissions) => mint(permissions, ['lab/service']),
    }),
    onEvent: (event) => {
      if (event.type !== 'step-ended' || !event.step.includes('bump-helm-tag')) return;
      synced = head().then((sha) => argo.at(sha));
    },
  });
  await synced;
  const subjects = (await suite.git(config, 'log', '--reverse', '--format=%s', 'main')).trim().split('\n').slice(1);
  return {
    done,
    after: await suite.git(config, 'show', 'main:env/values.yaml'),
    subjects: subjects.map((subject) => subject.replace(/ [0-9a-f]{7,}:/, ':')),
    argo,
  };
}

const verdict = (done: Ran): string => {
  const [cell] = job(done, 'canary', 'stage').jobs;
  const { outputs } = step(cell as JobRun, 'verify');
  return `${outputs.verdict} ${outputs.reason}`;
};
const BACK = ['deliver app: roll', 'revert app: the old stable version again'];

test('through: one commit, and no weight is written by Git', async () => {
  const through: RolloutFacts = { current: 'bbb', stable: 'bbb', phase: 'Healthy' };
  const { done, after, subjects, argo } = await deliver((look) => (look < 4 ? AT_10 : through));
  expect(verdict(done)).toBe('pass healthy');
  expect(done.conclusion).toBe('success');
  expect(subjects).toEqual(['deliver app: roll']);
  expect(load(after)).toMatchObject({ image: { tag: 'new', digest: DIGEST } });
  expect(after).not.toContain('weight');
  expect(argo.asked.every((line) => line.startsWith('GET '))).toBe(true);
});

test('aborted: red, and the old image again', async () => {
  const aborted: RolloutFacts = { ...AT_10, weight: 0, abort: true, phase: 'Degraded', message: 'analysis failed' };
  const { done, after, subjects } = await deliver((look) => (look < 3 ? AT_10 : aborted));
  expect(verdict(done)).toBe('hold degraded');
  expect(done.conclusion).toBe('failure');
  expect(conclusions(job(done, 'canary'))).toMatchObject({ stage: 'failure', revert: 'success' });
  expect(subjects).toEqual(BACK);
  expect(after).toBe(OLD);
  expect(job(done, 'canary').outputs).toMatchObject({ verdict: 'hold', reason: 'degraded' });
});

test('worse at its first weight: red, and the old image again', async () => {
  const { done, after, subjects } = await deliver(
    () => AT_10,
    ({ digest }) => (digest === DIGEST ? 0.3 : 0),
  );
  expect(verdict(done)).toBe('fail worse:errors');
  expect(subjects).toEqual(BACK);
  expect(after).toBe(OLD);
});
