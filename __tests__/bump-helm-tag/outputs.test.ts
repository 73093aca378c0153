/** What a run says in its outputs, for each result; and how few requests it takes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import type { Outcome } from '../../src/bump-helm-tag/progress.ts';
import { warningsOf } from '../../src/bump-helm-tag/report.ts';
import { systemExec } from '../../src/runner/index.ts';
import { image, putAll, requestsOf, scalar, TRANSPORTS, writesIn } from './kit.ts';
import { DIGEST, startWorld, VALUES, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const ID = 'env/v.yaml#0#image';
const NONE = { 'superseded-by': '' };
/** Everything but `json` itself, as the outputs say it one by one. */
const told = (outputs: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(outputs).filter(([name]) => !['json', 'diff', 'previous'].includes(name)));

describe.each(TRANSPORTS)('transport %s', (transport) => {
  test('committed, unchanged (trap 42: the second run of a job), superseded', async () => {
    const { a, c } = world.revisions;
    const base = await world.head();
    const first = await world.bump({ ...image('b'), transport });
    const made = await world.head();
    expect(first.outputs).toMatchObject({
      ...NONE,
      result: 'committed',
      changed: 'true',
      'commit-sha': made,
      'base-sha': base,
      verified: String(transport === 'github'),
      attempts: '1',
      conflicts: '0',
    });
    expect(first.outputs['commit-url']).toBe(`${world.forge.url}/org/cfg/commit/${made}`);
    expect(JSON.parse(first.outputs.previous ?? '')).toEqual({ [ID]: null });
    expect(first.outputs.diff).toContain('+  tag: "sha-b"   # keep');

    world.forge.clearRequests();
    const second = await world.bump({ ...image('b'), transport });
    expect(second.code).toBe(0);
    expect(second.outputs).toMatchObject({
      ...NONE,
      result: 'unchanged',
      changed: 'false',
      'commit-sha': made,
      'base-sha': made,
      attempts: '0',
      diff: '',
    });
    expect(JSON.parse(second.outputs.previous ?? '')).toEqual({ [ID]: `sha-b@${DIGEST('b')}` });
    expect([writesIn(world), requestsOf(world).source, await world.head()]).toEqual([0, [], made]);

    const third = await world.bump({ ...image('a'), transport, 'source-revision': a });
    expect(third.code).toBe(0);
    expect(third.log).toMatch(/^::warning title=W_SUPERSEDED::.*newer build/m);
    expect(third.outputs).toMatchObject({
      result: 'superseded',
      changed: 'false',
      'commit-sha': '',
      'commit-url': '',
      'superseded-by': c,
      attempts: '0',
    });
    for (const run of [first, second, third]) {
      const json = JSON.parse(run.outputs.json ?? '') as Record<string, unknown> & { targets: object[] };
      const { targets, previous, ...rest } = json;
      expect(Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, String(v)]))).toMatchObject(told(run.outputs));
      expect(previous).toEqual(JSON.parse(run.outputs.previous ?? ''));
      expect(targets).toEqual([
        expect.objectContaining({ id: ID, file: 'env/v.yaml', document: 0, path: 'image', to: expect.any(String) }),
      ]);
    }
  });

  test('dry run: a token that may only read suffices; the diff applies, and gives the bytes of the real run', async () => {
    const odd = await startWorld({
      'env/v.yaml': VALUES,
      'a b/grün.yaml': '\ufefftag: v1\r\nx: 1\r\ny: |\r\n  text\r\nend: 2',
    });
    const temp = await mkdtemp(join(tmpdir(), 'apply-'));
    try {
      const inputs = {
        ...image('b'),
        transport,
        updates:
          '- {file: "a b/grün.yaml", path: tag, value: v2}\n- {file: "a b/grün.yaml", path: end, value: 3, type: number}',
      };
      const before = await odd.head();
      const token = odd.forge.createToken({ permissions: { contents: 'read' } });
      const dry = await odd.bump({ ...inputs, token, 'dry-run': 'true' }, { GITHUB_EVENT_NAME: 'pull_request' });
      expect([dry.code, dry.outputs.result, dry.outputs.changed, dry.outputs['commit-sha']]).toEqual([
        0,
        'dry-run',
        'true',
        '',
      ]);
      expect([await odd.head(), writesIn(odd), dry.outputs.attempts]).toEqual([before, 0, '0']);
      const real = await odd.bump(inputs);
      expect(real.outputs.diff).toBe(dry.outputs.diff);

      const run = (args: string[], input?: string) =>
        systemExec('git', args, { cwd: temp, ...(input === undefined ? {} : { input }) });
      await run(['init', '-q']);
      await run(['fetch', '-q', odd.path, before]);
      await run(['-c', 'core.autocrlf=false', 'checkout', '-q', 'FETCH_HEAD']);
      const applied = await run(['apply', '-'], `${dry.outputs.diff}\n`);
      expect([applied.code, applied.stderrTail]).toEqual([0, '']);
      for (const file of ['env/v.yaml', 'a b/grün.yaml']) {
        const committed = await git(odd.path, ['cat-file', 'blob', `main:${file}`]);
        expect((await readFile(join(temp, file))).equals(committed)).toBe(true);
      }
    } finally {
      await odd.close();
      await rm(temp, { recursive: true, force: true });
    }
  });
});

test('an uncontended bump is two requests to the config repository and at most one to the source; an unchanged one is one', async () => {
  await world.bump({ ...image('b'), 'source-revision': world.revisions.b });
  world.forge.clearRequests();
  const run = await world.bump(image('c'));
  expect(run.outputs.result).toBe('committed');
  const { config, source } = requestsOf(world);
  expect(config).toEqual(['BumpRead', 'BumpCommit']);
  expect(source).toEqual([expect.stringMatching(/^\/repos\/org\/app\/compare\//)]);
  world.forge.clearRequests();
  expect((await world.bump(image('c'))).outputs.result).toBe('unchanged');
  expect(requestsOf(world)).toEqual({ config: ['BumpRead'], source: [] });
});

test('an uncontended bump by git is at most seven requests, and none to the source when nobody owns the target', async () => {
  const run = await world.bump({ ...image('b'), transport: 'git' });
  expect(run.outputs.result).toBe('committed');
  const { config, source } = requestsOf(world);
  expect(config.length).toBeLessThanOrEqual(7);
  expect(source).toEqual([]);
});

test('a long diff is cut at 60,000 characters, at the end of a line, with a note; the commit is whole', async () => {
  const keys = Array.from({ length: 100 }, (_, i) => `key${i}`);
  const long = await startWorld({ 'v.yaml': keys.map((key) => `${key}: ${'v'.repeat(500)}\n`).join('') });
  try {
    const updates = JSON.stringify(keys.map((path) => ({ file: 'v.yaml', path, value: 'w'.repeat(500) })));
    const run = await long.bump({ updates });
    expect(run.outputs.result).toBe('committed');
    const lines = (run.outputs.diff ?? '').trimEnd().split('\n');
    expect(lines.pop()).toMatch(/cut/);
    expect(lines.join('\n').length + 1).toBeLessThanOrEqual(60_000);
    expect(lines.join('\n').length).toBeGreaterThan(59_000);
    for (const line of lines.slice(3)) expect(line).toMatch(/^([-+]key\d+: [vw]{500}|@@ .*)$/);
    expect(run.summary.length).toBeLessThan(200 * 1024);
    expect(await long.read('v.yaml')).toBe(keys.map((key) => `${key}: ${'w'.repeat(500)}\n`).join(''));
  } finally {
    await long.close();
  }
});

test('what stood there before is told as a text', async () => {
  const updates = '- {file: env/v.yaml, path: canary.weight, value: 5, type: number}';
  const run = await world.bump({ updates });
  expect(JSON.parse(run.outputs.previous ?? '')).toEqual({ 'env/v.yaml#0#canary.weight': '0' });
});

test('pinned: nothing is written, and the reason is told; a downgrade is told too', async () => {
  const { a, b } = world.revisions;
  const at = (revision: string, over: Record<string, string> = {}) =>
    world.bump({ ...scalar('tag', `of-${revision}`, 'p.yaml'), 'source-revision': revision, ...over });
  await putAll(world, [{ file: 'p.yaml', content: 'tag: v1\n' }]);
  await at(b);
  const downgrade = await at(a, { 'allow-downgrade': 'true', reason: 'b is broken' });
  expect(downgrade.log).toMatch(/^::warning title=W_DOWNGRADE::/m);
  expect(downgrade.outputs.result).toBe('committed');
  await putAll(world, [{ file: 'p.yaml', content: 'tag: v1 # bump:pin held by hand\n' }]);
  const head = await world.head();
  const pinned = await at(b);
  expect([pinned.code, pinned.outputs.result, pinned.outputs.changed]).toEqual([0, 'pinned', 'false']);
  expect(pinned.log).toMatch(/^::warning title=W_PINNED::.*held by hand/m);
  expect(await world.head()).toBe(head);
});

test('a proposal that could not be merged is told', () => {
  const pull = { number: 1, url: 'https://example.org/1', note: 'auto-merge is off', changed: true };
  const outcome = { result: 'proposed', states: [], notes: new Map(), pull } as unknown as Outcome;
  expect(warningsOf(outcome)).toEqual([{ level: 'warning', code: 'W_NOT_MERGED', message: 'auto-merge is off' }]);
});
