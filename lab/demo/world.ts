/** Everything the demo stands on: set-up, the lab's parts, the repositories, and a first version that runs. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActionError, systemExec } from '../../src/runner/index.ts';
import { ensureHelm } from '../../tools/helm/index.ts';
import { ensurePython, type PythonEnv } from '../../tools/python-env/index.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { git } from '../forge/git.ts';
import { type Forge, startForge } from '../forge/server.ts';
import { type MetricsHandle, startMetrics } from '../metrics/server.ts';
import { startOsv } from '../osv/server.ts';
import { type RegistryHandle, startRegistry } from '../registry/server.ts';
import {
  directoryRepository,
  gitRepository,
  type Repositories,
  type Run,
  type RunEvent,
  restForge,
  runWorkflow,
} from '../runner/index.ts';
import { ensureBaseImage } from '../setup/base-image.ts';
import { type StepLog, step } from '../setup/log.ts';
import { ensureEngine, ensureGit } from '../setup/tools.ts';
import { startTraffic, type Traffic } from '../traffic/load.ts';
import { ADVISORIES } from './advisories.ts';
import type { DemoOptions } from './options.ts';
import { ACTIONS, APP, CONFIG, SERVICE, seedRepositories, VALUES_FILE } from './seed.ts';

/** The App that the ruleset of the config repository names in `bypass_actors`: nobody else writes there. */
const CONFIG_APP = '1';

export interface World extends AsyncDisposable {
  forge: Forge;
  registry: RegistryHandle;
  cluster: Cluster;
  metrics: MetricsHandle;
  traffic: Traffic;
  python: PythonEnv;
  /** Bare repositories. */
  paths: { service: string; config: string };
  /** Runs the service's workflow for an event. */
  run(
    event: { name: string; payload: Readonly<Record<string, unknown>>; ref: string; sha: string },
    onEvent: (event: RunEvent) => void,
    signal: AbortSignal,
  ): Promise<Run>;
  /** Text of the values file at the head of the config branch. */
  values(): Promise<string>;
}

const TRAFFIC_SECONDS = 900;

export async function startWorld(root: string, options: DemoOptions, log: StepLog): Promise<World> {
  const cacheDir = join(root, '.lab');
  await mkdir(cacheDir, { recursive: true });
  const open: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(part: T): T => {
    open.push(part);
    return part;
  };
  const close = async (): Promise<void> => {
    for (const part of open.reverse()) await part[Symbol.asyncDispose]();
  };
  try {
    return await build();
  } catch (error) {
    await close();
    throw error;
  }

  async function build(): Promise<World> {
    await ensureGit();
    const registry = keep(await startRegistry());
    const [helm, python, engine, base] = await Promise.all([
      step(log, 'helm', () => ensureHelm(cacheDir)),
      step(log, 'Python of the service', () => ensurePython(cacheDir, log)),
      step(log, 'container builder', () => ensureEngine(log)),
      step(log, 'base image', () => ensureBaseImage({ registryHost: registry.host, cacheDir, log })),
    ]);
    log.info(`engine ${engine}, Python packages: ${python.install}`);
    const forge = keep(await startForge());
    const osv = keep(await startOsv({ advisories: ADVISORIES }));
    const image = `${registry.host}/${SERVICE}`;
    const buildArgs = base.ref === undefined ? '' : `BASE_IMAGE=${base.ref}\nINSTALL=${base.install}`;
    // The scraper needs pods, the pods need an image, the image needs the repositories, and those name the scraper.
    let targets: Cluster['metricsTargets'] = () => [];
    const metrics = keep(await startMetrics({ targets: () => targets(), intervalMs: 1000 }));
    const admin = forge.createToken({ kind: 'admin', permissions: {} });
    const paths = await step(log, 'repositories', () =>
      seedRepositories({
        root,
        forge,
        image,
        admin,
        caller: {
          'prometheus-url': metrics.url,
          strategy: options.strategy,
          weights: JSON.stringify(options.weights),
          'build-args': buildArgs,
          // The set-up has installed them; a network is not asked again.
          'python-install': 'preinstalled',
          'python-osv-url': osv.url,
        },
      }),
    );
    const app = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const privateKey = app.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    forge.registerApp({
      id: CONFIG_APP,
      key: app.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      permissions: { contents: 'write' },
      repositories: [CONFIG],
    });
    await step(log, 'first version', () => installFirst({ root, forge, image, buildArgs, path: paths.service }));
    const cluster = keep(
      await startCluster({
        application: {
          name: `${APP}-production`,
          repoUrl: `${forge.url}/${CONFIG}.git`,
          token: forge.createToken({ permissions: { contents: 'read' }, repositories: [CONFIG], login: 'argocd' }),
          branch: 'main',
          path: '.',
          valueFiles: [VALUES_FILE],
          releaseName: APP,
        },
        helm,
        imagesDir: join(cacheDir, 'images'),
        mode: 'chroot',
        seed: options.seed,
      }),
    );
    targets = () => cluster.metricsTargets();
    await step(log, 'first version is running', () =>
      cluster.waitFor((s) => s.sync === 'Synced' && s.health === 'Healthy', 60),
    );
    const traffic = keep(
      startTraffic({ url: cluster.gatewayUrl, rps: options.rps, seed: options.seed, maxSeconds: TRAFFIC_SECONDS }),
    );

    const actionsSha = await headOf(root);
    const repositories: Repositories = {
      [SERVICE]: gitRepository({ name: SERVICE, gitDir: paths.service }),
      [ACTIONS]: directoryRepository({ name: ACTIONS, dir: root, sha: actionsSha, layout: 'source' }),
    };
    return {
      forge,
      registry,
      cluster,
      metrics,
      traffic,
      python,
      paths,
      values: async () => (await git(paths.config, ['show', `main:${VALUES_FILE}`])).toString('utf8'),
      run: (event, onEvent, signal) =>
        runWorkflow({
          repo: SERVICE,
          file: '.github/workflows/deliver.yml',
          event: { name: event.name, payload: event.payload },
          ref: event.ref,
          sha: event.sha,
          repositories,
          forge: restForge({
            serverUrl: forge.url,
            apiUrl: forge.apiUrl,
            graphqlUrl: forge.graphqlUrl,
            repo: SERVICE,
            mintToken: async (permissions) =>
              forge.createToken({ kind: 'app', permissions, repositories: [SERVICE], login: 'github-actions[bot]' }),
          }),
          secrets: { CONFIG_APP_KEY: privateKey, PROMETHEUS_TOKEN: '' },
          vars: { CONFIG_APP_ID: CONFIG_APP },
          env: { LAB_PYTHON: python.python },
          onEvent,
          signal,
        }),
      [Symbol.asyncDispose]: close,
    };
  }
}

async function headOf(root: string): Promise<string> {
  const result = await systemExec('git', ['rev-parse', 'HEAD'], { cwd: root });
  return result.code === 0 ? result.stdoutTail.trim() : '0'.repeat(40);
}

/** What an earlier delivery would have left behind: an image in the registry and its handoff, by the bundles themselves. */
async function installFirst(o: {
  root: string;
  forge: Forge;
  image: string;
  buildArgs: string;
  path: string;
}): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'first-'));
  try {
    const cloned = await systemExec('git', ['clone', '--quiet', o.path, join(dir, 'work')], { timeout: 60 });
    if (cloned.code !== 0) throw new Error(`git clone: ${cloned.stderrTail}`);
    const token = o.forge.createToken({ kind: 'app', appId: Number(CONFIG_APP), permissions: { contents: 'write' } });
    const revision = (await git(o.path, ['rev-parse', 'main'])).toString('utf8').trim();
    const env = {
      GITHUB_REPOSITORY: SERVICE,
      GITHUB_SHA: revision,
      GITHUB_REF: 'refs/heads/main',
      GITHUB_SERVER_URL: o.forge.url,
      GITHUB_API_URL: o.forge.apiUrl,
      GITHUB_EVENT_NAME: 'push',
    };
    const built = await runBundle(
      o.root,
      dir,
      'build-image',
      { image: o.image, push: 'true', 'build-args': o.buildArgs },
      env,
    );
    await runBundle(
      o.root,
      dir,
      'bump-helm-tag',
      {
        'config-repository': CONFIG,
        token,
        'source-token': token,
        image: o.image,
        tag: built.tag ?? '',
        digest: built.digest ?? '',
        file: VALUES_FILE,
      },
      env,
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runBundle(
  root: string,
  dir: string,
  name: string,
  inputs: Record<string, string>,
  env: Record<string, string>,
): Promise<Record<string, string>> {
  const output = join(dir, `${name}.json`);
  const result = await systemExec(process.execPath, [join(root, 'dist', name, 'index.js')], {
    cwd: join(dir, 'work'),
    env: {
      PATH: process.env.PATH,
      HOME: dir,
      RUNNER_TEMP: dir,
      GITHUB_WORKSPACE: join(dir, 'work'),
      GITHUB_OUTPUT: output,
      ...env,
      ...Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
    },
    timeout: 300,
  });
  if (result.code !== 0) {
    throw new ActionError('E_LAB_FIRST_VERSION', {
      what: `first version (${name})`,
      why: result.stdoutTail.trim().split('\n').slice(-8).join('\n'),
      fix: 'See the message of the action above',
    });
  }
  return readOutputs(output);
}

async function readOutputs(path: string): Promise<Record<string, string>> {
  const outputs: Record<string, string> = {};
  for (const [, name = '', , value = ''] of (await readFile(path, 'utf8')).matchAll(
    /^([\w-]+)<<(\S+)\n([\s\S]*?)\n\2$/gm,
  ))
    outputs[name] = value;
  return outputs;
}
