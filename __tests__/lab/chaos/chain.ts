/**
 * The calls of a delivery, one after the other as canary.yml makes them, without the workflow around: plan, handoff of each
 * stage, and the two ways back. The programs are the real ones in this process, with a clock that does not wait.
 */

import { git } from '../../../lab/forge/git.ts';
import { parseBlocks } from '../../../src/bump-helm-tag/trailers.ts';
import { openHttp } from '../../../src/http/index.ts';
import { parsePlanInputs } from '../../../src/plan-delivery/inputs.ts';
import { run as plan } from '../../../src/plan-delivery/run.ts';
import { readValuesFile } from '../../../src/plan-delivery/values-file.ts';
import { checkStale, recordStage } from '../../../src/report-delivery/stage.ts';
import { Deadline, describeError, fakeClock, memoryLog } from '../../../src/runner/index.ts';
import { drive } from '../../bump-helm-tag/drive.ts';
import { startWorld, type World } from '../../bump-helm-tag/world.ts';
import { commitFiles } from '../../support/commit.ts';

const FILE = 'env/v.yaml';
const OLD = `sha256:${'1'.repeat(64)}`;
const STABLE = `sha256:${'2'.repeat(64)}`;
const NEW = `sha256:${'3'.repeat(64)}`;

const valuesOf = (digest: string, revision: string): string => `# CI owns image.* and canary.*
image:
  repository: ghcr.io/org/app
  tag: "was" # keep
  digest: "${digest}"
  revision: "${revision}"
canary:
  weight: 0
  image: { repository: "", tag: "", digest: "", revision: "" }
replicas: 2
`;

export interface Bench extends AsyncDisposable {
  world: World;
  transport: 'github' | 'git';
  /** The values file before each delivery. */
  before: string;
  /** No fault, no request seen; the branch at that commit. @param head default: as it was before each delivery */
  reset(head?: string): Promise<void>;
}

/** A config repository with two versions in its past, so that an old replica has something else to tell. */
export async function openBench(transport: Bench['transport'] = 'github'): Promise<Bench> {
  const world = await startWorld({ [FILE]: valuesOf(OLD, '') });
  const before = valuesOf(STABLE, world.revisions.a);
  const start = await commitFiles(world.forge, 'org/cfg', { [FILE]: before }, 'the version before');
  return {
    world,
    before,
    transport,
    async reset(head = start) {
      world.forge.faults.clear();
      await git(world.path, ['update-ref', 'refs/heads/main', head]);
      world.forge.clearRequests();
    },
    [Symbol.asyncDispose]: () => world.close(),
  };
}

export interface Plan {
  stages: { updates: unknown; name: string; index: number; weight: number; final: boolean }[];
  revert: unknown;
  revertFinished: unknown;
}

/** What a job ends with: '' is green. */
export type Code = string;

/** @returns the plan, or the code it is refused with */
export async function planned({ world }: Bench): Promise<Plan | Code> {
  const inputs = {
    strategy: 'canary',
    weights: '[5, 100]',
    image: 'ghcr.io/org/app',
    tag: 'new',
    digest: NEW,
    'config-repository': 'org/cfg',
    'values-file': FILE,
    token: world.token,
    'prometheus-url': 'http://127.0.0.1:9',
    environment: 'production',
  };
  const parsed = parsePlanInputs({
    GITHUB_API_URL: world.forge.apiUrl,
    ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  });
  const clock = fakeClock();
  const http = openHttp();
  using deadline = new Deadline(parsed.timeout, clock);
  try {
    const { outputs } = await plan(parsed, {
      log: memoryLog(),
      read: ({ apiUrl, repository, branch, file, token }) =>
        readValuesFile({ apiUrl, repository, branch, path: file, token }, { http, clock, random: () => 0.5, deadline }),
      history: async () => [],
      live: async () => {
        throw new Error('a delivery does not ask Argo CD');
      },
    });
    const json = (name: string): unknown => JSON.parse(String(outputs[name]));
    return {
      stages: json('stages') as Plan['stages'],
      revert: json('revert'),
      revertFinished: json('revert-finished'),
    };
  } catch (error) {
    return describeError('plan-delivery', error).code;
  } finally {
    await http.close();
  }
}

async function handOff(bench: Bench, updates: unknown, back: boolean): Promise<{ code: Code; json: string }> {
  const { world, transport } = bench;
  const done = await drive(
    world,
    {
      transport,
      updates: JSON.stringify(updates),
      'source-repository': 'org/app',
      'source-revision': world.revisions.c,
      message: back ? 'revert app {short-revision}' : 'deliver app {short-revision}',
      trailers: 'Delivery-Id: org/app/7',
      ...(back ? { 'order-guard': 'off', deadline: '15m' } : {}),
    },
    { clock: fakeClock() },
  );
  const code = done.code === 0 ? '' : (/^::error title=(E_\w+)/m.exec(done.log)?.[1] ?? 'E_?');
  return { code, json: done.outputs.json ?? '' };
}

/** One job `stage`: the handoff, then the look whether somebody else has changed the values. */
export async function stage(bench: Bench, one: Plan['stages'][number]): Promise<Code> {
  const { code, json } = await handOff(bench, one.updates, false);
  if (code !== '') return code;
  try {
    checkStale(recordStage(JSON.stringify(one), json), bench.world.revisions.c);
    return '';
  } catch (error) {
    return describeError('report-delivery', error).code;
  }
}

/** The job `revert`: both ways back are tried, whatever the first one says. */
export async function revert(bench: Bench, way: Plan): Promise<Code> {
  const canary = await handOff(bench, way.revert, true);
  const finished = await handOff(bench, way.revertFinished, true);
  return canary.code || finished.code;
}

/** What stands in the config repository; `twice`: ids of writes that landed more than once. */
export async function look({ world }: Bench): Promise<{ text: string; twice: string[] }> {
  const [text, log] = await Promise.all([world.read(FILE), world.log('%B%x00')]);
  const messages = log.join('\n').split('\0');
  const ids = messages.flatMap((m) => parseBlocks(m.trim()).map((block) => block.bumpId));
  return { text, twice: ids.filter((id, i) => ids.indexOf(id) !== i) };
}
