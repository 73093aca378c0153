import { z } from 'zod';
import { ActionError, type Env, field, inputError, parseInputs, readInputs } from '../runner/index.ts';
import { parseLayout } from './layout.ts';
import { type Layout, STRATEGIES, type Strategy } from './types.ts';
import { parseWeights } from './weights.ts';

const NAMES = [
  'strategy',
  'weights',
  'image',
  'tag',
  'digest',
  'config-repository',
  'config-branch',
  'values-file',
  'layout',
  'token',
  'prometheus-url',
  'environment',
  'api-url',
  'timeout',
] as const;

const schema = z.object({
  strategy: field.oneOf(STRATEGIES, 'canary'),
  weights: z.string(),
  image: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*(:\d+)?\/[a-z0-9]+([._/-]+[a-z0-9]+)*$/, { error: 'is not registry/repository' }),
  tag: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, { error: 'is not a tag' }),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, { error: 'is not sha256: and 64 lower-case hex digits' }),
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
  environment: z.string(),
  'api-url': z.string().refine((text) => URL.canParse(text), { error: 'is not a URL' }),
  timeout: field.duration('2m'),
});

export interface PlanInputs {
  strategy: Strategy;
  weights: readonly number[];
  image: string;
  tag: string;
  digest: string;
  evidence: boolean;
  repository: string;
  branch: string;
  file: string;
  layout: Layout;
  token: string;
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
    'api-url': raw['api-url'] || env.GITHUB_API_URL || 'https://api.github.com',
  });
  if (/[\s\u0000-\u001f]/.test(given.token)) throw inputError([{ input: 'token', problem: 'holds white space' }]);
  const weights = parseWeights(given.weights || '[5,10,25,50,100]');
  if (given.token === '') {
    const where = given.environment === '' ? 'the repository' : `the environment "${given.environment}"`;
    throw new ActionError('E_PLAN_SECRET', {
      what: `secret for ${given['config-repository']}`,
      why: 'neither CONFIG_APP_KEY (with config-app-id) nor CONFIG_TOKEN has a value here',
      fix: `Set one of them in ${where}; an environment secret that the job may not see arrives empty`,
    });
  }
  if (given.strategy === 'canary' && given['prometheus-url'] === '') {
    throw new ActionError('E_PLAN_NO_EVIDENCE', {
      what: 'strategy canary',
      why: 'prometheus-url is empty, so nobody could judge the canary',
      fix: 'Give prometheus-url, or choose another strategy',
    });
  }
  return Object.freeze({
    strategy: given.strategy,
    weights,
    image: given.image,
    tag: given.tag,
    digest: given.digest,
    evidence: given['prometheus-url'] !== '',
    repository: given['config-repository'],
    branch: given['config-branch'],
    file: given['values-file'],
    layout: parseLayout(given.layout),
    token: given.token,
    apiUrl: new URL(given['api-url']),
    timeout: given.timeout,
  });
}
