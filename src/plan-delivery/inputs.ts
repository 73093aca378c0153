import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type ApplicationName, parseApplicationName } from '../argocd/index.ts';
import { ActionError, type Env, field, inputError, parseInputs, readInputs } from '../runner/index.ts';
import { parseLayout } from './layout.ts';
import { type Labels, type Layout, ROUTERS, type Router, STRATEGIES, type Strategy } from './types.ts';
import { parseWeights } from './weights.ts';

const NAMES = [
  'mode',
  'strategy',
  'router',
  'weights',
  'app',
  'stable-selector',
  'canary-selector',
  'image',
  'tag',
  'digest',
  'to',
  'before',
  'config-repository',
  'config-branch',
  'values-file',
  'layout',
  'token',
  'prometheus-url',
  'argocd-url',
  'argocd-app',
  'argocd-project',
  'argocd-namespace',
  'argocd-token',
  'argocd-rollout',
  'environment',
  'stage-minutes',
  'api-url',
  'timeout',
] as const;

const optional = (form: RegExp, error: string) =>
  z.string().refine((text) => text === '' || form.test(text), { error });

const schema = z.object({
  mode: field.oneOf(['deliver', 'promote', 'rollback', 'rolled-back'], 'deliver'),
  strategy: field.oneOf(STRATEGIES, 'canary'),
  router: field.oneOf(ROUTERS, 'gateway'),
  weights: z.string(),
  app: z.string(),
  'stable-selector': z.string(),
  'canary-selector': z.string(),
  image: optional(/^[a-z0-9][a-z0-9.-]*(:\d+)?\/[a-z0-9]+([._/-]+[a-z0-9]+)*$/, 'is not registry/repository'),
  tag: optional(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'is not a tag'),
  digest: optional(/^sha256:[0-9a-f]{64}$/, 'is not sha256: and 64 lower-case hex digits'),
  to: optional(/^(previous|[0-9a-f]{40}|[0-9a-f]{64})$/, 'is neither previous nor the full id of a commit'),
  before: z.string(),
  'config-repository': z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/, { error: 'is not owner/name' }),
  'config-branch': z.string().regex(/^(?![-/.])(?!.*(\.\.|\/\/|@\{|[\s~^:?*[\\]))[^\u0000-\u001f\u007f]{0,200}$/, {
    error: 'is not a branch name',
  }),
  'values-file': z.string().regex(/^(?!\/)(?!.*(^|\/)\.{0,2}(\/|$))[^\u0000-\u001f\u007f\\]{1,1000}\.ya?ml$/, {
    error: 'is not a relative path to a .yaml file',
  }),
  layout: z.string(),
  token: z.string(),
  'prometheus-url': z.string(),
  'argocd-url': z.string().refine((text) => text === '' || URL.canParse(text), { error: 'is not a URL' }),
  'argocd-app': z.string(),
  'argocd-project': z.string(),
  'argocd-namespace': z.string(),
  'argocd-token': z.string(),
  'argocd-rollout': z.string(),
  environment: z.string(),
  'stage-minutes': z
    .string()
    .regex(/^[1-9]\d{0,3}$/, { error: 'is not a number of minutes' })
    .transform(Number),
  'api-url': z.string().refine((text) => URL.canParse(text), { error: 'is not a URL' }),
  timeout: field.duration('2m'),
});

type Given = z.output<typeof schema>;

export interface ArgoWish {
  server: URL;
  token: string;
  application: ApplicationName;
}

export interface PlanInputs {
  mode: Given['mode'];
  strategy: Strategy;
  router: Router;
  /** Name of the Rollout, with router rollouts. */
  rollout: string;
  labels: Labels;
  weights: readonly number[];
  /** The new version, in mode deliver; else ''. */
  image: string;
  tag: string;
  digest: string;
  /** Of mode rollback. */
  to: string;
  /** Of mode rolled-back: JSON of the values that were read before the commit. */
  before: string;
  evidence: boolean;
  /** What the names of the artifacts begin with. */
  records: string;
  stageMinutes: number;
  repository: string;
  branch: string;
  file: string;
  layout: Layout;
  token: string;
  /** Of mode promote. */
  argo: ArgoWish | undefined;
  apiUrl: URL;
  timeout: number;
}

/**
 * @throws ActionError E_INPUT (all problems together), E_PLAN_WEIGHTS, E_PLAN_SECRET (no token for the config repository),
 *   E_PLAN_NO_EVIDENCE (a canary that nobody could judge)
 */
export function parsePlanInputs(env: Env): Readonly<PlanInputs> {
  const raw = readInputs(NAMES, env);
  const given = parseInputs(schema, {
    ...raw,
    'config-branch': raw['config-branch'] || 'main',
    to: raw.to || 'previous',
    'stage-minutes': raw['stage-minutes'] || '45',
    'api-url': raw['api-url'] || env.GITHUB_API_URL || 'https://api.github.com',
  });
  checkMode(given);
  const weights = parseWeights(given.weights || '[5,10,25,50,100]');
  if (given.token === '') {
    const where = given.environment === '' ? 'the repository' : `the environment "${given.environment}"`;
    throw new ActionError('E_PLAN_SECRET', {
      what: `secret for ${given['config-repository']}`,
      why: 'neither CONFIG_APP_KEY (with config-app-id) nor CONFIG_TOKEN has a value here',
      fix: `Set one of them in ${where}; an environment secret that the job may not see arrives empty`,
    });
  }
  checkEvidence(given);
  return Object.freeze({
    mode: given.mode,
    strategy: given.strategy,
    router: given.router,
    rollout: given['argocd-rollout'] || given.app,
    labels: { app: given.app, stable: given['stable-selector'], canary: given['canary-selector'] },
    weights,
    image: given.image,
    tag: given.tag,
    digest: given.digest,
    to: given.to,
    before: given.before,
    evidence: given['prometheus-url'] !== '',
    records: recordsOf(given),
    stageMinutes: given['stage-minutes'],
    repository: given['config-repository'],
    branch: given['config-branch'],
    file: given['values-file'],
    layout: parseLayout(given.layout),
    token: given.token,
    argo: given.mode === 'promote' ? readArgo(given) : undefined,
    apiUrl: new URL(given['api-url']),
    timeout: given.timeout,
  });
}

// Apps and environments may be named with what no artifact may; two targets of one run never share a name.
function recordsOf(given: Given): string {
  const names = ['config-repository', 'config-branch', 'values-file', 'app', 'environment'] as const;
  const target = JSON.stringify(names.map((name) => given[name]));
  const app = given.app.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60);
  return `canary-${app}-${createHash('sha256').update(target).digest('hex').slice(0, 8)}`;
}

/** A canary that nobody could judge, or a Rollout that nobody could watch. */
function checkEvidence({ mode, strategy, router, ...given }: Given): void {
  if (mode !== 'deliver' || strategy !== 'canary') return;
  const refuse = (what: string, why: string, fix: string): ActionError =>
    new ActionError('E_PLAN_NO_EVIDENCE', { what, why, fix });
  if (given['prometheus-url'] === '') {
    const why = 'prometheus-url is empty, so nobody could judge the canary';
    throw refuse('strategy canary', why, 'Give prometheus-url, or choose another strategy');
  }
  if (router === 'rollouts' && given['argocd-url'] === '') {
    const why = 'argocd-url is empty, so nobody could watch the Rollout that moves the weights';
    throw refuse('router rollouts', why, 'Give argocd-url and ARGOCD_TOKEN, or choose the router gateway');
  }
}

function checkMode(given: Given): void {
  const problems: { input: string; problem: string }[] = [];
  for (const input of ['image', 'tag', 'digest'] as const) {
    if (given.mode === 'deliver' && given[input] === '')
      problems.push({ input, problem: 'is required in mode deliver' });
    if (given.mode !== 'deliver' && given[input] !== '')
      problems.push({ input, problem: `has no meaning in mode ${given.mode}: the values file names the image` });
  }
  if (given.router === 'rollouts' && given.strategy !== 'canary')
    problems.push({ input: 'router', problem: `rollouts has no meaning with strategy ${given.strategy}` });
  for (const input of ['token', 'argocd-token'] as const)
    if (/[\s\u0000-\u001f]/.test(given[input])) problems.push({ input, problem: 'holds white space' });
  if (problems.length > 0) throw inputError(problems);
}

function readArgo(given: Given): ArgoWish | undefined {
  if (given['argocd-url'] === '') return undefined;
  const parts = [given['argocd-project'], given['argocd-namespace'], given['argocd-app']];
  const application = parseApplicationName(given['argocd-app']);
  if (application === undefined || given['argocd-app'].includes('/'))
    throw inputError([{ input: 'argocd-app', problem: 'is not the name of an Application' }]);
  const [project = '', namespace = ''] = parts;
  if (given['argocd-token'] === '')
    throw inputError([
      { input: 'argocd-token', problem: 'is required with argocd-url: it may be one that only reads' },
    ]);
  return {
    server: new URL(given['argocd-url']),
    token: given['argocd-token'],
    application: { ...application, project, namespace },
  };
}
