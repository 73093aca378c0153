/** Faults that end in a code of their own: each as a run meets it, and that no final tag comes of it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Exec } from '../../src/runner/index.ts';
import { systemExec } from '../../src/runner/index.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { ended, type Inside, inside } from './inprocess.ts';

const finalTags = (i: Inside): string[] => i.lab.tags('o/app').filter((t) => !/^(src|run)-/.test(t));

/** Takes the place of one command of the engine. @returns how often it was asked for */
function replace(i: Inside, verb: string, act: (args: readonly string[]) => ReturnType<Exec>): { times: number } {
  const real = i.programs.get('buildah') as Exec;
  const seen = { times: 0 };
  i.programs.set('buildah', (file, args, o) => {
    if (args[0] !== verb) return real(file, args, o);
    seen.times += 1;
    return act(args);
  });
  return seen;
}

test('E_ENGINE_TRANSIENT: a registry that fails the push three times, with its last words; then it is not asked again', async () => {
  await using i = await inside();
  const said = ['one', 'two', 'three', 'four'].map((word) => `Error: ${i.lab.host}/o/app: ${word}: 503`);
  const pushes = replace(i, 'push', async () => ended(1, '', said.join('\n')));
  const r = await i.run();
  expect(r.code).toBe('E_ENGINE_TRANSIENT');
  expect(r.message).toContain('after 3 runs');
  expect(r.message).toMatch(/two: 503 \| .*three: 503 \| .*four: 503/);
  expect(r.message).not.toContain('one: 503');
  expect(pushes.times).toBe(3);
  expect(finalTags(i)).toEqual([]);
});

test('a push that broke off half-way is done again, and green', async () => {
  await using i = await inside();
  const real = i.programs.get('buildah') as Exec;
  let broken = 0;
  i.programs.set('buildah', async (file, args, o) => {
    if (args[0] !== 'push' || broken > 0) return real(file, args, o);
    broken += 1;
    // Its layers arrive, its manifest does not.
    i.lab.faults.add({ operation: 'put-manifest', times: 100, answer: { status: 500 } });
    const result = await real(file, args, o);
    i.lab.faults.clear();
    expect(result.code).not.toBe(0);
    return ended(1, '', `Error: writing manifest to ${i.lab.host}/o/app: unexpected EOF`);
  });
  const r = await i.run();
  expect(r.message).toBe('');
  expect(broken).toBe(1);
  expect(i.lab.tag('o/app', String(r.outputs.tag))).toBe(r.outputs.digest);
});

test('E_NOT_OURS: the digest is of another image that is there', async () => {
  await using i = await inside();
  await using c = client(i.lab.host);
  const foreign = makeImage('foreign');
  await pushImage(c.registry, 'o/app', 'run-foreign', foreign);
  replace(i, 'push', async (args) => {
    await writeFile(args[args.indexOf('--digestfile') + 1] ?? '', foreign.digest);
    return ended(0);
  });
  expect((await i.run()).code).toBe('E_NOT_OURS');
  expect(finalTags(i)).toEqual([]);
});

test.each(['ENOSPC', 'EDQUOT'])('T58 %s under a file of ours is E_DISK_FULL', async (code) => {
  await using i = await inside();
  replace(i, 'build', async () => {
    throw Object.assign(new Error(`${code}: no space left on device, write`), { code });
  });
  expect((await i.run()).code).toBe('E_DISK_FULL');
});

test('E_NOT_BUILT: reuse only, and nothing there: no engine is started, nothing written', async () => {
  await using i = await inside();
  const r = await i.run({ reuse: 'only' });
  expect(r).toMatchObject({ code: 'E_NOT_BUILT', message: expect.stringContaining('o/app') });
  expect(i.ran.filter(([program]) => program !== 'git')).toEqual([]);
  expect(i.lab.tags('o/app')).toEqual([]);
});

test('E_CONTEXT_ENTRY: a pipe in the context is named; ignored, it is none', async () => {
  await using i = await inside();
  const made = await systemExec('mkfifo', [join(i.workspace, 'app/pipe')]);
  expect(made.code).toBe(0);
  expect(await i.run()).toMatchObject({ code: 'E_CONTEXT_ENTRY', message: expect.stringContaining('app/pipe') });
  await i.write({ '.dockerignore': '.git\napp/pipe\n' });
  expect((await i.run()).message).toBe('');
});

test('W_REVISION_MISMATCH: the checkout counts, not the commit of the event', async () => {
  await using i = await inside();
  const head = 'f'.repeat(40);
  await mkdir(join(i.workspace, '.git'));
  await i.write({ '.git/HEAD': `${head}\n` });
  const r = await i.run();
  expect(r.warnings).toEqual(['W_REVISION_MISMATCH']);
  expect(r.outputs).toMatchObject({ revision: head, tag: `sha-${head.slice(0, 12)}` });
});
