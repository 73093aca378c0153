/** What only a process shows: signals in every phase, closed pipes, what is left behind, and that no secret gets out. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Operation } from '../../lab/registry/faults.ts';
import { type ActionResult, runAction } from '../support/bundle.ts';
import { type Bench, bench } from './kit.ts';

/** Waits until it is so; the run that ends before is the failure. */
async function seen(what: () => Promise<boolean>, running: Promise<ActionResult>): Promise<void> {
  let ended: ActionResult | undefined;
  const watch = running.then((result) => {
    ended = result;
  });
  while (!(await what())) {
    if (ended !== undefined) throw new Error(`the run has ended: ${ended.log}`);
    await Promise.race([watch, new Promise((done) => setTimeout(done, 20))]);
  }
}

/** A user's docker config, which must stay as it is. */
async function userConfig(b: Bench): Promise<{ folder: string; content: string }> {
  const folder = join(b.temp, '../docker-config');
  const content = '{ "auths": {}, "credsStore": "none-of-that" }';
  await mkdir(folder);
  await writeFile(join(folder, 'config.json'), content);
  return { folder, content };
}

describe('T52 SIGTERM', () => {
  const phases: [string, Operation, RegExp][] = [
    ['plan', 'head-manifest', /base/],
    ['probe', 'head-manifest', /o\/app/],
    ['publish', 'put-manifest', /sha-/],
  ];
  test.each(phases)('while %s waits for the registry: red, nothing left', async (phase, operation, path) => {
    await using b = await bench();
    if (phase === 'plan')
      await b.write({ Dockerfile: `FROM ${b.lab.host}/base:1 AS unused\nFROM scratch\nCOPY app /app\n` });
    const config = await userConfig(b);
    b.lab.faults.add({ operation, path, times: 100, delayMs: 60_000 });
    const stop = new AbortController();
    const running = b.run({}, { DOCKER_CONFIG: config.folder }, stop.signal);
    await seen(async () => b.lab.requests().some((r) => r.operation === operation && path.test(r.path)), running);
    stop.abort();
    const result = await running;
    expect(result.code).toBe(1);
    expect(result.log).toContain('[E_CANCELLED]');
    expect(JSON.parse(result.outputs.json ?? '')).toMatchObject({ ok: false, code: 'E_CANCELLED' });
    expect(await b.leftovers()).toEqual([]);
    expect(await readFile(join(config.folder, 'config.json'), 'utf8')).toBe(config.content);
    expect(await readdir(config.folder)).toEqual(['config.json']);
  });

  test('while the engine runs: its whole group is gone', async () => {
    await using b = await bench();
    const mark = join(b.temp, '../child');
    const script = `case "$1" in version) echo "Version: 1.33.0";; info) ;; *) sleep 300 & echo $! > ${mark}; wait;; esac`;
    const bin = join(b.temp, '../bin');
    await mkdir(bin);
    await writeFile(join(bin, 'buildah'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const stop = new AbortController();
    const running = b.run({ engine: 'buildah' }, { PATH: `${bin}:/usr/bin:/bin` }, stop.signal);
    await seen(async () => (await readFile(mark, 'utf8').catch(() => '')).trim() !== '', running);
    stop.abort();
    expect((await running).log).toContain('[E_CANCELLED]');
    const pid = (await readFile(mark, 'utf8')).trim();
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone');
    // A zombie of a machine without a reaper is no running child.
    expect(state === 'gone' || / Z /.test(state)).toBe(true);
    expect(await b.leftovers()).toEqual([]);
  });
});

test('the time is over: E_TIMEOUT', async () => {
  await using b = await bench();
  b.lab.faults.add({ operation: 'head-manifest', times: 100, delayMs: 60_000 });
  const result = await b.run({ timeout: '2s' });
  expect(result.code).toBe(1);
  expect(result.log).toContain('[E_TIMEOUT]');
});

test('no inputs: one message that names image, and no socket is opened', async () => {
  const env = { NODE_DEBUG: 'net' };
  const none = await runAction('build-image', {}, { env });
  expect(none.code).toBe(1);
  const errors = none.log.match(/^::error.*$/gm) ?? [];
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain('[E_INPUT]');
  expect(errors[0]).toContain('image');
  expect(none.log).not.toMatch(/NET \d+: connect/);
  // That a socket would have shown.
  await using b = await bench();
  expect((await b.run({ mode: 'plan' }, env)).log).toMatch(/NET \d+: connect/);
});

test('an engine that hangs: E_TIMEOUT, no final tag, nothing left', async () => {
  await using b = await bench();
  const bin = join(b.temp, '../engine/bin/buildah');
  const answers = 'case "$1" in version) echo "Version: 1.33.0"; exit 0;; info) exit 0;; esac';
  await writeFile(bin, `#!/bin/sh\n${answers}\nexec sleep 600\n`, { mode: 0o755 });
  const result = await b.run({ timeout: '6s' });
  expect(result.log).toContain('[E_TIMEOUT]');
  expect(b.lab.tags('o/app')).toEqual([]);
  expect(await b.leftovers()).toEqual([]);
});

test('T47 a password with colon, quotes and a line break at its end works, with a notice', async () => {
  await using b = await bench({ auth: { kind: 'token', users: { u: 'a:b"c\'d' } } });
  const result = await b.run({ username: 'u', password: 'a:b"c\'d\n' });
  expect(result.code).toBe(0);
  expect(result.log).toContain('the line break at the end of the password was left out');
});

test('T46 the user config with a credential helper: its login is used, by the action and by the engine', async () => {
  await using b = await bench({ auth: { kind: 'basic', users: { u: 'from-the-helper' } } });
  const config = await userConfig(b);
  await writeFile(join(config.folder, 'config.json'), JSON.stringify({ credHelpers: { [b.lab.host]: 'lab' } }));
  const bin = join(b.temp, '../helpers');
  await mkdir(bin);
  const script =
    '#!/bin/sh\nread host\n[ "$1" = get ] && echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"from-the-helper\\"}"\n';
  await writeFile(join(bin, 'docker-credential-lab'), script, { mode: 0o755 });
  const engine = join(b.temp, '../engine/bin');
  const env = { DOCKER_CONFIG: config.folder, PATH: `${bin}:${engine}:${process.env.PATH}` };
  const result = await b.run({}, env);
  expect(result.log).not.toContain('::error');
  expect(result.outputs.pushed).toBe('true');
  const shown = result.log.split('\n').filter((l) => !l.startsWith('::add-mask::'));
  expect(shown.filter((l) => l.includes('from-the-helper'))).toEqual([]);
});

test('the registry stays away: red summary with the tags, and json with what is live', async () => {
  await using b = await bench();
  b.lab.faults.add({ operation: 'put-manifest', path: /dev$/, times: 100, answer: { status: 507 } });
  const result = await b.run({ tags: 'sha\nraw:dev' });
  expect(result.log).toContain('[E_PARTIAL]');
  expect(Object.keys(result.outputs)).toEqual(['json']);
  const json = JSON.parse(result.outputs.json ?? '') as { images: { tags: { tag: string; state: string }[] }[] };
  expect(json.images[0]?.tags.map((t) => t.state)).toEqual(['already', 'created', 'failed']);
  expect(result.summary).toContain('| failed |');
});

test('GITHUB_ARTIFACTS gets one line an image, and need not be writable', async () => {
  await using b = await bench();
  const file = join(b.temp, '../artifacts');
  const first = await b.run({}, { GITHUB_ARTIFACTS: file });
  expect(await readFile(file, 'utf8')).toBe(`oci://${b.image}@${first.outputs.digest}\n`);
  expect((await b.run({}, { GITHUB_ARTIFACTS: '/nonexistent/x' })).code).toBe(0);
});

describe('no secret gets out', () => {
  const marks = {
    password: 'canary-one-password',
    'registry-auth': '[{registry: other.example, username: o, password: canary-two-auth}]',
    secrets: '{"a":"canary-three\\ncanary-three-b"}',
    'secret-envs': 'b=LEAK_ENV',
    'secret-files': 'c=secret.txt',
    'github-token': 'canary-six-token',
  };
  const encoded = Buffer.from('u:canary-one-password').toString('base64');
  const endings: [string, string, Record<string, string>][] = [
    ['green', 'exec "$0.real" "$@"', {}],
    ['an engine that tells everything', 'env; cat "$@" 2>/dev/null; exit 1', {}],
    ['an engine that is killed', 'kill -KILL $$', {}],
    ['a secret as an argument', 'exit 1', { 'build-args': 'X=canary-three' }],
    ['a malformed input', 'exit 1', { timeout: 'never' }],
    ['a secret in the name of a tag', 'exit 1', { tags: 'raw:canary-four-env x' }],
  ];
  test.each(endings)('%s', async (_name, script, inputs) => {
    await using b = await bench({ auth: { kind: 'token', users: { u: marks.password } } });
    await writeFile(join(b.workspace, 'secret.txt'), 'canary-five-file');
    await b.write({ '.dockerignore': '.git\nsecret.txt\n' });
    const bin = join(b.temp, '../engine/bin');
    const real = await readFile(join(bin, 'buildah'), 'utf8');
    await writeFile(join(bin, 'buildah.real'), real, { mode: 0o755 });
    const args = `echo "$@" >> ${b.temp}/../argv`;
    const head = '#!/bin/sh\ncase "$1" in version|info) exec "$0.real" "$@";; esac';
    await writeFile(join(bin, 'buildah'), `${head}\n${args}\nenv >> ${b.temp}/../environ\n${script}\n`, {
      mode: 0o755,
    });
    const env = { LEAK_ENV: 'canary-four-env', GITHUB_SERVER_URL: 'https://github.com' };
    const result = await b.run({ ...marks, username: 'u', ...inputs }, env);
    const log = result.log.split('\n').filter((l) => !l.startsWith('::add-mask::'));
    const argv = await readFile(join(b.temp, '../argv'), 'utf8').catch(() => '');
    const environ = await readFile(join(b.temp, '../environ'), 'utf8').catch(() => '');
    // The variable that a secret is taken from is the caller's own.
    const others = environ.split('\n').filter((l) => !l.startsWith('LEAK_ENV='));
    const places = [...log, JSON.stringify(result.outputs), result.summary, argv, ...others];
    expect(
      places.filter((text) => /canary-(one|two|three|four|five|six)/.test(text) || text.includes(encoded)),
    ).toEqual([]);
    expect(await b.leftovers()).toEqual([]);
  });
});
