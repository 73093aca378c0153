/**
 * The suite's workflows on a small forge, ready to deliver. Its own plan and report run from source; the actions that touch an
 * image, a registry or a cluster are recorded: what they are asked, and what follows from their answer.
 */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Forge, startForge } from '../../../lab/forge/server.ts';
import { directoryRepository, type JobRun, leafJobs, type RunOptions, restForge } from '../../../lab/runner/index.ts';
import { systemExec } from '../../../src/runner/index.ts';
import { type Ran, run } from './harness.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
export const DIGEST = `sha256:${'a'.repeat(64)}`;
export const STABLE = `sha256:${'b'.repeat(64)}`;
const COMMIT = 'c'.repeat(40);
const ACTIONS = ['plan-delivery', 'report-delivery', 'build-image', 'bump-helm-tag', 'scan-deps', 'verify-canary'];

/** Prints what it was asked; answers as its real namesake would, or as RECORDER says: `{"verify-canary 10": {…}}`. */
const RECORDER = `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
const { env } = process;
const name = process.argv[1].split('/').at(-2);
const inputs = Object.fromEntries(Object.entries(env).filter(([key]) => key.startsWith('INPUT_')).map(([key, value]) => [key.slice(6).toLowerCase(), value]));
console.log('RECORD ' + name + ' ' + JSON.stringify(inputs));
const detail = { 'verify-canary': inputs['expected-weight'], 'bump-helm-tag': inputs.message }[name] ?? '';
const told = JSON.parse(env.RECORDER || '{}')[name + ' ' + detail] ?? {};
if (told.until) {
  console.log('holding');
  while (!existsSync(told.until)) await new Promise((resolve) => setTimeout(resolve, 50));
}
if (told.wait) {
  console.log('waiting');
  await new Promise((resolve) => { process.once('SIGINT', resolve); setTimeout(resolve, 20000); });
}
const verdict = told.verdict ?? 'pass';
const result = told.result ?? 'committed';
const digest = told.digest ?? '${DIGEST}';
const outputs = {
  'build-image': { image: inputs.image, tag: 't', digest, ref: inputs.image + ':t@' + digest, reused: 'false', revision: env.GITHUB_SHA },
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

/** A values file in the shape of the chart. @param stable digest of the stable version */
export function values(stable: string): string {
  return `# Written by people and by CI.
image:
  repository: r.test/app
  tag: "" # CI
  digest: "${stable}"
  revision: ""
canary:
  image: { repository: "", tag: "", digest: "", revision: "" }
  weight: 0
replicas: 2
`;
}

export interface Delivery {
  weights?: string;
  /** More lines of `with:`. */
  with?: string;
  config?: string;
  image?: string;
  /** Of the registry. */
  password?: string;
  event?: RunOptions['event'];
  ref?: string;
  sha?: string;
  recorder?: Record<
    string,
    { verdict?: string; result?: string; by?: string; wait?: boolean; until?: string; digest?: string }
  >;
  token?: string;
  appKey?: string;
  signal?: AbortSignal;
  onEvent?: RunOptions['onEvent'];
  machineLost?: RunOptions['machineLost'];
  approve?: RunOptions['approve'];
  cancelTimes?: RunOptions['cancelTimes'];
}

export interface Suite extends AsyncDisposable {
  /** Stands in the environment of every process of a run. */
  dir: string;
  forge: Forge;
  /** What git says about a repository of the forge. */
  git(repository: string, ...args: string[]): Promise<string>;
  /** Head of lab/service. */
  sha: string;
  /** Runs the caller of the README, with no Python tests in it, for an event on lab/service. */
  deliver(delivery?: Delivery): Promise<Ran>;
  /** Runs a caller of another workflow of the suite. @param lines of its `with:` */
  call(workflow: 'promote' | 'rollback', lines: Readonly<Record<string, string>>, delivery?: Delivery): Promise<Ran>;
}

/**
 * @param real actions that run; the others are recorded
 * @param from as they run: from source, or as the bundles that are shipped
 */
export async function openSuite(real: readonly string[], from: 'src' | 'dist' = 'src'): Promise<Suite> {
  const dir = await mkdtemp(join(tmpdir(), 'suite-'));
  await symlink(join(ROOT, 'workflows'), join(dir, 'workflows'));
  await symlink(join(ROOT, from), join(dir, from));
  for (const name of ACTIONS) {
    const folder = join(dir, 'actions', name);
    await mkdir(folder, { recursive: true });
    const shipped = await readFile(join(ROOT, 'actions', name, 'action.yml'), 'utf8');
    const text = real.includes(name)
      ? shipped.replace(/dist\/([\w-]+)\/index\.js/, from === 'src' ? 'src/$1/main.ts' : '$&')
      : `name: ${name}\ndescription: recorded\nruns: { using: node24, main: record.mjs }\n`;
    await writeFile(join(folder, 'action.yml'), text);
    if (!real.includes(name)) await writeFile(join(folder, 'record.mjs'), RECORDER);
  }
  const forge = await startForge();
  await forge.createRepository('lab/service', { private: true, files: { 'a.txt': 'a' } });
  await forge.createRepository('lab/config', { private: true, files: { 'env/values.yaml': values(STABLE) } });
  await forge.createRepository('lab/same', { private: true, files: { 'env/values.yaml': values(DIGEST) } });
  const git = async (repository: string, ...args: string[]): Promise<string> => {
    const done = await systemExec('git', [`--git-dir=${forge.repository(repository).path}`, ...args]);
    if (done.code !== 0) throw new Error(done.stderrTail);
    return done.stdout.toString('utf8');
  };
  const sha = (await git('lab/service', 'rev-parse', 'main')).trim();
  return {
    dir,
    forge,
    git,
    sha,
    deliver: (delivery = {}) => run(caller(delivery), options({ dir, forge, sha }, delivery)),
    call: (workflow, lines, delivery = {}) =>
      run(
        callerOf(workflow, lines),
        options({ dir, forge, sha }, { event: { name: 'workflow_dispatch', payload: {} }, ...delivery }),
      ),
    async [Symbol.asyncDispose]() {
      await forge.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function caller(o: Delivery): string {
  return `
on: [push, pull_request, merge_group, schedule, workflow_dispatch]
permissions: {}
jobs:
  deliver:
    uses: org/actions/.github/workflows/deliver.yml@v1
    permissions: { contents: read, packages: write, id-token: write, attestations: write, security-events: write }
    with:
      image: ${o.image ?? 'r.test/app'}
      app: app
      test: none
      weights: "${o.weights ?? '[100]'}"
      prometheus-url: http://127.0.0.1:9
      values-file: env/values.yaml
      config-repository: ${o.config ?? 'lab/config'}
      ${o.with ?? 'environment: production'}
    secrets:
      CONFIG_TOKEN: \${{ secrets.CONFIG_TOKEN }}
      CONFIG_APP_KEY: \${{ secrets.CONFIG_APP_KEY }}
      REGISTRY_USERNAME: robot
      REGISTRY_PASSWORD: \${{ secrets.REGISTRY_PASSWORD }}
`;
}

function callerOf(workflow: string, lines: Readonly<Record<string, string>>): string {
  return `
on: workflow_dispatch
permissions: {}
jobs:
  ${workflow}:
    uses: org/actions/.github/workflows/${workflow}.yml@v1
    permissions: { contents: read }
    with: ${JSON.stringify({ app: 'app', ...lines })}
    secrets: { CONFIG_TOKEN: "\${{ secrets.CONFIG_TOKEN }}" }
`;
}

function options(suite: { dir: string; forge: Forge; sha: string }, o: Delivery): Parameters<typeof run>[1] {
  const { dir, forge } = suite;
  const sha = o.sha ?? suite.sha;
  const payload = { repository: { default_branch: 'main', fork: false }, ...o.event?.payload };
  const writable = ['lab/config', 'lab/same', o.config ?? ''].filter((name) => name !== '');
  const { signal, onEvent, machineLost, approve, cancelTimes } = o;
  const hooks = { signal, onEvent, machineLost, approve, cancelTimes };
  return {
    event: { name: o.event?.name ?? 'push', payload },
    ref: o.ref ?? 'refs/heads/main',
    sha,
    secrets: {
      CONFIG_APP_KEY: o.appKey ?? '',
      REGISTRY_PASSWORD: o.password ?? 'registry-secret',
      CONFIG_TOKEN:
        o.token ?? forge.createToken({ kind: 'app', permissions: { contents: 'write' }, repositories: writable }),
    },
    // The same few files start again and again: compiled once, they start in half the time.
    env: { RECORDER: JSON.stringify(o.recorder ?? {}), NODE_COMPILE_CACHE: join(dir, 'compiled') },
    ...Object.fromEntries(Object.entries(hooks).filter(([, hook]) => hook !== undefined)),
    repositories: { 'org/actions': directoryRepository({ name: 'org/actions', dir, sha, layout: 'source' }) },
    forge: restForge({
      serverUrl: forge.url,
      apiUrl: forge.apiUrl,
      graphqlUrl: forge.graphqlUrl,
      repo: 'lab/service',
      mintToken: async (permissions) => forge.createToken({ kind: 'app', permissions, repositories: ['lab/service'] }),
    }),
  };
}

/** Every question to a recorded action, in order of jobs. */
function recorded(run: Ran): { name: string; inputs: Record<string, string> }[] {
  return leafJobs(run)
    .flatMap((job) => job.steps.flatMap((step) => step.log))
    .filter((line) => line.startsWith('RECORD '))
    .map((line) => {
      const [, name = '', json = ''] = /^RECORD (\S+) (.*)$/.exec(line) ?? [];
      return { name, inputs: JSON.parse(json) as Record<string, string> };
    });
}

export const asked = (done: Ran, name: string): Record<string, string>[] =>
  recorded(done)
    .filter((record) => record.name === name)
    .map((record) => record.inputs);
export const conclusions = (of: Pick<JobRun, 'jobs'>): Record<string, string> =>
  Object.fromEntries(of.jobs.map((one) => [one.id, one.conclusion]));
