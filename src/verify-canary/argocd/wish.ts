/** The inputs that say which Application of which Argo CD is meant, and what must have arrived there. */
import { type ApplicationName, parseApplicationName } from '../../argocd/index.ts';
import { ActionError, type Env, inputError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { bad } from '../input-error.ts';

export const ARGOCD_NAMES = [
  'argocd-url',
  'argocd-app',
  'argocd-project',
  'argocd-namespace',
  'argocd-token',
  'argocd-revision',
  'argocd-rollout',
] as const;

/** How the runner gives a job a token of its own. */
export interface Oidc {
  url: URL;
  token: string;
}

export interface ArgoWish {
  server: URL;
  name: ApplicationName;
  /** '' with `oidc`: it is exchanged for one. */
  token: string;
  oidc: Oidc | null;
  /** Commit of the config repository that must be applied; '' leaves it open. */
  revision: string;
  /** `sha256:…` that must run; '' leaves it open. */
  digest: string;
  /** A Rollout whose controller moves the weights; '' without one. */
  rollout: string;
  /** Seconds to wait for all of it. */
  timeout: number;
}

type Raw = Readonly<Record<(typeof ARGOCD_NAMES)[number] | 'image', string>>;

/**
 * @param address reads an address, as for every other input
 * @returns null without argocd-url
 * @throws ActionError E_INPUT, with every problem
 */
export function argoWish(
  raw: Raw,
  timeout: number,
  env: Env,
  address: (text: string, input: string) => URL,
): ArgoWish | null {
  const given = ARGOCD_NAMES.filter((name) => raw[name] !== '');
  if (given.length === 0) return null;
  const problems: { input: string; problem: string }[] = [];
  const problem = (input: string, text: string): void => void problems.push({ input, problem: text });
  if (raw['argocd-url'] === '') problem('argocd-url', `is required with ${given.join(', ')}`);
  if (raw['argocd-app'] === '') problem('argocd-app', 'is required with argocd-url');
  const name = nameOf(raw, problem);
  const revision = raw['argocd-revision'];
  if (revision !== '' && !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(revision))
    problem('argocd-revision', `"${oneLine(revision, 80)}" is no full commit`);
  const digest = /sha256:[0-9a-f]{64}$/.exec(raw.image)?.[0] ?? '';
  if (revision === '' && digest === '')
    problem('argocd-revision', 'is required with argocd-url where image has no digest: what should have arrived?');
  const oidc = oidcOf(env);
  if (raw['argocd-token'] === '' && oidc === null)
    problem('argocd-token', 'is required with argocd-url, or the permission id-token: write to exchange one');
  if (raw['argocd-token'] !== '' && !/^[\x21-\x7e]+$/.test(raw['argocd-token']))
    problem('argocd-token', 'has characters that no token has; check the secret for line breaks');
  if (raw['argocd-rollout'] !== '' && !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(raw['argocd-rollout']))
    problem('argocd-rollout', `"${oneLine(raw['argocd-rollout'], 80)}" is no name of a Rollout`);
  if (problems.length > 0 || name === undefined) throw inputError(problems);
  return {
    server: address(raw['argocd-url'], 'argocd-url'),
    name,
    token: raw['argocd-token'],
    oidc: raw['argocd-token'] === '' ? oidc : null,
    revision,
    digest,
    rollout: raw['argocd-rollout'],
    timeout,
  };
}

/** `argocd-app` alone, or in the forms `namespace/name` and `project/namespace/name` of Argo CD's own tools. */
function nameOf(raw: Raw, problem: (input: string, text: string) => void): ApplicationName | undefined {
  if (raw['argocd-app'] === '') return undefined;
  const name = parseApplicationName(raw['argocd-app']);
  if (name === undefined) {
    problem('argocd-app', `"${oneLine(raw['argocd-app'], 80)}" is no name of an Application`);
    return undefined;
  }
  const parts = { namespace: raw['argocd-namespace'], project: raw['argocd-project'] };
  for (const part of ['namespace', 'project'] as const) {
    if (name[part] !== '' && parts[part] !== '' && name[part] !== parts[part])
      problem(`argocd-${part}`, `is not the one in argocd-app, ${oneLine(name[part], 80)}`);
  }
  const whole = { ...name, namespace: name.namespace || parts.namespace, project: name.project || parts.project };
  // The form with slashes knows what may stand where.
  const text = [whole.project, whole.namespace || 'x', whole.name].filter((part) => part !== '').join('/');
  if (parseApplicationName(text) === undefined)
    problem('argocd-namespace, argocd-project', 'are no names of a namespace and a project');
  return whole;
}

function oidcOf(env: Env): Oidc | null {
  const [url, token] = [env.ACTIONS_ID_TOKEN_REQUEST_URL ?? '', env.ACTIONS_ID_TOKEN_REQUEST_TOKEN ?? ''];
  return token !== '' && URL.canParse(url) ? { url: new URL(url), token } : null;
}

/** @throws ActionError where two would move the weights, or nobody knows them */
export function checkRollout(
  wish: ArgoWish | null,
  raw: Readonly<Record<'expected-weight' | 'step' | 'since', string>>,
): void {
  if (wish === null || wish.rollout === '') return;
  if (raw['expected-weight'] !== '') {
    throw bad(
      'E_WEIGHT_INVALID',
      'expected-weight',
      'it says that Git writes the weights, and argocd-rollout that a controller does: on one route only one of them may',
      'Leave out expected-weight to watch the Rollout, or argocd-rollout',
    );
  }
  if (raw.step !== '')
    throw bad('E_STEP_INVALID', 'step', 'with argocd-rollout each weight is a step of its own', 'Leave it out');
  if (raw.since !== '') {
    throw bad(
      'E_SINCE_INVALID',
      'since',
      'which weights a Rollout had earlier is not known',
      'Leave it out, and give the trace of the run before as history',
    );
  }
}

/** A replay asks nobody. */
export function checkReplay(wish: ArgoWish | null): void {
  if (wish === null) return;
  throw new ActionError('E_SOURCE_CONFLICT', {
    what: 'inputs replay, argocd-url',
    why: 'a replay asks nobody: what Argo CD said stands in the trace',
    fix: 'Leave out argocd-url',
  });
}
