/** Everything is read and checked before the first request: all problems in one message. */
import { describe, expect, test } from '@jest/globals';
import { parseBumpInputs } from '../../src/bump-helm-tag/inputs.ts';
import { ActionError } from '../../src/runner/index.ts';

const DIGEST = `sha256:${'b'.repeat(64)}`;
const GOOD = {
  'config-repository': 'org/cfg',
  token: 'ghs_x',
  image: 'ghcr.io/org/app',
  tag: 'v1.2.3',
  digest: DIGEST,
  file: 'env/v.yaml',
};
const ENV = {
  GITHUB_REPOSITORY: 'org/app',
  GITHUB_SHA: 'a'.repeat(40),
  GITHUB_REF: 'refs/heads/main',
  GITHUB_EVENT_NAME: 'push',
};
const parse = (inputs: Record<string, string>, env: Record<string, string> = {}) =>
  parseBumpInputs({
    ...ENV,
    ...env,
    ...Object.fromEntries(Object.entries({ ...GOOD, ...inputs }).map(([k, v]) => [`INPUT_${k.toUpperCase()}`, v])),
  });
const refusal = (run: () => unknown): ActionError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
};

test('defaults come from the run', () => {
  expect(parse({})).toMatchObject({
    transport: 'github',
    branch: 'main',
    config: { repository: 'org/cfg', label: 'github.com/org/cfg' },
    source: { repository: 'org/app', label: 'github.com/org/app' },
    sourceRevision: 'a'.repeat(40),
    orderGuard: 'ancestry',
    deadline: 300,
    author: { name: 'github-actions[bot]' },
  });
  expect(parse({}).apiUrl.href).toBe('https://api.github.com/');
  expect(parse({}, { GITHUB_SERVER_URL: 'https://ghe.example.org' }).config.url).toBe(
    'https://ghe.example.org/org/cfg.git',
  );
});

describe('refused', () => {
  const SSH = {
    transport: 'git',
    token: '',
    'ssh-key': '-----BEGIN X\n-----END X',
    'ssh-known-hosts': 'h ssh-ed25519 AAAA',
  };
  const PROMOTE = { 'from-file': 'a.yaml', image: '', tag: '', digest: '' };
  const BACK = { rollback: 'previous', image: '', tag: '', digest: '' };
  const ARGO = { 'argocd-server': 'https://argo.example.org', 'argocd-token': 't', 'argocd-applications': 'app' };
  const UPDATES = { image: '', tag: '', digest: '', file: '' };
  test.each<[string, Record<string, string>, string]>([
    ['no repository', { 'config-repository': '' }, 'config-repository'],
    ['no target', { file: '' }, 'file, updates'],
    ['no token', { token: '' }, 'token'],
    ['token with white space', { token: 'a b' }, 'token'],
    ['URL with the API', { 'config-repository': 'https://h/o/r' }, 'config-repository'],
    ['trap 41: credentials in the URL', { transport: 'git', 'config-repository': 'https://u:p@h/o/r' }, 'credentials'],
    ['plain http', { transport: 'git', 'config-repository': 'http://example.org/o/r' }, 'http'],
    ['a file URL', { transport: 'git', 'config-repository': 'file:///etc' }, 'neither https'],
    ['an option as URL', { transport: 'git', 'config-repository': '--upload-pack=x' }, 'config-repository'],
    ['plain http to the API', { 'api-url': 'http://example.org' }, 'api-url'],
    ['transport', { transport: 'svn' }, 'transport'],
    ['branch that climbs', { branch: 'a..b' }, 'branch'],
    ['branch as option', { branch: '-x' }, 'branch'],
    ['branch with refs', { branch: 'refs/heads/x' }, 'branch'],
    ['trap 34: branch with a line', { branch: 'x\nBump-Id: 1' }, 'branch'],
    ['trap 34: tag with a command', { tag: 'v1%0A::set-output x' }, 'tag'],
    ['short digest', { digest: 'sha256:abc' }, 'digest'],
    ['image with a tag', { image: 'ghcr.io/org/app:v1' }, 'image'],
    ['image without tag and digest', { tag: '', digest: '' }, 'tag, digest'],
    ['tag@digest without digest', { 'image-form': 'tag@digest', digest: '' }, 'digest'],
    ['short revision', { 'source-revision': 'abc1234' }, 'source-revision'],
    ['downgrade without reason', { 'allow-downgrade': 'true' }, 'reason'],
    ['long reason', { 'allow-downgrade': 'true', reason: 'x'.repeat(201) }, 'reason'],
    ['not a bool', { 'dry-run': 'yes' }, 'dry-run'],
    ['deadline', { deadline: '2h' }, 'deadline'],
    ['own trailer', { trailers: 'Bump-Id: x' }, 'Bump-Id'],
    ['own trailer in small letters', { trailers: 'bump-target: x' }, 'bump-target'],
    ['no trailer', { trailers: 'hello' }, 'trailers'],
    ['unknown variable', { message: '{tga}' }, '{tag}'],
    ['author with the API', { author: 'A <a@b>' }, 'author'],
    ['author form', { transport: 'git', author: 'nobody' }, 'author'],
    ['updates: no list', { ...UPDATES, updates: 'file: x' }, 'list'],
    ['updates: no YAML', { ...UPDATES, updates: '[a' }, 'YAML'],
    ['updates: unknown key', { ...UPDATES, updates: '- {fiel: a.yaml, path: x, value: y}' }, '"file"'],
    [
      'updates: image and path',
      { ...UPDATES, updates: '- {file: a.yaml, image: i, path: x, value: y}' },
      'name one of',
    ],
    ['updates: no value', { ...UPDATES, updates: '- {file: a.yaml, path: x}' }, 'value'],
    ['updates: number without type', { ...UPDATES, updates: '- {file: a.yaml, path: x, value: 5}' }, 'quote it'],
    ['updates: type that lies', { ...UPDATES, updates: '- {file: a.yaml, path: x, value: "5", type: number}' }, 'type'],
    ['updates: infinity', { ...UPDATES, updates: '- {file: a.yaml, path: x, value: .inf, type: number}' }, 'finite'],
    ['updates: bad ref', { ...UPDATES, updates: '- {file: a.yaml, image: i, ref: "ghcr.io/o/x"}' }, 'ref'],
    ['updates: image without a reference', { ...UPDATES, updates: '- {file: a.yaml, image: i}' }, 'ref'],
    [
      'updates: short revision',
      { ...UPDATES, updates: '- {file: a.yaml, image: i, ref: "r.io/o/x:1", revision: abc}' },
      'revision',
    ],
    [
      'updates: two for one target',
      { ...UPDATES, updates: '- {file: a.yaml, path: x, value: a}\n- {file: a.yaml, path: x, value: b}' },
      'two entries',
    ],
    ['a key with the API', { 'ssh-key': 'k' }, 'ssh-key'],
    ['a file name for a key', { ...SSH, 'ssh-key': '~/.ssh/id' }, 'no private key'],
    ['a key without known hosts', { ...SSH, 'ssh-known-hosts': '' }, 'ssh-known-hosts'],
    ['a key and a token', { ...SSH, token: 't' }, 'one of them'],
    ['SSH without a key', { transport: 'git', 'config-repository': 'git@h:o/r.git' }, 'ssh-key'],
    ['promotion with a tag', { 'from-file': 'a.yaml', digest: '' }, 'from-file'],
    [
      'promotion with a ref and a revision',
      { ...PROMOTE, updates: '- {file: b.yaml, image: i, revision: "x"}' },
      'revision',
    ],
    ['rollback with an image', { rollback: 'previous' }, 'rollback'],
    ['rollback to a short commit', { ...BACK, rollback: 'abc1234' }, 'full commit'],
    ['rollback of nothing named', { ...BACK, file: '' }, 'previous needs'],
    ['rollback and promotion', { ...BACK, 'from-file': 'a.yaml' }, 'one of them'],
    ['rollback with a ref', { ...BACK, updates: '- {file: b.yaml, image: i, ref: "r.io/o/x:1"}' }, 'leave ref out'],
    ['rollback with allow-downgrade', { ...BACK, 'allow-downgrade': 'true', reason: 'x' }, 'allow-downgrade'],
    ['a reason of two lines', { 'allow-downgrade': 'true', reason: 'a\nBump-Id: b' }, 'one line'],
    ['a pull request through git', { transport: 'git', mode: 'pull-request' }, 'transport: github'],
    ['auto-merge of a commit', { 'auto-merge': 'true' }, 'auto-merge'],
    ['chart-file of another name', { 'chart-file': 'c/values.yaml' }, 'Chart.yaml'],
    ['chart-version without a chart', { 'chart-version': 'minor' }, 'chart-file'],
    ['validation without a chart', { validate: 'helm' }, 'chart'],
    ['a chart without validation', { chart: 'c' }, 'validate'],
    ['Argo CD by http', { ...ARGO, 'argocd-server': 'http://argo.example.org' }, 'https'],
    ['Argo CD with a password in its address', { ...ARGO, 'argocd-server': 'https://u:p@h' }, 'credentials'],
    ['Argo CD without a token', { ...ARGO, 'argocd-token': '' }, 'argocd-token'],
    ['Argo CD without Applications', { ...ARGO, 'argocd-applications': '' }, 'argocd-applications'],
    ['an Application that climbs', { ...ARGO, 'argocd-applications': '../x' }, 'no name'],
    ['waiting for nobody', { 'argocd-wait': 'true' }, 'argocd-server'],
    ['waiting for a pull request', { ...ARGO, mode: 'pull-request', 'argocd-wait': 'true' }, 'argocd-wait'],
    ['kustomize and image', { ...UPDATES, updates: '- {file: a.yaml, image: i, kustomize: x}' }, 'name one of'],
    ['trap 35: 21 files', { file: Array.from({ length: 21 }, (_, i) => `f${i}.yaml`).join('\n') }, '21 files'],
    [
      '101 edits',
      {
        ...UPDATES,
        updates: Array.from({ length: 101 }, (_, i) => `- {file: a.yaml, path: k${i}, value: v}`).join('\n'),
      },
      '101 edits',
    ],
  ])('%s', (_name, inputs, text) => {
    const error = refusal(() => parse(inputs));
    expect(error.code).toBe('E_INPUT');
    expect(error.message).toContain(text);
  });

  test('all problems in one message', () => {
    const { message } = refusal(() => parse({ branch: '-x', transport: 'svn', 'dry-run': 'maybe' }));
    for (const name of ['branch', 'transport', 'dry-run']) expect(message).toContain(name);
  });

  test.each([
    '../x.yaml',
    '/x.yaml',
    'a\\b.yaml',
    'a//b.yaml',
    './a.yaml',
    '.git/c.yaml',
    '.GIT/x.yaml',
    'git~1/x.yaml',
    '.g\u200cit/x.yaml',
    '.github/workflows/x.yml',
    '.argocd/x.yaml',
    'x.txt',
    'x.yaml\u0000',
    'a. /x.yaml',
    'a#b.yaml',
    'cafe\u0301.yaml',
    `${'x'.repeat(1024)}.yaml`,
  ])('trap 35: %j', (file) => {
    expect(refusal(() => parse({ file })).code).toBe('E_PATH_FORBIDDEN');
  });

  test.each<Record<string, string>>([
    { 'from-file': '../x.yaml', tag: '', digest: '', image: '' },
    { 'chart-file': '.github/Chart.yaml' },
    { validate: 'helm', chart: '../c' },
    { validate: 'helm', chart: 'c', values: '/etc/x.yaml' },
  ])('trap 35: %j', (inputs) => {
    expect(refusal(() => parse(inputs)).code).toBe('E_PATH_FORBIDDEN');
  });

  test('a value path that cannot be read', () => {
    expect(refusal(() => parse({ 'image-path': 'a..b' })).code).toBe('E_PATH_SYNTAX');
    expect(
      refusal(() => parse({ file: '', updates: '- {file: a.yaml, path: x, value: v, only-if: {"a..b": c}}' })).code,
    ).toBe('E_PATH_SYNTAX');
  });

  test('events: a pull request only with dry-run; workflow_run only with the revision that was built', () => {
    expect(refusal(() => parse({}, { GITHUB_EVENT_NAME: 'pull_request_target' })).code).toBe('E_EVENT_NOT_ALLOWED');
    expect(parse({ 'dry-run': 'true' }, { GITHUB_EVENT_NAME: 'pull_request' }).dryRun).toBe(true);
    expect(refusal(() => parse({}, { GITHUB_EVENT_NAME: 'workflow_run' })).message).toContain('source-revision');
    parse({ 'source-revision': 'b'.repeat(40) }, { GITHUB_EVENT_NAME: 'workflow_run' });
  });
});
