/** Markers in every input that holds a secret; every way in which a run can end. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Fault } from '../../lab/registry/faults.ts';
import { expectSealed, type LeakBench, leakBench, MARKS } from './leaks-kit.ts';

/** Says all that it was given, on both streams: its variables, its arguments, and every file it can find by them. */
const TELLS_ALL = `{
  env; echo "$@"
  for word in "$@"; do
    file="\${word##*src=}"; file="\${file#*--secret=}"
    [ -f "$file" ] && cat "$file" && cat "$(dirname "$file")"/* 2>/dev/null
  done
  true
} | tee /dev/stderr`;

// A registry that tells the client what it was sent, in all the forms that it knows.
const QUOTE = `${Object.values(MARKS).join(' ')}\n::error::${MARKS.password}`;
const quoting = (fault: Omit<Fault, 'answer'>, status: number, headers: Record<string, string> = {}): Fault => ({
  times: 100,
  ...fault,
  answer: {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ errors: [{ code: 'DENIED', message: QUOTE, detail: QUOTE }] }),
  },
});

test('a green run: built, copied to a second registry, reused', async () => {
  await using w = await leakBench();
  const built = await w.run({ image: w.images, tags: 'sha\nraw:dev' });
  expect(built).toMatchObject({ code: 0, outputs: { reused: 'false', pushed: 'true' } });
  // That there was something to hide.
  for (const name of ['password', 'registry-auth', 'secret-envs', 'secret-files', 'github-token'] as const) {
    expect(built.log).toContain(`::add-mask::${MARKS[name]}\n`);
  }
  expect(built.argv).toMatch(/^id=c,src=/m);
  expectSealed(built);
  const reused = await w.run({ image: w.images, tags: 'sha\nraw:dev' });
  expect(reused).toMatchObject({ code: 0, outputs: { reused: 'true' } });
  expectSealed(reused);
  const promoted = await w.run(w.promote(built.outputs.digest ?? ''));
  expect(promoted).toMatchObject({ code: 0, outputs: { pushed: 'true' } });
  expectSealed(promoted);
});

describe('the engine', () => {
  test.each<[string, string, string]>([
    ['tells all and fails', `${TELLS_ALL}; exit 1`, 'E_BUILD'],
    ['tells all and is killed', `${TELLS_ALL}; kill -KILL $$`, 'E_ENGINE_KILLED'],
    ['tells all and gives no digest', `${TELLS_ALL}; exit 0`, 'E_ENGINE_OUTPUT'],
    ['tells all and builds', `${TELLS_ALL}; exec "$0.real" "$@"`, ''],
    ['tells all as a fault of the registry', `${TELLS_ALL}; echo "$REG: 503 $*" >&2; exit 1`, 'E_BUILD'],
    ['has no space', `${TELLS_ALL}; echo "write: no space left on device" >&2; exit 1`, 'E_DISK_FULL'],
  ])('%s', async (_name, script, code) => {
    await using w = await leakBench();
    const run = await w.run({}, { script });
    expect(run.failure).toBe(code);
    // It did tell.
    expect(run.log).toMatch(/src=\S+\/s0/);
    expectSealed(run);
  });

  test('is not there', async () => {
    await using w = await leakBench();
    const run = await w.run({ engine: 'docker' });
    expect(run.failure).toBe('E_ENGINE_NONE');
    expectSealed(run);
  });

  test('push false: nothing is proven, and nothing stays', async () => {
    await using w = await leakBench();
    const run = await w.run({ push: 'false' }, { script: `${TELLS_ALL}; exec "$0.real" "$@"` });
    expect(run).toMatchObject({ code: 0, outputs: { pushed: 'false' } });
    expectSealed(run);
  });
});

describe('the registry quotes what it was sent', () => {
  test.each<[string, Fault, string]>([
    ['the token is refused', quoting({ operation: 'token' }, 401), 'E_AUTH'],
    ['no token, it is busy', quoting({ operation: 'token' }, 429, { 'retry-after': '3600' }), 'E_RATE_LIMIT'],
    ['the token server fails', quoting({ operation: 'token' }, 500), 'E_REGISTRY'],
    [
      'the token server sends elsewhere',
      quoting({ operation: 'token' }, 302, { location: `http://127.0.0.1:1/${MARKS.password}` }),
      'E_',
    ],
    ['reading is refused', quoting({ operation: ['head-manifest', 'get-manifest'] }, 500), 'E_REGISTRY'],
    ['the read-back fails', quoting({ operation: 'get-manifest', path: /sha256:/ }, 500), 'E_REGISTRY'],
    ['a tag is refused', quoting({ operation: 'put-manifest', path: /sha-/ }, 403), 'E_'],
    ['a tag fails', quoting({ operation: 'put-manifest', path: /sha-/ }, 507), 'E_'],
    [
      'a blob sends elsewhere',
      quoting({ operation: 'get-blob' }, 307, {
        location: `http://robot:${MARKS.password}@127.0.0.1:1/${MARKS['github-token']}`,
      }),
      'E_',
    ],
  ])('%s', async (_name, fault, code) => {
    await using w = await leakBench();
    w.b.lab.faults.add(fault);
    const run = await w.run({ retries: '0' });
    expect(run.failure).toMatch(new RegExp(`^${code}`));
    expect(run.log).not.toMatch(/^\s*::error::mark/m);
    expectSealed(run);
  });

  test('the second registry does, in the middle of a copy', async () => {
    await using w = await leakBench();
    w.mirror.faults.add(quoting({ operation: ['start-upload', 'patch-upload', 'put-upload'] }, 500));
    const run = await w.run({ image: w.images, retries: '0' });
    expect(run.failure).toMatch(/^E_/);
    expectSealed(run);
  });

  test('the login is wrong', async () => {
    await using w = await leakBench();
    const run = await w.run({ password: 'mark-wrong-8x7' });
    expect(run.failure).toBe('E_AUTH');
    const wrong = Buffer.from('robot:mark-wrong-8x7').toString('base64');
    expectSealed(run, { wrong: 'mark-wrong-8x7', 'wrong in base64': wrong });
  });

  test('T40 its realm is somebody else: nothing is sent there', async () => {
    const users = { robot: MARKS.password };
    await using w = await leakBench({
      auth: { kind: 'token', users, challenges: [`Bearer realm="https://robot:${MARKS.password}@127.0.0.1:1/x"`] },
    });
    const run = await w.run();
    expect(run.failure).toBe('E_REALM');
    expectSealed(run);
  });
});

describe('inputs that are refused', () => {
  test.each<[string, Record<string, string>, string]>([
    ['a secret as an argument', { 'build-args': `X=${MARKS['secret-envs']}` }, 'E_SECRET_ARG'],
    ['a line of a secret in a label', { labels: `x=y ${MARKS['secrets, second line']}` }, 'E_SECRET_ARG'],
    ['a secret in the name of a tag', { tags: `raw:${MARKS['secret-envs']} x` }, 'E_TAG_INVALID'],
    ['a secret as a rule for tags', { tags: MARKS.password }, 'E_TAG_RULE'],
    ['a secret as a number', { retries: MARKS.password }, 'E_INPUT'],
    ['a secret as a platform', { platforms: `${MARKS.password} x` }, 'E_INPUT'],
    ['a secret as a line without =', { secrets: 'mark-loose-9x7' }, 'E_'],
    ['a secret under a bad ID', { secrets: 'bad id=mark-loose-9x7' }, 'E_SECRET_FORMAT'],
    ['JSON that is cut', { secrets: '{"a": "mark-loose-9x7' }, 'E_'],
    ['JSON of another shape', { secrets: '{"a": {"b": "mark-loose-9x7"}}' }, 'E_'],
    ['a secret in place of the name of a variable', { 'secret-envs': 'b=mark-loose-9x7' }, 'E_SECRET_FORMAT'],
    ['a secret in place of a path', { 'secret-files': 'c=mark-loose-9x7' }, 'E_SECRET_FORMAT'],
    [
      'logins that are no YAML',
      { 'registry-auth': '- {registry: x.example, username: u, password: "mark-loose-9x7' },
      'E_',
    ],
    [
      'logins with an unknown key',
      { 'registry-auth': '[{registry: x.example, username: u, pass: mark-loose-9x7}]' },
      'E_',
    ],
    ['a login without a user', { username: '' }, 'E_INPUT'],
    ['a login in the image name', { image: 'u:mark-loose-9x7@x.example/o/app' }, 'E_IMAGE_NAME'],
    ['a login in a context', { context: 'https://u:mark-loose-9x7@x.example/o/app.git' }, 'E_'],
    ['a login in a named context', { 'build-contexts': 'x=https://u:mark-loose-9x7@x.example/o.git' }, 'E_'],
    ['a login in a source', { mode: 'promote', source: 'u:mark-loose-9x7@x.example/o/app:1' }, 'E_'],
  ])('%s', async (_name, inputs, code) => {
    await using w = await leakBench();
    const run = await w.run(inputs);
    expect(run.failure).toMatch(new RegExp(`^${code}`));
    expect(w.b.lab.requests().filter((r) => r.method !== 'GET' && r.method !== 'HEAD')).toEqual([]);
    expectSealed(run, { loose: 'mark-loose-9x7' });
  });
});

describe('T52 SIGTERM', () => {
  const end = async (w: LeakBench, ready: () => Promise<boolean>, inputs = {}, script?: string): Promise<void> => {
    const stop = new AbortController();
    let ended = false;
    const running = w.run(inputs, { signal: stop.signal, ...(script === undefined ? {} : { script }) });
    const watch = running.then(() => {
      ended = true;
    });
    while (!ended && !(await ready())) await Promise.race([watch, new Promise((done) => setTimeout(done, 20))]);
    stop.abort();
    const run = await running;
    expect([run.code, run.failure]).toEqual([1, 'E_CANCELLED']);
    expectSealed(run);
  };
  const asked = (w: LeakBench, fault: Fault, mirror = false): (() => Promise<boolean>) => {
    const lab = mirror ? w.mirror : w.b.lab;
    lab.faults.add({ times: 100, delayMs: 60_000, ...fault });
    const operations = [fault.operation].flat();
    return async () => lab.requests().some((r) => operations.includes(r.operation) && (fault.path ?? /./).test(r.path));
  };
  const base = (w: LeakBench): Promise<void> =>
    w.b.write({ Dockerfile: `FROM ${w.b.lab.host}/base:1 AS unused\nFROM scratch\nCOPY app /app\n` });

  test.each<[string, Fault, string]>([
    ['login', { operation: 'token' }, ''],
    ['plan', { operation: 'head-manifest', path: /base/ }, 'base'],
    ['probe', { operation: 'head-manifest', path: /o\/app/ }, ''],
    ['build, as the engine uploads', { operation: 'patch-upload' }, ''],
    ['prove', { operation: 'get-manifest', path: /sha256:/ }, ''],
    ['publish', { operation: 'put-manifest', path: /sha-/ }, ''],
    ['publish, as it copies', { operation: ['start-upload', 'patch-upload', 'put-upload'] }, 'mirror'],
  ])('in %s', async (_name, fault, where) => {
    await using w = await leakBench();
    if (where === 'base') await base(w);
    await end(w, asked(w, fault, where === 'mirror'), where === 'mirror' ? { image: w.images } : {});
  });

  test('in build, after the engine has told all', async () => {
    await using w = await leakBench();
    const mark = join(w.b.temp, '../told');
    const told = async (): Promise<boolean> => (await readFile(mark, 'utf8').catch(() => '')) !== '';
    await end(w, told, {}, `${TELLS_ALL}; echo x > ${mark}; sleep 300`);
  });

  test('in promote, as it copies', async () => {
    await using w = await leakBench();
    const built = await w.run();
    const ready = asked(w, { operation: ['start-upload', 'patch-upload', 'put-upload'] }, true);
    await end(w, ready, w.promote(built.outputs.digest ?? ''));
  });

  test('in merge', async () => {
    await using w = await leakBench();
    const ready = asked(w, { operation: 'get-manifest' });
    await end(w, ready, { mode: 'merge', digests: `sha256:${'a'.repeat(64)}` });
  });
});

test('the time is over', async () => {
  await using w = await leakBench();
  w.b.lab.faults.add({ operation: 'head-manifest', times: 100, delayMs: 60_000 });
  const run = await w.run({ timeout: '2s' });
  expect(run.failure).toBe('E_TIMEOUT');
  expectSealed(run);
});
