/** Everything the demo stands on: set-up, the lab's parts, the repositories, and a first version that runs. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';
import { ensureHelm } from '../../tools/helm/index.ts';
import { ensurePython, type PythonEnv } from '../../tools/python-env/index.ts';
import { runWithAct } from '../act/run.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { git } from '../forge/git.ts';
import { type Forge, startForge } from '../forge/server.ts';
import { type MetricsHandle, startMetrics } from '../metrics/server.ts';
import { startOsv } from '../osv/server.ts';
import type { RegistryHandle } from '../registry/server.ts';
import {
  directoryRepository,
  gitRepository,
  type Repositories,
  type Run,
  type RunEvent,
  type RunOptions,
  restForge,
  runWorkflow,
} from '../runner/index.ts';
import { ensureAct } from '../setup/act.ts';
import { ensureBaseImage } from '../setup/base-image.ts';
import { type StepLog, step } from '../setup/log.ts';
import { ensureEngine, ensureGit } from '../setup/tools.ts';
import { startTraffic, type Traffic } from '../traffic/load.ts';
import { ADVISORIES } from './advisories.ts';
import { type DemoEvent, runFact } from './events.ts';
import { installFirst } from './first-version.ts';
import type { DemoOptions } from './options.ts';
import { startDemoRegistry } from './registry.ts';
import { ACTIONS, APP, CONFIG, CONFIG_APP, SERVICE, seedRepositories, stablePath, VALUES_FILE } from './seed.ts';

/** The service in production: its first version runs, and people use it. */
export interface Live {
  cluster: Cluster;
  traffic: Traffic;
}

export interface World extends AsyncDisposable {
  forge: Forge;
  registry: RegistryHandle;
  metrics: MetricsHandle;
  python: PythonEnv;
  /** Path of the program. */
  helm: string;
  /** `host/repository` of the service's image. */
  image: string;
  /** Folder that goes with the world. */
  workDir: string;
  /** Starts production; asked twice, it is the same one. Work on the source need not wait for it. */
  goLive(): Promise<Live>;
  /** Bare repositories. */
  paths: { service: string; config: string };
  /** Runs the service's workflow for an event. The forge knows the run then, as GitHub does. */
  run(event: DemoEvent, onEvent: (event: RunEvent) => void, signal: AbortSignal): Promise<Run>;
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
  const closing = new AbortController();
  let live: Promise<Live> | undefined;
  /** The cluster, once there is one: the gate of a pull request has no use for it. */
  let running: Cluster | undefined;
  const close = async (): Promise<void> => {
    closing.abort(new Error('the demo ends'));
    await live?.catch(() => {});
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
    const workDir = await mkdtemp(join(tmpdir(), 'demo-'));
    open.push({ [Symbol.asyncDispose]: () => rm(workDir, { recursive: true, force: true }) });
    const registry = keep(await startDemoRegistry(cacheDir));
    const [helm, python, engine, base, act] = await Promise.all([
      step(log, 'helm', () => ensureHelm(cacheDir)),
      step(log, 'Python of the service', () => ensurePython(cacheDir, log)),
      step(log, 'container builder', () => ensureEngine(log)),
      step(log, 'base image', () => ensureBaseImage({ registryHost: registry.host, cacheDir, log })),
      options.act ? step(log, 'act', () => ensureAct(cacheDir, log)) : undefined,
    ]);
    log.info(`engine ${engine}, Python packages: ${python.install}`);
    const forge = keep(await startForge());
    const osv = keep(await startOsv({ advisories: ADVISORIES }));
    const image = `${registry.host}/${SERVICE}`;
    const buildArgs = base.ref === undefined ? '' : `BASE_IMAGE=${base.ref}\nINSTALL=${base.install}`;
    // The preview gets no requests here, so there is nothing that it could be judged by.
    const evidence = options.strategy !== 'blueGreen';
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
        strategy: options.strategy,
        caller: {
          'prometheus-url': evidence ? metrics.url : '',
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
    const values = async (): Promise<string> =>
      (await git(paths.config, ['show', `main:${VALUES_FILE}`])).toString('utf8');
    const actionsSha = await headOf(root);
    const repositories: Repositories = {
      [SERVICE]: gitRepository({ name: SERVICE, gitDir: paths.service }),
      [ACTIONS]: directoryRepository({ name: ACTIONS, dir: root, sha: actionsSha, layout: 'source' }),
    };
    return {
      forge,
      registry,
      goLive: () => {
        if (live === undefined) {
          live = startProduction();
          // Who waits for it hears of a failure; until then it is nobody's.
          live.catch(() => {});
        }
        return live;
      },
      metrics,
      python,
      helm,
      image,
      workDir,
      paths,
      values,
      run: async (event, onEvent, signal) => {
        const run: RunOptions = {
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
          secrets: { CONFIG_APP_KEY: privateKey, PROMETHEUS_TOKEN: '', ARGOCD_TOKEN: running?.apiToken ?? '' },
          vars: { CONFIG_APP_ID: CONFIG_APP, ARGOCD_URL: running?.apiUrl ?? '' },
          env: { LAB_PYTHON: python.python },
          workDir,
          onEvent,
          signal,
        };
        const ended = await (act === undefined
          ? runWorkflow(run)
          : runWithAct({ ...run, act, suite: { name: ACTIONS, refs: ['v1'] } }));
        forge.recordRun(SERVICE, runFact(ended, run));
        return ended;
      },
      [Symbol.asyncDispose]: close,
    };

    async function startProduction(): Promise<Live> {
      const { signal } = closing;
      const imagePath = stablePath(options.strategy, await values()).join('.');
      await step(log, 'first version', () =>
        installFirst({ root, forge, image, buildArgs, path: paths.service, imagePath, signal }),
      );
      signal.throwIfAborted();
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
      running = cluster;
      targets = () => cluster.metricsTargets();
      await step(log, 'first version is running', () =>
        cluster.waitFor((s) => signal.aborted || (s.sync === 'Synced' && s.health === 'Healthy'), 120),
      );
      signal.throwIfAborted();
      const traffic = keep(
        startTraffic({ url: cluster.gatewayUrl, rps: options.rps, seed: options.seed, maxSeconds: TRAFFIC_SECONDS }),
      );
      return { cluster, traffic };
    }
  }
}

async function headOf(root: string): Promise<string> {
  const result = await systemExec('git', ['rev-parse', 'HEAD'], { cwd: root });
  return result.code === 0 ? result.stdoutTail.trim() : '0'.repeat(40);
}
