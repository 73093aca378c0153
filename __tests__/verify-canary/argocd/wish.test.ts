/** The inputs that name an Application: checked before anybody is asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import type { ActionError } from '../../../src/runner/index.ts';
import type { ArgoWish } from '../../../src/verify-canary/argocd/wish.ts';
import { parseCanaryInputs } from '../../../src/verify-canary/inputs.ts';
import { settleMode } from '../../../src/verify-canary/mode.ts';
import { root } from '../../support/bundle.ts';
import { DIGEST, IMAGE, OURS } from '../support/argocd.ts';
import { rules } from '../support/world.ts';

const SCRAPE = {
  'expected-weight': '5',
  'stable-targets': 'http://127.0.0.1:1/metrics',
  'canary-targets': 'http://127.0.0.1:2/metrics',
};
const ARGO = { 'argocd-url': 'https://argo.example/cd', 'argocd-app': 'shop', 'argocd-token': 't', image: IMAGE };
const OIDC = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://run.example/t', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'r' };

const parse = (inputs: Record<string, string>, env: Record<string, string> = {}) =>
  parseCanaryInputs({
    ...env,
    ...Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
  });
const wish = (inputs: Record<string, string>, env?: Record<string, string>): ArgoWish | null =>
  parse({ ...SCRAPE, ...ARGO, ...inputs }, env).argocd;
const refused = (inputs: Record<string, string>): ActionError => {
  try {
    parse({ ...SCRAPE, ...ARGO, ...inputs });
  } catch (error) {
    return error as ActionError;
  }
  throw new Error('it was taken');
};

test('nothing of it is given: no Argo CD', () => expect(parse(SCRAPE).argocd).toBeNull());

test('what it is read as', () => {
  expect(wish({ 'argocd-revision': OURS, 'sync-timeout': '90s' })).toEqual({
    server: new URL('https://argo.example/cd'),
    name: { name: 'shop', namespace: '', project: '' },
    token: 't',
    oidc: null,
    revision: OURS,
    digest: DIGEST,
    rollout: '',
    timeout: 90,
  });
});

test.each<[Record<string, string>, object]>([
  [{ 'argocd-app': 'team-a/shop' }, { namespace: 'team-a', name: 'shop', project: '' }],
  [{ 'argocd-app': 'p/team-a/shop' }, { namespace: 'team-a', name: 'shop', project: 'p' }],
  [
    { 'argocd-project': 'p', 'argocd-namespace': 'team-a' },
    { namespace: 'team-a', name: 'shop', project: 'p' },
  ],
  [
    { 'argocd-app': 'team-a/shop', 'argocd-namespace': 'team-a' },
    { namespace: 'team-a', name: 'shop', project: '' },
  ],
])('%j names it', (inputs, name) => expect(wish(inputs)?.name).toEqual(name));

test('without a token the one of the job is exchanged; with one it is not', () => {
  expect(wish({ 'argocd-token': '' }, OIDC)).toMatchObject({ token: '', oidc: { token: 'r' } });
  expect(wish({}, OIDC)?.oidc).toBeNull();
});

test('tokens are secrets from the first moment', () => {
  expect(parse({ ...SCRAPE, ...ARGO, 'argocd-token': 'abc' }).secrets).toEqual(['abc']);
  expect(parse({ ...SCRAPE, ...ARGO, 'argocd-token': '' }, OIDC).secrets).toEqual(['r']);
});

test('http to it is for loopback, or said so', () => {
  expect(refused({ 'argocd-url': 'http://argo.example' }).code).toBe('E_INSECURE_URL');
  expect(wish({ 'argocd-url': 'http://127.0.0.1:1' })?.server.port).toBe('1');
  const open = parse({ ...SCRAPE, ...ARGO, 'argocd-url': 'http://argo.example', 'allow-insecure-http': 'true' });
  expect(open.plainHttp).toContain('argo.example');
});

describe('what is refused', () => {
  test.each<[string, Record<string, string>, string, string]>([
    ['no address', { 'argocd-url': '' }, 'E_INPUT', 'is required with argocd-app, argocd-token'],
    ['no application', { 'argocd-app': '' }, 'E_INPUT', 'argocd-app: is required'],
    ['no name of one', { 'argocd-app': 'a/b/c/d' }, 'E_INPUT', 'no name of an Application'],
    ['two projects', { 'argocd-app': 'p/n/shop', 'argocd-project': 'q' }, 'E_INPUT', 'not the one in argocd-app'],
    ['no name of a project', { 'argocd-project': 'p?x=1' }, 'E_INPUT', 'no names of a namespace and a project'],
    ['nothing to wait for', { image: 'shop:1.2' }, 'E_INPUT', 'what should have arrived'],
    ['half a commit', { 'argocd-revision': '1234567' }, 'E_INPUT', 'no full commit'],
    ['no token at all', { 'argocd-token': '' }, 'E_INPUT', 'id-token: write'],
    ['a token with a line break', { 'argocd-token': 'a\nb' }, 'E_INPUT', 'check the secret for line breaks'],
    ['an endless wait', { 'sync-timeout': '1d' }, 'E_INPUT', 'not between 1s and 2h'],
    ['a login in the address', { 'argocd-url': 'https://u:p@argo.example' }, 'E_TARGET_INVALID', 'argocd-url'],
    ['the metadata service', { 'argocd-url': 'https://169.254.169.254' }, 'E_TARGET_INVALID', 'link-local'],
  ])('%s', (_name, inputs, code, said) => {
    const error = refused(inputs);
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(said)]);
  });

  test('every problem at once', () => {
    const { message } = refused({ 'argocd-app': '', 'argocd-revision': 'x', 'argocd-token': '' });
    for (const name of ['argocd-app', 'argocd-revision', 'argocd-token']) expect(message).toContain(name);
  });

  test('a replay asks nobody', () => {
    const { 'argocd-url': url, 'argocd-app': app, 'argocd-token': token } = ARGO;
    const given = { replay: 'trace.jsonl', 'argocd-url': url, 'argocd-app': app, 'argocd-token': token, image: IMAGE };
    expect(() => parse(given)).toThrow('a replay asks nobody');
  });
});

describe('the mode decides which weight may be', () => {
  const settle = (inputs: Record<string, string>, top: string[] = []) => {
    const { 'expected-weight': _, ...scrape } = SCRAPE;
    const { weight, step } = settleMode(parse({ ...scrape, ...inputs }), rules(undefined, top)).inputs;
    return [weight, step];
  };
  test.each<[Record<string, string>, [number | null, string]]>([
    [{ 'expected-weight': '5' }, [5, '5']],
    [{ mode: 'concurrent', 'expected-weight': '5', step: 'first' }, [5, 'first']],
    [{ mode: 'pre-promotion' }, [null, 'pre-promotion']],
    [{ mode: 'pre-promotion', 'expected-weight': '0' }, [null, 'pre-promotion']],
    [{ mode: 'post-promotion', 'expected-weight': '100' }, [100, '100']],
    [{ mode: 'before-after' }, [100, '100']],
  ])('%j', (inputs, expected) => expect(settle(inputs)).toEqual(expected));

  test.each<[Record<string, string>, string]>([
    [{}, 'it is required'],
    [{ 'expected-weight': '0' }, 'above 0 and below 100'],
    [{ 'expected-weight': '100' }, 'no stable version left'],
    [{ mode: 'pre-promotion', 'expected-weight': '5' }, 'before the switch'],
    [{ mode: 'before-after', 'expected-weight': '50' }, 'has all the traffic'],
  ])('%j is refused', (inputs, said) => expect(() => settle(inputs)).toThrow(said));

  test('the rules may say it, and the input goes before them', () => {
    expect(settle({}, ['mode: post-promotion'])).toEqual([100, '100']);
    expect(settle({ mode: 'concurrent', 'expected-weight': '5' }, ['mode: post-promotion'])).toEqual([5, '5']);
    const { config } = settleMode(parse({ ...SCRAPE, mode: 'before-after', 'expected-weight': '' }), rules());
    expect(config.judge.mode).toBe('before-after');
  });

  test('a word that is no mode', () => expect(() => settle({ mode: 'blue' })).toThrow('not one of'));
});

test('action.yml has every input that is read, and no other', () => {
  const manifest = load(readFileSync(join(root, 'actions/verify-canary/action.yml'), 'utf8')) as { inputs: object };
  const asked = new Set<string>();
  const env = new Proxy(
    {},
    {
      get(_, name) {
        const text = String(name);
        if (text.startsWith('INPUT_')) asked.add(text.slice(6).toLowerCase());
        return undefined;
      },
    },
  );
  expect(() => parseCanaryInputs(env)).toThrow('no source of metrics');
  expect([...asked].sort()).toEqual(Object.keys(manifest.inputs).sort());
});
