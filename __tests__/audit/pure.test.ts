/** What an audit decides without the world: verdict, arguments, pods, manifests, writers. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCommandLine } from '../../src/audit/args.ts';
import type { CommitFacts } from '../../src/audit/forge.ts';
import { handoffIn, handoffLink } from '../../src/audit/handoff.ts';
import { chartOf } from '../../src/audit/helm.ts';
import { addressOf } from '../../src/audit/image-link.ts';
import { judge } from '../../src/audit/judge.ts';
import { LINKS, type Link, type Status } from '../../src/audit/links.ts';
import { canonical, compareImages, imagesIn } from '../../src/audit/manifests.ts';
import { digestOfId, readPods } from '../../src/audit/pods.ts';
import { renderError, renderJson, renderLines } from '../../src/audit/report.ts';
import { readSecrets } from '../../src/audit/secrets.ts';
import { root } from '../support/bundle.ts';

const D = `sha256:${'a'.repeat(64)}` as const;
const link = (name: Link['name'], status: Status): Link => ({ name, status, why: 'x', evidence: [] });
const chain = (over: Partial<Record<Link['name'], Status>>): Link[] => LINKS.map((n) => link(n, over[n] ?? 'ok'));
const same = (text: string): string => text;

describe('judge', () => {
  test.each<[Partial<Record<Link['name'], Status>>, boolean, number, string | undefined]>([
    [{}, false, 0, undefined],
    [{ run: 'mismatch' }, false, 1, 'run'],
    [{ run: 'missing' }, false, 2, 'run'],
    [{ run: 'unverified' }, false, 0, undefined],
    [{ run: 'unverified' }, true, 2, 'run'],
    [{ image: 'missing', values: 'mismatch' }, false, 1, 'image'],
    [{ pod: 'unverified', image: 'mismatch' }, true, 1, 'pod'],
  ])('%j, strict %p: exit %p, names %p', (over, strict, exit, broken) => {
    const verdict = judge(chain(over), { strict });
    expect([verdict.exit, verdict.broken?.name]).toEqual([exit, broken]);
    expect(verdict.code).toBe(broken === undefined ? undefined : `E_AUDIT_${broken.toUpperCase()}`);
  });
  test('no links at all prove nothing', () => expect(judge([], { strict: false }).exit).toBe(2));
  test('property: exit 0 exactly when nothing is wrong or missing', () => {
    const status = fc.constantFrom<Status>('ok', 'missing', 'mismatch', 'unverified');
    fc.assert(
      fc.property(fc.tuple(...LINKS.map(() => status)), fc.boolean(), (all, strict) => {
        const links = LINKS.map((name, i) => link(name, all[i] as Status));
        const { exit, broken } = judge(links, { strict });
        const bad = (s: Status): boolean => s === 'missing' || s === 'mismatch' || (strict && s === 'unverified');
        expect(exit === 0).toBe(!all.some(bad));
        expect(exit === 1).toBe(all.includes('mismatch'));
        expect(broken?.name).toBe(LINKS[all.findIndex(bad)]);
      }),
    );
  });
});

describe('command line', () => {
  const rest = ['--image', 'ghcr.io/org/app', '--config-repository', 'org/cfg'];
  test('the three ways to say what is audited', () => {
    expect(parseCommandLine(['--digest', D, ...rest])).toMatchObject({ running: { kind: 'nobody' }, digest: D });
    expect(parseCommandLine(['--pod-json', '-', ...rest])).toMatchObject({ running: { kind: 'file', path: '-' } });
    const argo = parseCommandLine(['--argocd-url', 'https://a/b', '--app', 'p/n/x', '--strict', ...rest]);
    expect(argo.running).toMatchObject({ kind: 'argocd', application: { name: 'x', namespace: 'n', project: 'p' } });
    expect([argo.strict, argo.json]).toEqual([true, false]);
  });
  test.each<[string[], RegExp]>([
    [rest, /: one of them is required/],
    [['--digest', 'sha256:1', ...rest], /digest: is not sha256/],
    [
      ['--digest', D, '--image', 'x', '--config-repository', 'y'],
      /image: the registry is missing.*config-repository: is not/,
    ],
    [['--pod-json', 'f', '--argocd-url', 'https://a', '--app', 'a', ...rest], /two ways/],
    [['--argocd-url', 'https://u:p@a', '--app', 'a', ...rest], /without a login/],
    [['--argocd-url', 'file:///x', '--app', 'A!', ...rest], /app: is not.*argocd-url: is not/],
    [['--digest', D, '--path', '../x', ...rest], /path: is not a file inside/],
    [['--digest', D, '--path', '-x', ...rest], /./],
    [['--digest', D, '--config-branch', 'a..b', ...rest], /config-branch: is no name/],
    [['--digest', D, '--source-repository', 'a/..', ...rest], /source-repository: is not/],
    [['--digest', D, '--token', 'x', ...rest], /Unknown option/],
    [['--digest', D, ...rest, 'stray'], /positional/],
  ])('%j is refused', (argv, why) => {
    expect(() => parseCommandLine(argv)).toThrow(
      expect.objectContaining({ code: 'E_INPUT', message: expect.stringMatching(why) }),
    );
  });
});

test.each([
  [`docker-pullable://ghcr.io/o/a@${D}`, D],
  [`ghcr.io/o/a@${D}`, D],
  [`docker://${D}`, D],
  [D, D],
  ['ghcr.io/o/a:1', undefined],
  ['', undefined],
  [`${D}0`, undefined],
])('image id %s', (id, digest) => expect(digestOfId(id)).toBe(digest));

test('pods: ended ones run nothing; a list is complete, one pod is not; anything else is no pod', () => {
  const pod = { kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'x' }] }, status: {} };
  expect(readPods(JSON.stringify(pod))).toMatchObject({ complete: false, pods: [{ name: 'p' }] });
  const over = { ...pod, status: { phase: 'Succeeded' } };
  expect(readPods(JSON.stringify({ kind: 'PodList', items: [pod, over] }))).toMatchObject({
    complete: true,
    pods: [{}],
  });
  for (const text of ['', '[]', 'null', '{"kind":"List","items":[]}', '{"kind":"Secret"}'])
    expect(readPods(text)).toHaveProperty('problem');
});

describe('manifests', () => {
  const image = { host: 'ghcr.io', repository: 'o/a' };
  const yaml = `
kind: Deployment
spec: {replicas: 2, template: {spec: {containers: [{image: ghcr.io/o/a@${D}}], initContainers: [{image: busybox}]}}}
---
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: 'x.io/job:1'}]}}}}}
---
kind: Deployment
spec: {replicas: 0, template: {spec: {containers: [{image: 'x.io/off:1'}]}}}
---
kind: Pod
metadata: {annotations: {helm.sh/hook: test}}
spec: {containers: [{image: 'x.io/hook:1'}]}
---
`;
  const rendered = imagesIn(yaml);
  const running = (images: string[], complete = true) => ({
    complete,
    pods: [{ name: 'p', containers: images.map((text) => ({ image: text, imageId: '' })) }],
  });
  const status = (images: string[] | undefined, complete?: boolean) =>
    compareImages(rendered, images === undefined ? undefined : running(images, complete), image, D, []).status;

  test('what has to run, and what may', () => {
    expect([...rendered.always]).toEqual([`ghcr.io/o/a@${D}`, 'docker.io/library/busybox:latest']);
    expect([...rendered.maybe]).toEqual(['x.io/job:1', 'x.io/off:1', 'x.io/hook:1']);
    expect(canonical('no reference at all!')).toBe('no reference at all!');
  });
  test('exactly what is asked for', () => {
    const all = [`ghcr.io/o/a@${D}`, 'docker.io/library/busybox'];
    expect(status(all)).toBe('ok');
    expect(status([...all, 'x.io/job:1'])).toBe('ok');
    expect(status([...all, 'x.io/evil:1'])).toBe('mismatch');
    expect(status(all.slice(0, 1))).toBe('mismatch');
    expect(status(all.slice(0, 1), false)).toBe('ok');
    expect(status([`ghcr.io/o/a@${D.replace('a', 'b')}`], false)).toBe('mismatch');
    expect(status(undefined)).toBe('unverified');
    expect(compareImages(imagesIn('kind: Pod\nspec: {}'), undefined, image, D, []).status).toBe('mismatch');
  });
  test('the chart is the nearest folder above the values file', () => {
    const files = ['Chart.yaml', 'charts/a/Chart.yaml', 'other/x'].map((path) => ({ path, mode: '100644', sha: '' }));
    expect([chartOf(files, 'env/p/values.yaml'), chartOf(files, 'charts/a/env/v.yaml')]).toEqual(['', 'charts/a']);
    expect(chartOf(files.slice(1), 'env/values.yaml')).toBeUndefined();
  });
});

test.each([
  ['https://github.com/Org/App.git', { host: 'github.com', repository: 'org/app' }],
  ['127.0.0.1:8080/org/app', { host: '127.0.0.1:8080', repository: 'org/app' }],
  ['https://git.example/group/sub/app/', { host: 'git.example', repository: 'sub/app' }],
  ['org/app', { host: '', repository: 'org/app' }],
  ['javascript:alert(1)', { host: '', repository: '' }],
  ['', { host: '', repository: '' }],
])('address %s', (text, found) => expect(addressOf(text)).toEqual(found));

describe('handoff', () => {
  const ID = '00000000-0000-4000-8000-000000000001';
  const commit = (over: Partial<CommitFacts>): CommitFacts => ({
    ...{ sha: 'f'.repeat(40), author: 'a', verified: false, reason: 'unsigned' },
    message: `bump\n\nBump-Id: ${ID}\nBump-Target: v.yaml#0#image\nImage-Ref: r.io/o/a:1@${D}\nWorkflow-Run: w\nDelivery-Id: d`,
    ...over,
  });
  test('the trailers of its own block, and the delivery that stands once', () => {
    expect(handoffIn(commit({}), D)).toMatchObject({ file: 'v.yaml', workflowRun: 'w', deliveryId: 'd', bumpId: ID });
    expect(handoffIn(commit({}), D.replaceAll('a', 'b'))).toBeUndefined();
    // Quoted in the middle of a message it is nobody's trailer.
    expect(handoffIn(commit({ message: `${commit({}).message}\n\nand more words` }), D)).toBeUndefined();
  });
  test.each([
    [true, 'valid', 'ok'],
    [false, 'unsigned', 'unverified'],
    [false, 'unknown_key', 'unverified'],
    [false, 'invalid', 'mismatch'],
    [false, 'bad_email', 'mismatch'],
  ])('verified %p, %s: %s', (verified, reason, status) => {
    const found = handoffIn(commit({ verified, reason }), D);
    expect(found && handoffLink(found).status).toBe(status);
  });
});

test('property: whatever the evidence, one inert line a link, and JSON that says the same', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  const evil = fc.oneof(
    text,
    fc.constantFrom('\n::error::x', '##[error]', '\u001b[31m', '\u202e', '::stop-commands::a'),
  );
  fc.assert(
    fc.property(fc.array(evil, { minLength: 8, maxLength: 8 }), (values) => {
      const links: Link[] = LINKS.map((name, i) => ({
        ...{ name, status: 'mismatch', why: values[i] ?? '' },
        evidence: [['seen', values[7 - i] ?? '']],
      }));
      const verdict = judge(links, { strict: false });
      const json = renderJson(links, verdict, same);
      for (const line of [...renderLines(links, same), renderError(verdict, same), ...json.split('\n')])
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|^\s*::|##\[/);
      expect(JSON.parse(json).links).toHaveLength(8);
    }),
  );
});

test('secrets are hidden, the longest first', () => {
  const { hide, add, config, source } = readSecrets({ CONFIG_TOKEN: 'abc', GH_TOKEN: 'abcdef', ARGOCD_TOKEN: ' ' });
  add('later');
  expect([config, source]).toEqual(['abc', 'abcdef']);
  expect(hide('abcdef abc later x')).toBe('*** *** *** x');
});

test('every error has an anchor in the README, every argument a row, and every variable is named', () => {
  const folder = join(root, 'src/audit');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const sources = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  const text = sources.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  const anchors = new Set([...readme.matchAll(/^#### (E_[A-Z_]+)$/gm)].map((m) => m[1]));
  // What a client throws becomes the reason of a link, in its own words.
  const handled = new Set(['E_DIGEST', 'E_ARGOCD_MISSING', 'E_PERMISSION_MISSING']);
  const used = [...text.matchAll(/'(E_[A-Z_]+)'/g)].map((m) => m[1] ?? '').filter((code) => !handled.has(code));
  expect(used.filter((code) => !anchors.has(code))).toEqual([]);
  for (const name of text.matchAll(/^ {2}'?([a-z-]+)'?: \{ type: '/gm)) expect(readme).toContain(`--${name[1]}`);
  for (const name of text.matchAll(/env\.([A-Z_]{6,})/g)) {
    if (name[1] !== 'RUNNER_TEMP') expect(readme).toContain(`\`${name[1]}\``);
  }
});
