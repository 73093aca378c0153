/** Chart.yaml, kustomizations, keys that are made, pins. */
import { describe, expect, test } from '@jest/globals';
import { FakeRepository } from './fake.ts';
import { A, B, bump, C, codeOf, DIGEST } from './in-process.ts';

const VALUES = 'image:\n  repository: ghcr.io/org/app\n  tag: v0\n';
const CHART = 'apiVersion: v2\nname: app\nversion: 0.4.9 # ours\nappVersion: v0\n';
const WANT = { image: 'ghcr.io/org/app', tag: 'v1', file: 'v.yaml' };
const head = (repository: FakeRepository, file = 'v.yaml'): string => repository.head.files[file] ?? '';

describe('Chart.yaml', () => {
  const world = (chart = CHART): FakeRepository => new FakeRepository({ 'v.yaml': VALUES, 'c/Chart.yaml': chart });
  const chart = { ...WANT, 'chart-file': 'c/Chart.yaml' };
  test('appVersion becomes the tag, quoted always, in the same commit', async () => {
    const repository = world();
    expect((await bump(repository, chart)).result).toBe('committed');
    expect(head(repository, 'c/Chart.yaml')).toBe(CHART.replace('appVersion: v0', 'appVersion: "v1"'));
    expect(head(repository)).toContain('tag: v1');
    expect((await bump(repository, chart)).result).toBe('unchanged');
  });
  test.each([
    ['patch', '0.4.10'],
    ['minor', '0.5.0'],
  ])('the version is raised: %s', async (raise, version) => {
    const repository = world();
    await bump(repository, { ...chart, 'chart-version': raise });
    expect(head(repository, 'c/Chart.yaml')).toContain(`version: ${version} # ours`);
  });
  test('it is raised once for a source commit, and not on its own', async () => {
    const repository = world();
    const patch = { ...chart, 'chart-version': 'patch' };
    await bump(repository, patch, A);
    expect((await bump(repository, patch, A)).result).toBe('unchanged');
    // Half of the handoff was undone by hand: the rest is written again, the version stays.
    repository.push({ 'v.yaml': VALUES });
    expect((await bump(repository, patch, A)).result).toBe('committed');
    expect(head(repository, 'c/Chart.yaml')).toContain('version: 0.4.10');
    await bump(repository, { ...patch, tag: 'v2' }, B);
    expect(head(repository, 'c/Chart.yaml')).toContain('version: 0.4.11');
  });
  test('another service of the chart raises it from where it is', async () => {
    const repository = world();
    await bump(repository, { ...chart, 'chart-version': 'patch' }, A);
    repository.onCommit = (n) => {
      if (n === 2) repository.push({ 'c/Chart.yaml': head(repository, 'c/Chart.yaml').replace('0.4.10', '0.5.0') });
    };
    await bump(repository, { ...chart, tag: 'v2', 'chart-version': 'patch' }, C);
    expect(head(repository, 'c/Chart.yaml')).toContain('version: 0.5.1');
  });
  test.each<[string, string, Record<string, string>, string]>([
    ['no semantic version', CHART.replace('0.4.9', 'one'), {}, 'E_CHART_VERSION'],
    ['no version', CHART.replace('version: 0.4.9 # ours\n', ''), {}, 'E_PATH_MISSING'],
    ['no tag to take', CHART, { tag: '', digest: DIGEST('a') }, 'E_INPUT'],
  ])('refused: %s', async (_name, text, inputs, code) => {
    const repository = world(text);
    expect(await codeOf(bump(repository, { ...chart, 'chart-version': 'patch', ...inputs }))).toBe(code);
    expect(repository.writes).toBe(0);
  });
});

describe('kustomization', () => {
  const text = (entry: string): string =>
    `resources: [a.yaml]\nimages:\n  - name: other\n    newTag: x\n  - ${entry}\n`;
  const inputs = { ...WANT, file: '', updates: '- {file: k/kustomization.yaml, kustomize: app}' };
  const apply = async (entry: string, more: Record<string, string> = {}): Promise<string> => {
    const repository = new FakeRepository({ 'k/kustomization.yaml': text(entry) });
    const result = bump(repository, { ...inputs, ...more });
    return result.then(
      () => head(repository, 'k/kustomization.yaml'),
      () => codeOf(result),
    );
  };
  test('newTag and digest of the named image', async () => {
    expect(await apply('{name: app, newName: ghcr.io/org/app, newTag: v0}')).toBe(
      text('{name: app, newName: ghcr.io/org/app, newTag: v1}'),
    );
    const digest = DIGEST('a');
    expect(await apply('{name: app, newName: ghcr.io/org/app, newTag: v0, digest: ""}', { digest })).toBe(
      text(`{name: app, newName: ghcr.io/org/app, newTag: v1, digest: "${digest}"}`),
    );
  });
  test('another image is refused, whatever the policy, when only its name could be changed', async () => {
    expect(await apply('{name: app, newName: ghcr.io/org/other, newTag: v0}')).toBe('E_OTHER_IMAGE');
    expect(await apply('{name: app, newTag: v0}', { 'other-image': 'write' })).toBe('E_OTHER_IMAGE');
    expect(await apply('{name: app, newName: "", newTag: v0}')).toBe(
      text('{name: app, newName: "ghcr.io/org/app", newTag: v1}'),
    );
  });
  test('no such image, and keys beside it', async () => {
    expect(await apply('{name: app2, newTag: v0}')).toBe('E_PATH_MISSING');
    expect(
      await codeOf(
        bump(new FakeRepository({}), { ...inputs, updates: '- {file: k.yaml, kustomize: app, keys: {tag: t}}' }),
      ),
    ).toBe('E_INPUT');
  });
});

describe('if-missing: create', () => {
  const create = { ...WANT, 'if-missing': 'create' };
  test('an image map with all that is known', async () => {
    const repository = new FakeRepository({ 'v.yaml': 'a: 1\n\n# tail\nb: 2\n' });
    await bump(repository, { ...create, digest: DIGEST('a') });
    expect(head(repository)).toBe(
      `a: 1\n\n# tail\nb: 2\nimage:\n  repository: ghcr.io/org/app\n  tag: v1\n  digest: ${DIGEST('a')}\n  revision: ${C}\n`,
    );
    expect((await bump(repository, { ...create, digest: DIGEST('a') })).result).toBe('unchanged');
  });
  test('the tag of a map that has none, and a scalar with its parents', async () => {
    const repository = new FakeRepository({ 'v.yaml': 'image:\n    repository: ghcr.io/org/app\nb: 2\n' });
    await bump(repository, { ...create, updates: '- {file: v.yaml, path: canary.weight, value: 5, type: number}' });
    expect(head(repository)).toBe('image:\n    repository: ghcr.io/org/app\n    tag: v1\nb: 2\ncanary:\n  weight: 5\n');
  });
  test('without it, missing is missing', async () => {
    const repository = new FakeRepository({ 'v.yaml': 'a: 1\n' });
    expect(await codeOf(bump(repository, WANT))).toBe('E_PATH_MISSING');
  });
});

describe('pins', () => {
  test.each([
    ['on the tag', 'image:\n  repository: ghcr.io/org/app\n  tag: v0 # bump:pin broken login\n'],
    ['on the map', 'image: # bump:pin broken login\n  repository: ghcr.io/org/app\n  tag: v0\n'],
  ])('%s: nothing is written, green, and why', async (_name, text) => {
    const repository = new FakeRepository({ 'v.yaml': text });
    const outcome = await bump(repository, WANT);
    expect([outcome.result, outcome.states[0]?.pin, repository.writes]).toEqual(['pinned', 'broken login', 0]);
  });
  test('a pin elsewhere, or on a value that stands there already, holds nothing', async () => {
    const text = 'image:\n  repository: ghcr.io/org/app # bump:pin\n  tag: v0\n';
    expect((await bump(new FakeRepository({ 'v.yaml': text }), WANT)).result).toBe('committed');
    const equal = 'image:\n  repository: ghcr.io/org/app\n  tag: v1 # bump:pin\n';
    expect((await bump(new FakeRepository({ 'v.yaml': equal }), WANT)).result).toBe('unchanged');
  });
  test('one pinned target holds the whole run', async () => {
    const repository = new FakeRepository({ 'v.yaml': `${VALUES}w: 1 # bump:pin\n` });
    const updates = '- {file: v.yaml, path: w, value: 2, type: number}';
    expect((await bump(repository, { ...WANT, updates })).result).toBe('pinned');
    expect(repository.writes).toBe(0);
  });
});
