/** Mode plan: what it says, and that no engine is started for it. */
import { chmod, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ensureNode20 } from '../../tools/node20.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { root, runAction } from '../support/bundle.ts';
import { commit, ended, type Inside, inside } from './inprocess.ts';
import { bench, writes } from './kit.ts';

/** Programs, but for the one that tells the time of the commit. */
const started = (i: Inside): string[][] => i.ran.filter(([program]) => program !== 'git');

test('on a miss, a hit, and a new commit of the same files: no write, no engine, the right answer', async () => {
  await using i = await inside();
  await using c = client(i.lab.host);
  await pushImage(c.registry, 'base', '1', makeImage('one'));
  await i.write({ Dockerfile: `FROM ${i.lab.host}/base:1\nCOPY app /app\n` });
  const plan = async (env = {}) => {
    i.lab.clearRequests();
    i.ran.splice(0);
    const r = await i.run({ mode: 'plan', engine: 'auto' }, env);
    expect(r.message).toBe('');
    expect(started(i)).toEqual([]);
    expect(writes(i.lab)).toEqual([]);
    return r;
  };
  const miss = await plan();
  expect(miss.outputs).toMatchObject({ reused: false, digest: '' });
  const built = await i.run({ engine: 'auto' });
  expect(built.message).toBe('');
  // That a start would have shown.
  expect(started(i).map(([program]) => program)).toContain('buildah');
  const there = { reused: true, digest: built.outputs.digest, 'source-key': miss.outputs['source-key'] };
  expect((await plan()).outputs).toMatchObject(there);
  expect((await plan(commit(2))).outputs).toMatchObject(there);
  await i.write({ 'app/main.txt': 'two\n' });
  expect((await plan(commit(3))).outputs).toMatchObject({ reused: false });
});

test('a base that no registry tells of: engines are asked what they have, and nothing is built', async () => {
  await using i = await inside();
  await i.write({ Dockerfile: `FROM ${i.lab.host}/made-here:1\nCOPY app /app\n` });
  const real = i.programs.get('buildah');
  i.programs.set('buildah', async (file, args, o) =>
    args[0] === 'inspect' ? ended(0, `${'1'.repeat(64)}\n`) : (real ?? (async () => ended(1)))(file, args, o),
  );
  const r = await i.run({ mode: 'plan', engine: 'auto' });
  expect(r).toMatchObject({ message: '', warnings: ['W_BASE_LOCAL'], outputs: { reused: false } });
  const questions = /^(version|info|inspect|image inspect|buildx (version|inspect|ls)|context)\b/;
  const asked = started(i).map(([, ...args]) => args.join(' '));
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.filter((line) => !questions.test(line))).toEqual([]);
  expect(writes(i.lab)).toEqual([]);
});

test('T60 Node 20 and Node 24 load the bundle, and both count the key of the specification', async () => {
  const node20 = await ensureNode20(join(root, '.lab'));
  await using b = await bench();
  const context = join(b.workspace, 'context');
  await b.write({ Dockerfile: 'FROM scratch\nCOPY . /\n', 'context/app/main.py': 'print("hi")\n' });
  await chmod(join(context, 'app'), 0o755);
  await chmod(join(context, 'app/main.py'), 0o644);
  await symlink('app/main.py', join(context, 'run'));
  const inputs = { context: 'context', file: 'Dockerfile', 'build-args': 'V=1', platforms: 'linux/amd64' };
  const entry = join(root, 'dist/build-image/index.js');
  for (const node of [node20, process.execPath]) {
    const run = await runAction(
      'build-image',
      { image: b.image, mode: 'plan', ...inputs },
      { cwd: b.workspace, env: { RUNNER_TEMP: b.temp }, entry, node },
    );
    expect(run.log).not.toContain('::error');
    expect(run.outputs).toMatchObject({
      reused: 'false',
      'source-key': '00689c3c5f5f771825b64323dde65758d1595d0a707872f1d4992bbc486b9878',
    });
  }
});
