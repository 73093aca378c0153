import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startForge } from '../../../lab/forge/server.ts';
import { startWorld, type World } from './world.ts';

let w: World;
beforeAll(async () => {
  w = await startWorld();
});
afterAll(() => w.close());

async function clone(name: string, token = w.user): Promise<string> {
  const work = join(w.dir, name);
  expect((await w.git(['clone', '-q', w.remote(token), work])).stderrTail).toBe('');
  return work;
}

async function change(work: string, name: string, text: string): Promise<void> {
  writeFileSync(join(work, name), text);
  await w.git(['add', '.'], work);
  await w.git(['commit', '-qm', `change ${name}`], work);
}

describe('who may fetch and push', () => {
  const last = (text: string): string => text.trim().split('\n').at(-1) ?? '';
  test.each([
    ['a reader fetches', () => w.remote(w.reader), 'ls-remote', ''],
    ['nobody fetches what is public', () => `${w.forge.url}/org/app`, 'ls-remote', ''],
    ['a wrong token', () => w.remote('nonsense', 'org/secret'), 'ls-remote', 'Authentication failed'],
    ['nobody and a private repository', () => `${w.forge.url}/org/secret.git`, 'ls-remote', 'could not read Username'],
    ['a token without sight of a private repository', () => w.remote(w.user, 'org/secret'), 'ls-remote', 'not found'],
    ['no such repository', () => w.remote(w.user, 'org/none'), 'ls-remote', 'not found'],
    ['a reader pushes', () => w.remote(w.reader), 'push', '403'],
    ['nobody pushes', () => `${w.forge.url}/org/app.git`, 'push', 'could not read Username'],
  ])('%s', async (_, url, verb, said) => {
    const args = verb === 'push' ? ['push', '-q', url(), 'refs/heads/main:refs/heads/x'] : ['ls-remote', '-q', url()];
    const done = await w.git(args, w.forge.repository('org/app').path);
    expect(last(done.stderrTail)).toContain(said);
    expect(done.code === 0).toBe(said === '');
  });
  test('a token that is revoked or too old is refused', async () => {
    const [gone, old] = [
      w.forge.createToken({ permissions: { contents: 'read' } }),
      w.forge.createToken({ permissions: { contents: 'read' }, lifetime: 0 }),
    ];
    w.forge.revokeToken(gone);
    for (const token of [gone, old]) {
      expect((await w.call('GET', '/repos/org/app', token)).json.message).toBe('Bad credentials');
      expect((await w.git(['ls-remote', w.remote(token, 'org/secret')])).stderrTail).toContain('Authentication failed');
    }
  });
});

test('a push is seen by the API at once; the log tells how it came', async () => {
  const work = await clone('push');
  w.forge.clearRequests();
  await change(work, 'b.txt', 'two\n');
  expect((await w.git(['push', '-q', w.remote(w.user), 'HEAD:main'], work)).stderrTail).toBe('');
  const file = (await w.call('GET', '/repos/org/app/contents/b.txt', w.user)).json;
  expect(Buffer.from(String(file.content), 'base64').toString()).toBe('two\n');
  const seen = w.forge.requests().map(({ method, path, auth, login, status }) => [method, path, auth, login, status]);
  expect(seen).toEqual([
    ['GET', '/org/app.git/info/refs', 'none', '', 401],
    ['GET', '/org/app.git/info/refs', 'basic', 'developer', 200],
    ['POST', '/org/app.git/git-receive-pack', 'basic', 'developer', 200],
    ['GET', '/repos/org/app/contents/b.txt', 'bearer', 'developer', 200],
  ]);
});

test('trap 32: a chunked push of more than 1 MB, without Content-Length, works', async () => {
  const work = await clone('big');
  let noise = '';
  for (let i = 0; i < 150_000; i += 1) noise += Math.sin(i).toString(36);
  await change(work, 'big.bin', noise);
  const push = await w.git(
    ['-c', 'http.postBuffer=65536', '-c', 'core.compression=0', 'push', w.remote(w.user), 'HEAD:main'],
    work,
  );
  expect([push.code, push.stderrTail]).toEqual([0, expect.stringContaining('HEAD -> main')]);
  const found = await w.forge.repository('org/app').objects.read('refs/heads/main:big.bin');
  expect(found?.bytes.equals(Buffer.from(noise))).toBe(true);
  expect(noise.length).toBeGreaterThan(1024 * 1024);
});

test('trap 33: 20 Git writers to one branch all land with retries; a stale push is refused with the words of Git', async () => {
  const { path } = await w.forge.createRepository('org/race', { files: { 'a.txt': '0\n' } });
  const refusals: string[] = [];
  const writer = async (i: number): Promise<void> => {
    const bare = join(w.dir, `race-${i}`);
    await w.git(['init', '-q', '--bare', bare]);
    for (;;) {
      await w.git(['fetch', '-q', '--depth=1', w.remote(w.admin, 'org/race'), 'main'], bare);
      const made = await w.git(['commit-tree', '-p', 'FETCH_HEAD', '-m', `writer ${i}`, 'FETCH_HEAD^{tree}'], bare);
      const to = `${made.stdoutTail.trim()}:refs/heads/main`;
      const push = await w.git(['push', '--porcelain', w.remote(w.admin, 'org/race'), to], bare);
      if (push.code === 0) {
        return;
      }
      refusals.push(/^!\s.*\[.*\] \((.*)\)$/m.exec(push.stdoutTail)?.[1] ?? push.stderrTail);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2000));
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, i) => writer(i)));
  const log = await w.git(['log', '--format=%s', 'main'], path);
  const wanted = Array.from({ length: 20 }, (_, i) => `writer ${i}`);
  expect(log.stdoutTail.trim().split('\n').sort()).toEqual([...wanted, 'initial'].sort());
  // Before its pack is sent, after it, and at the lock of the ref.
  for (const why of refusals) {
    expect(why).toMatch(
      /^(fetch first|non-fast-forward|failed to update ref|cannot lock ref.*|incorrect old value.*)$/,
    );
  }
});

test('protocol v2 reaches git: partial clones leave blobs out and fetch them by their id', async () => {
  const bare = join(w.dir, 'partial.git');
  await w.git(['init', '-q', '--bare', bare]);
  const fetch = ['fetch', '-q', '--depth=1', '--filter=blob:none', w.remote(w.reader)];
  expect((await w.git([...fetch, 'main'], bare)).stderrTail).toBe('');
  const objects = await w.git(['rev-list', '--objects', '--missing=print', 'FETCH_HEAD'], bare);
  const missing = /^\?([0-9a-f]{40})$/m.exec(objects.stdoutTail)?.[1] ?? '';
  expect((await w.git([...fetch, missing], bare)).stderrTail).toBe('');
  expect((await w.git(['cat-file', '-t', missing], bare)).stdoutTail).toBe('blob\n');
});

test('a renamed repository redirects Git', async () => {
  await w.forge.createRepository('org/before', { files: { a: '1' } });
  w.forge.renameRepository('org/before', 'org/after');
  expect((await w.git(['ls-remote', w.remote(w.admin, 'org/before')])).stdoutTail).toContain('refs/heads/main');
  const refused = await w.git(['-c', 'http.followRedirects=false', 'ls-remote', w.remote(w.admin, 'org/before')]);
  expect([refused.code === 0, refused.stderrTail]).toEqual([false, expect.stringContaining('301')]);
});

test('close ends every process and takes the folder away', async () => {
  const one = await startWorld();
  expect(await one.head()).toMatch(/^[0-9a-f]{40}$/);
  const { path } = one.forge.repository('org/app');
  await one.close();
  await one.forge.close();
  expect((await w.git(['rev-parse', '--git-dir'], path).catch((error: Error) => error.message)) as string).toMatch(
    /ENOENT/,
  );
});

test('a port that is taken is one clear error', async () => {
  const port = Number(new URL(w.forge.url).port);
  await expect(startForge({ port })).rejects.toMatchObject({ code: 'E_LAB_PORT' });
});
