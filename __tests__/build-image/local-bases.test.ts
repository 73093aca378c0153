/** Bases that only the store of the engine knows. */
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import type { Exec } from '../../src/runner/index.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { installBuildx } from './buildx-standin.ts';
import { commit, ended, type Inside, inside } from './inprocess.ts';
import { writes } from './kit.ts';

const id = (digit: string): string => digit.repeat(64);

/** buildah with images of its own. @returns what it was given as Dockerfile by each build */
function buildahWith(i: Inside, images: Map<string, string>): string[] {
  const real = i.programs.get('buildah') as Exec;
  const built: string[] = [];
  i.programs.set('buildah', async (file, args, o) => {
    if (args[0] === 'inspect') {
      expect(args.slice(1, -1)).toEqual(['--type', 'image', '--format', '{{.FromImageID}}']);
      const found = images.get(args.at(-1) ?? '');
      return found === undefined ? ended(125, '', 'image not known') : ended(0, `${found}\n`);
    }
    if (args[0] === 'build') {
      const path = args[args.indexOf('--file') + 1] ?? '';
      const text = await readFile(path, 'utf8');
      built.push(text);
      // The stand-in has no local images to start from.
      await writeFile(path, text.replace(/^FROM .*/, 'FROM scratch'));
    }
    return real(file, args, o);
  });
  return built;
}

/** docker without any plugin, with images of its own. */
function dockerWith(images: Map<string, string>): Exec {
  return async (_file, args) => {
    if (args[0] === 'version') return ended(0, '28.2.2 28.2.2\n');
    if (args.slice(0, 4).join(' ') !== 'image inspect --format {{.Id}}') return ended(1, '', 'no plugin');
    const found = images.get(args[4] ?? '');
    return found === undefined ? ended(1, '', 'No such image') : ended(0, `sha256:${found}\n`);
  };
}

/** Programs, but for the one that tells the time of the commit. */
const started = (i: Inside): string[][] => i.ran.filter(([program]) => program !== 'git');
const key = (r: { outputs: Record<string, unknown> }): unknown => r.outputs['source-key'];

describe('a base that no registry tells of', () => {
  test('buildah has it: its ID counts, the line stays, the base is not pinned; the image is used again', async () => {
    await using i = await inside();
    const name = `${i.lab.host}/made-here:1`;
    await i.write({ Dockerfile: `FROM ${name}\nCOPY app /app\n` });
    const images = new Map([[name, id('1')]]);
    const built = buildahWith(i, images);
    const first = await i.run();
    expect(first).toMatchObject({ message: '', warnings: ['W_BASE_LOCAL'], outputs: { reused: false } });
    expect(built).toEqual([`FROM ${name}\nCOPY app /app\n`]);
    // Nothing that was not read back from a registry is in an output.
    expect(JSON.parse(String(first.outputs['base-images']))).toEqual([{ name, digest: null, pinned: false }]);
    expect(i.lab.tag('o/app', `src-${key(first)}`)).toBe(first.outputs.digest);
    const again = await i.run({}, commit(2));
    expect(again).toMatchObject({ outputs: { reused: true, digest: first.outputs.digest } });
    expect(built).toHaveLength(1);
    // Made anew under the same name, it is another base.
    images.set(name, id('2'));
    const moved = await i.run({}, commit(3));
    expect(moved.outputs.reused).toBe(false);
    expect(key(moved)).not.toBe(key(first));
    expect((await i.run({ reuse: 'only' }, commit(4))).outputs.reused).toBe(true);
  });

  test('docker has it, by the name as it is written with its variables', async () => {
    await using i = await inside();
    await i.write({ Dockerfile: `ARG V=1\nFROM ${i.lab.host}/made-here:$V\nCOPY app /app\n` });
    i.programs.set('docker', dockerWith(new Map([[`${i.lab.host}/made-here:1`, id('1')]])));
    const r = await i.run({ mode: 'plan', engine: 'docker', tags: 'content' });
    expect(r).toMatchObject({ message: '', warnings: ['W_BASE_LOCAL'] });
    expect(r.outputs.tag).toBe(`c-${String(key(r)).slice(0, 16)}`);
    expect(writes(i.lab)).toEqual([]);
  });

  test('only the builder of the daemon sees its images; no other builder is made or woken to be asked', async () => {
    await using i = await inside();
    const name = `${i.lab.host}/made-here:1`;
    await i.write({ Dockerfile: `FROM ${name}\nCOPY app /app\n` });
    const look = async (driver: string, inputs: Record<string, string>, env: Record<string, string> = {}) => {
      installBuildx(i, { driver, daemon: true, running: driver === 'docker' });
      const buildx = i.programs.get('docker') as Exec;
      const images = dockerWith(new Map([[name, id('1')]]));
      i.programs.set('docker', (file, args, o) => (args[0] === 'image' ? images : buildx)(file, args, o));
      i.ran.length = 0;
      const r = await i.run({ mode: 'plan', ...inputs }, env);
      expect(i.ran.filter((words) => words.includes('create') || words.includes('--bootstrap'))).toEqual([]);
      return r.warnings;
    };
    expect(await look('docker', {})).toEqual(['W_BASE_LOCAL']);
    expect(await look('docker-container', {})).toEqual(['W_BASE_UNRESOLVED']);
    expect(await look('kubernetes', { builder: 'mine' })).toEqual(['W_BASE_UNRESOLVED']);
    expect(await look('docker', { builder: 'new' })).toEqual(['W_BASE_UNRESOLVED']);
    expect(await look('docker', { provenance: 'max' })).toEqual(['W_BASE_UNRESOLVED']);
    expect(await look('docker', {}, { BUILDKIT_HOST: 'tcp://buildkit.example:1234' })).toEqual(['W_BASE_UNRESOLVED']);
  });

  test.each([
    ['the name that a COPY takes from', 'FROM scratch\nCOPY --from=BASE x /x\n', true],
    ['the name of a bind mount', 'FROM scratch\nRUN --mount=type=bind,from=BASE,target=/x y\n', true],
    ['a front end', '# syntax=BASE\nFROM scratch\nCOPY app /app\n', false],
    ['a name that nobody can expand', 'FROM BASE$UNKNOWN\nCOPY app /app\n', false],
  ])('%s', async (_name, text, counts) => {
    await using i = await inside();
    const name = `${i.lab.host}/made-here:1`;
    await i.write({ Dockerfile: text.replace('BASE', name) });
    buildahWith(i, new Map([[name, id('1')]]));
    const r = await i.run({ mode: 'plan' });
    expect(r.warnings).toEqual([counts ? 'W_BASE_LOCAL' : 'W_BASE_UNRESOLVED']);
    if (!counts) expect(started(i)).toEqual([]);
  });

  test('a registry that is down, refuses, or limits is as good as none', async () => {
    await using i = await inside();
    const name = `${i.lab.host}/made-here:1`;
    await i.write({ Dockerfile: `FROM ${name}\nCOPY app /app\n` });
    buildahWith(i, new Map([[name, id('1')]]));
    const keys = new Set<unknown>();
    for (const status of [401, 403, 404, 500]) {
      i.lab.faults.clear();
      i.lab.faults.add({ operation: 'head-manifest', path: /made-here/, times: 100, answer: { status } });
      const r = await i.run({ mode: 'plan' });
      expect(r.warnings).toEqual(['W_BASE_LOCAL']);
      keys.add(key(r));
    }
    expect(keys.size).toBe(1);
  });
});

describe('no engine is asked', () => {
  test('when the registry gave a digest, even if the engine has the name too', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    const name = `${i.lab.host}/base:1`;
    await pushImage(c.registry, 'base', '1', makeImage('one'));
    await i.write({ Dockerfile: `FROM ${name}\nCOPY app /app\n` });
    buildahWith(i, new Map([[name, id('1')]]));
    const r = await i.run({ mode: 'plan' });
    expect(r.warnings).toEqual([]);
    expect(started(i)).toEqual([]);
    expect(JSON.parse(String(r.outputs['base-images']))).toMatchObject([{ digest: makeImage('one').digest }]);
  });

  test('with require-pinned-base: a local image is never pinned', async () => {
    await using i = await inside();
    const name = `${i.lab.host}/made-here:1`;
    await i.write({ Dockerfile: `FROM ${name}\nCOPY app /app\n` });
    buildahWith(i, new Map([[name, id('1')]]));
    expect((await i.run({ 'require-pinned-base': 'true' })).code).toBe('E_UNPINNED_BASE');
    expect(started(i)).toEqual([]);
  });

  test('for several platforms, of which a store holds one', async () => {
    await using i = await inside();
    const name = `${i.lab.host}/made-here:1`;
    await i.write({ Dockerfile: `FROM ${name}\nCOPY app /app\n` });
    buildahWith(i, new Map([[name, id('1')]]));
    const r = await i.run({ mode: 'plan', platforms: 'linux/amd64\nlinux/arm64' });
    expect(r.warnings).toEqual(['W_BASE_UNRESOLVED']);
    expect(started(i)).toEqual([]);
  });
});

test('without any engine, what was built is still found by its immutable tag', async () => {
  await using i = await inside();
  const name = `${i.lab.host}/made-here:1`;
  await i.write({ Dockerfile: `FROM ${name}\nCOPY app /app\n` });
  buildahWith(i, new Map([[name, id('1')]]));
  const first = await i.run();
  i.programs.delete('buildah');
  const again = await i.run();
  expect(again).toMatchObject({
    warnings: ['W_BASE_UNRESOLVED', 'W_BASE_MOVED'],
    outputs: { reused: true, digest: first.outputs.digest },
  });
});
