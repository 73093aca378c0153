/** The other ways of a handoff through the whole action: pull requests, promotion, rollback, validation, Argo CD. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { ensureHelm } from '../../tools/helm/index.ts';
import { root } from '../support/bundle.ts';
import { DIGEST, startWorld, VALUES, type World } from './world.ts';

const FILE = 'env/v.yaml';
const SCHEMA = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  properties: { canary: { properties: { weight: { type: 'number', maximum: 100 } } } },
});
const FILES = {
  [FILE]: VALUES,
  'env/prod.yaml': VALUES,
  'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: v0\n',
  'chart/values.yaml': 'canary: {weight: 0}\n',
  'chart/values.schema.json': SCHEMA,
  'chart/templates/c.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {w: "{{ if gt (int .Values.canary.weight) 50 }}{{ fail "too much" }}{{ end }}"}\n',
};
const image = (v: string, file = FILE): Record<string, string> => ({
  image: 'ghcr.io/org/app',
  tag: `v${v}`,
  digest: DIGEST(v),
  file,
});
let world: World;
let bin: string;
let PATH: string;
beforeAll(async () => {
  bin = mkdtempSync(join(tmpdir(), 'helm-bin-'));
  symlinkSync(await ensureHelm(join(root, '.lab')), join(bin, 'helm'));
  PATH = [bin, process.env.PATH].join(delimiter);
});
afterAll(() => rmSync(bin, { recursive: true }));
beforeEach(async () => {
  world = await startWorld(FILES);
});
afterEach(() => world.close());

test('acceptance 24: two builds, one open pull request at the newest; an older build does not push it aside', async () => {
  const { a, b, c } = world.revisions;
  world.forge.repository('org/cfg').merging.auto = true;
  const token = world.forge.createToken({ kind: 'app', permissions: { contents: 'write', pull_requests: 'write' } });
  const propose = (v: string, revision: string) =>
    world.bump({ ...image(v), token, mode: 'pull-request' }, { GITHUB_SHA: revision });
  const before = await world.head();
  const first = await propose('b', b);
  expect([first.code, first.outputs.result, first.outputs.changed]).toEqual([0, 'proposed', 'false']);
  const second = await propose('c', c);
  expect(second.outputs['pull-request-number']).toBe(first.outputs['pull-request-number']);
  const old = await propose('a', a);
  expect([old.code, old.outputs.result, old.outputs['superseded-by']]).toEqual([0, 'superseded', c]);
  expect(await world.head()).toBe(before);
  expect(second.summary).toContain(second.outputs['pull-request-url']);
  const merged = await world.bump({ ...image('c'), token, mode: 'pull-request', 'auto-merge': 'true' });
  expect([merged.code, merged.outputs.result, merged.outputs.changed]).toEqual([0, 'committed', 'true']);
  expect(await world.read()).toContain('tag: "vc"');
  expect(merged.outputs['commit-sha']).toBe(await world.head());
});

test('a scratch branch that cannot be deleted is named: W_SCRATCH_LEFT', async () => {
  const token = world.forge.createToken({ kind: 'app', permissions: { contents: 'write', pull_requests: 'write' } });
  const answer = { status: 502, body: '{}' };
  world.forge.faults.add({ match: { operation: 'BumpUpdateRefs' }, answer, times: 1000 });
  const run = await world.bump({ ...image('c'), token, mode: 'pull-request', deadline: '20s' });
  expect(run.code).toBe(1);
  expect(run.log).toMatch(/::warning title=W_SCRATCH_LEFT::bump-helm-tag: branch bump\/scratch\//);
  expect(await world.read()).toBe(VALUES);
});

test('a protected branch: a pull request when that is allowed', async () => {
  const token = world.forge.createToken({ kind: 'app', permissions: { contents: 'write', pull_requests: 'write' } });
  world.protect();
  const red = await world.bump({ ...image('c'), token });
  expect([red.code, /E_BRANCH_PROTECTED/.test(red.log)]).toEqual([1, true]);
  const green = await world.bump({ ...image('c'), token, 'on-protected': 'pull-request' });
  expect([green.code, green.outputs.result]).toEqual([0, 'proposed']);
});

describe.each(['github', 'git'])('transport %s', (transport) => {
  test('acceptance 21, 22: promotion, then the way back, twice', async () => {
    const { b, c } = world.revisions;
    await world.bump({ ...image('b'), transport }, { GITHUB_SHA: b });
    const before = await world.read('env/prod.yaml');
    const promote = { transport, file: 'env/prod.yaml', 'from-file': FILE };
    const there = await world.bump(promote, { GITHUB_SHA: c });
    expect([there.code, there.outputs.result]).toEqual([0, 'committed']);
    expect(await world.read('env/prod.yaml')).toBe(await world.read());
    const back = await world.bump({ transport, rollback: 'previous', file: 'env/prod.yaml', reason: 'slow' });
    expect([back.code, back.outputs.result]).toEqual([0, 'committed']);
    expect(await world.read('env/prod.yaml')).toBe(before);
    const [message = ''] = (await world.log('%B%x00')).join('\n').split('\0');
    expect(parseBlocks(message)[0]?.reverts).toBe(there.outputs['commit-sha']);
    const again = await world.bump({ transport, rollback: there.outputs['commit-sha'] ?? '' });
    expect([again.code, again.outputs.result]).toEqual([0, 'unchanged']);
  });

  test.each(['schema', 'helm'])('acceptance 23: what %s refuses is not written', async (validate) => {
    const before = await world.head();
    const check = { transport, validate, chart: 'chart', values: FILE };
    const weight = validate === 'schema' ? 101 : 60;
    const updates = `- {file: ${FILE}, path: canary.weight, value: ${weight}, type: number}`;
    const red = await world.bump({ ...check, updates }, { PATH });
    expect([red.code, /E_VALIDATION_FAILED/.test(red.log)]).toEqual([1, true]);
    expect(red.log).toContain(validate === 'schema' ? 'canary' : 'too much');
    expect(await world.head()).toBe(before);
    const green = await world.bump({ ...check, ...image('c') }, { PATH });
    expect([green.code, green.outputs.result]).toEqual([0, 'committed']);
  });
});

describe('Argo CD', () => {
  let server: Server;
  const asked: string[] = [];
  let revision = '';
  let health = 'Healthy';
  beforeAll(async () => {
    server = createServer((req, res) => {
      asked.push(`${req.method} ${req.url} ${req.headers.authorization}`);
      const status = {
        sync: { status: 'Synced', revision },
        health: { status: health },
        operationState: { phase: 'Succeeded', syncResult: { revision } },
      };
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ metadata: { name: 'app' }, spec: { source: {} }, status }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  beforeEach(() => {
    asked.length = 0;
    health = 'Healthy';
  });
  const argo = (): Record<string, string> => ({
    'argocd-server': `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'argocd-token': 'argo-secret',
    'argocd-applications': 'app',
  });

  test('acceptance 25: a refresh is one GET; a later commit counts as arrived; the token only reads', async () => {
    const plain = await world.bump({ ...image('b'), ...argo() }, { GITHUB_SHA: world.revisions.b });
    expect(plain.code).toBe(0);
    expect(asked).toEqual(['GET /api/v1/applications/app?refresh=normal Bearer argo-secret']);
    await world.bump(image('c', 'env/prod.yaml'));
    revision = await world.head();
    const waited = await world.bump(
      { ...image('b'), ...argo(), 'argocd-wait': 'true' },
      { GITHUB_SHA: world.revisions.b },
    );
    expect([waited.code, waited.outputs.result]).toEqual([0, 'unchanged']);
    expect(waited.summary).toContain('arrived');
    expect(asked.every((line) => line.startsWith('GET '))).toBe(true);
  });

  test('Degraded is red, and the outputs say that the handoff is committed', async () => {
    health = 'Degraded';
    revision = 'f'.repeat(40);
    const red = world.bump({ ...image('c'), ...argo(), 'argocd-wait': 'true', deadline: '30s' });
    // The server learns of the handoff as Argo CD does: from Git.
    const timer = setInterval(async () => {
      revision = await world.head();
    }, 50);
    const ended = await red;
    clearInterval(timer);
    expect([ended.code, ended.outputs.result, ended.outputs.changed]).toEqual([1, 'committed', 'true']);
    expect(ended.log).toMatch(/E_ARGOCD_FAILED/);
    expect(ended.log.replace(/::add-mask::.*/g, '')).not.toContain('argo-secret');
  });

  test('trap 43: cancelled while it waits: red, and log, outputs and summary say that the handoff is committed', async () => {
    revision = 'f'.repeat(40);
    const cancelled = new AbortController();
    const run = world.bump({ ...image('c'), ...argo(), 'argocd-wait': 'true' }, {}, cancelled.signal);
    const timer = setInterval(() => {
      if (asked.length > 0) cancelled.abort();
    }, 20);
    const ended = await run;
    clearInterval(timer);
    expect([ended.code === 0, ended.outputs.result, ended.outputs['commit-sha']]).toEqual([
      false,
      'committed',
      await world.head(),
    ]);
    expect(ended.log).toContain('::notice');
    expect(ended.summary).toContain((await world.head()).slice(0, 7));
  });
});
