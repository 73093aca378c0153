/** The inputs of the action, checked before anything is opened or sent. */
import { z } from 'zod';
import { checkUrl, HttpError, isLoopbackHost } from '../http/index.ts';
import { ActionError, type Env, field, parseInputs, readInputs } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { ARGOCD_NAMES, type ArgoWish, argoWish, checkReplay, checkRollout } from './argocd/wish.ts';
import type { Matcher } from './collect/selector.ts';
import { ROLLOUT_MODES, type RolloutMode } from './core/index.ts';
import { bad } from './input-error.ts';
import { headersOf, namespaceOf, type Since, selectorsOf, sinceOf, untilOf } from './prometheus-inputs.ts';

export type SourceInput =
  | { kind: 'replay'; path: string }
  | { kind: 'scrape'; stable: readonly URL[]; canary: readonly URL[] }
  | {
      kind: 'prometheus';
      url: URL;
      headers: Readonly<Record<string, string>>;
      /** Both empty: to be found. */
      stable: readonly Matcher[];
      canary: readonly Matcher[];
      since: readonly Since[];
      /** End of a window of the past; null: the present is watched. */
      until: number | null;
    };

export interface Inputs {
  configFile: string;
  /** '' leaves it to the rules. */
  mode: RolloutMode | '';
  /** null when it is not said; see mode.ts for what may be left out. */
  weight: number | null;
  /** '' when it is not said. */
  step: string;
  app: string;
  /** Of the application, where rules or versions are to be found; '' where they are given. */
  namespace: string;
  revision: string;
  image: string;
  source: SourceInput;
  /** The Application that is waited for and looked at; null without one. */
  argocd: ArgoWish | null;
  history: string;
  reportDir: string;
  /** Hosts that may be spoken to without TLS. */
  plainHttp: readonly string[];
  observe: boolean;
  secrets: readonly string[];
}

const NAMES = [
  'config-file',
  'mode',
  'expected-weight',
  'step',
  'app',
  'namespace',
  'revision',
  'image',
  'stable-targets',
  'canary-targets',
  'prometheus-url',
  'prometheus-token',
  'prometheus-headers',
  'stable-selector',
  'canary-selector',
  'since',
  'until',
  ...ARGOCD_NAMES,
  'sync-timeout',
  'history',
  'replay',
  'report-dir',
  'allow-insecure-http',
  'observe',
] as const;

const schema = z.object({
  'config-file': z.string().transform((text) => text || '.canary.yaml'),
  mode: field.oneOf(['', ...ROLLOUT_MODES]),
  'stable-targets': field.lines(),
  'canary-targets': field.lines(),
  'prometheus-headers': field.lines(),
  since: field.lines(),
  'sync-timeout': field.duration('10m').refine((s) => s >= 1 && s <= 7200, { error: 'is not between 1s and 2h' }),
  'allow-insecure-http': field.bool(false),
  observe: field.bool(false),
});

type Raw = Record<(typeof NAMES)[number], string>;

/** @throws ActionError, each with the code of its input */
export function parseCanaryInputs(env: Env): Inputs {
  const raw = readInputs(NAMES, env);
  const parsed = parseInputs(schema, raw);
  const kind = sourceKind(raw);
  const insecure = parsed['allow-insecure-http'];
  const argocd = argoWish(raw, parsed['sync-timeout'], env, (text, input) => address(text, input, insecure));
  if (kind === 'replay') checkReplay(argocd);
  checkRollout(argocd, raw);
  const weight = weightOf(raw['expected-weight']);
  const { step } = raw;
  if (step !== '' && !/^[A-Za-z0-9._-]{1,64}$/.test(step)) {
    throw bad(
      'E_STEP_INVALID',
      'step',
      'it is not 1 to 64 of A-Z a-z 0-9 . _ -',
      'Use the id of the stage, the same in a re-run',
    );
  }
  for (const name of ['app', 'revision', 'image'] as const) {
    if (raw[name].length > 256) {
      throw bad('E_HEADER_INVALID', name, 'it is longer than 256 characters', 'Give the short name');
    }
  }
  if (raw.history !== '' && raw.since !== '') {
    throw bad(
      'E_SOURCE_CONFLICT',
      'history',
      'it excludes since',
      'Give one: the trace of the runs before, or when each step began',
    );
  }
  const { source, secrets } = sourceOf(kind, raw, parsed, weight, insecure);
  return {
    configFile: parsed['config-file'],
    mode: parsed.mode,
    weight,
    step,
    app: raw.app,
    namespace: namespaceOf(raw.namespace, raw.app, kind === 'prometheus'),
    revision: raw.revision,
    image: raw.image,
    source,
    argocd,
    history: raw.history,
    reportDir: raw['report-dir'],
    plainHttp: insecure ? [...urlsOf(source), ...(argocd === null ? [] : [argocd.server])].map((url) => url.host) : [],
    observe: parsed.observe,
    secrets: [...secrets, argocd?.token ?? '', argocd?.oidc?.token ?? ''].filter((secret) => secret !== ''),
  };
}

function sourceKind(raw: Raw): SourceInput['kind'] {
  const given: SourceInput['kind'][] = [];
  if (raw['stable-targets'] !== '' || raw['canary-targets'] !== '') given.push('scrape');
  if (raw['prometheus-url'] !== '') given.push('prometheus');
  if (raw.replay !== '') given.push('replay');
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    throw new ActionError('E_SOURCE_CONFLICT', {
      what: 'inputs',
      why: kind === undefined ? 'there is no source of metrics' : `there are several sources: ${given.join(', ')}`,
      fix: 'Give exactly one: stable-targets with canary-targets, or prometheus-url, or replay',
    });
  }
  if (kind === 'scrape' && (raw['stable-targets'] === '' || raw['canary-targets'] === '')) {
    throw new ActionError('E_SOURCE_CONFLICT', {
      what: 'inputs stable-targets, canary-targets',
      why: 'one of them is empty',
      fix: 'Name the /metrics endpoints of both versions: the canary is compared with stable',
    });
  }
  return kind;
}

/** Which of them fits depends on the mode, which the rules may say. */
function weightOf(text: string): number | null {
  if (text === '') return null;
  const weight = /^\d{1,3}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (weight >= 0 && weight <= 100) return weight;
  throw bad(
    'E_WEIGHT_INVALID',
    'expected-weight',
    `"${oneLine(text, 40)}" is not a number above 0 and below 100`,
    'Give the canary percent that Git asks for now, such as 5',
  );
}

function sourceOf(
  kind: SourceInput['kind'],
  raw: Raw,
  parsed: z.output<typeof schema>,
  weight: number | null,
  insecure: boolean,
): { source: SourceInput; secrets: string[] } {
  if (kind === 'replay') return { source: { kind, path: raw.replay }, secrets: [] };
  if (kind === 'scrape') {
    const targets = (name: 'stable-targets' | 'canary-targets'): URL[] => {
      if (parsed[name].length > 50) throw bad('E_TARGET_INVALID', name, 'there are more than 50', 'Use prometheus-url');
      const urls = parsed[name].map((text) => address(text, name, insecure));
      if (new Set(urls.map((url) => url.href)).size < urls.length) {
        throw bad('E_TARGET_INVALID', name, 'an address stands there twice', 'Name every pod once');
      }
      return urls;
    };
    const [stable, canary] = [targets('stable-targets'), targets('canary-targets')];
    const both = stable.find((s) => canary.some((c) => c.href === s.href));
    if (both !== undefined) {
      throw bad(
        'E_TARGET_INVALID',
        'canary-targets',
        'an address is among stable-targets too',
        'Each pod belongs to one version',
      );
    }
    return { source: { kind, stable, canary }, secrets: [] };
  }
  const { headers, secrets } = headersOf(parsed['prometheus-headers'], raw['prometheus-token']);
  const find = raw.namespace !== '' && raw['stable-selector'] === '' && raw['canary-selector'] === '';
  const [stable, canary] = find ? [[], []] : selectorsOf(raw);
  const url = address(raw['prometheus-url'], 'prometheus-url', insecure);
  const since = sinceOf(parsed.since, weight);
  const until = untilOf(raw.until, since, raw['argocd-url'] !== '');
  return { source: { kind, url, headers, stable, canary, since, until }, secrets };
}

function urlsOf(source: SourceInput): readonly URL[] {
  if (source.kind === 'replay') return [];
  return source.kind === 'prometheus' ? [source.url] : [...source.stable, ...source.canary];
}

/** Messages never quote the address: it could carry a credential. */
function address(text: string, input: string, insecure: boolean): URL {
  if (!URL.canParse(text)) {
    throw bad('E_TARGET_INVALID', input, 'it is not an absolute address', 'Write it as https://host:port/path');
  }
  const url = new URL(text);
  // Never sent; two addresses that differ in nothing else are one.
  url.hash = '';
  try {
    checkUrl(url, { plainHttp: insecure ? [url.host] : [] });
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    if (
      url.protocol === 'http:' &&
      url.username === '' &&
      url.password === '' &&
      !insecure &&
      !isLoopbackHost(url.hostname)
    ) {
      throw bad(
        'E_INSECURE_URL',
        input,
        `${oneLine(url.host, 200)} would be asked without TLS`,
        'Use https, or set allow-insecure-http for a runner inside the cluster',
      );
    }
    throw bad('E_TARGET_INVALID', input, oneLine(error.message, 300), 'Give the https address of the metrics');
  }
  return url;
}
