/** The user's docker config: read by a run, written by none, however the run ends. */
import { access, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Bench, bench } from './kit.ts';

/**
 * A buildx alone, as the real one is with its folder: every command writes there, also one that only asks. It works when
 * it finds the user's builder, current one and context. A build waits, or fails.
 */
const BUILDX = `#!/bin/sh
config="\${BUILDX_CONFIG:-\${DOCKER_CONFIG:-$HOME/.docker}/buildx}"
mkdir -p "$config/instances" "$config/refs" "$config/activity" && : > "$config/.lock" && echo used > "$config/activity/mine"
[ "$1" = version ] && echo "github.com/docker/buildx v0.19.3 abc" && exit 0
[ "$(cat "$config/current")" = mine ] && [ -s "$config/instances/mine" ] || { echo "no builder" >&2; exit 1; }
[ -s "$DOCKER_CONFIG/contexts/meta/one/meta.json" ] || { echo "no context" >&2; exit 1; }
[ -e "$config/refs/old" ] && { echo "the history was copied" >&2; exit 1; }
[ "$1" = inspect ] && printf 'Driver: docker-container\\nStatus: running\\nBuildKit version: v0.28.1\\n' && exit 0
echo new > "$config/refs/new"
[ -n "$WAITING" ] && : > "$WAITING" && sleep 60
echo "the builder was found" >&2
exit 1
`;

async function snapshot(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const entries = names.sort().map(async (name) => {
    const path = join(folder, name);
    const { mode, mtimeMs } = await lstat(path);
    const content = await readFile(path, 'latin1').catch(() => '');
    return `${name} ${mode} ${mtimeMs} ${content}`;
  });
  return Promise.all(entries);
}

async function userFolder(b: Bench, name: string): Promise<string> {
  const folder = join(b.temp, '..', name);
  const files = {
    'config.json': '{"currentContext":"one","auths":{"elsewhere.example":{"auth":"dTpw"}}}',
    'contexts/meta/one/meta.json': '{"Name":"one"}',
    'buildx/current': 'mine',
    'buildx/instances/mine': '{"Name":"mine","Driver":"docker-container"}',
    'buildx/refs/old': 'history',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

test('T46 a buildx alone finds builder and context of the user; after every way to end the folder is the same', async () => {
  await using b = await bench();
  const user = await userFolder(b, 'docker');
  const before = await snapshot(user);
  const bin = join(b.temp, '../buildx-bin');
  await mkdir(bin);
  await writeFile(join(bin, 'buildx'), BUILDX, { mode: 0o755 });
  const path = `${bin}:${b.temp}/../engine/bin:${process.env.PATH}`;
  const run = async (inputs: Record<string, string>, env: Record<string, string> = {}, signal?: AbortSignal) => {
    const r = await b.run(inputs, { DOCKER_CONFIG: user, PATH: path, ...env }, signal);
    expect(await snapshot(user)).toEqual(before);
    expect(await b.leftovers()).toEqual([]);
    return r;
  };
  const failed = await run({});
  expect(failed.log).toContain('[E_BUILD]');
  expect(failed.log).toContain('the builder was found');
  // What no registry tells of makes it ask for the engine before the build.
  await b.write({ Other: `FROM ${b.lab.host}/none:1\n` });
  expect((await run({ mode: 'plan', file: 'Other' })).log).toContain('W_BASE_UNRESOLVED');
  const stop = new AbortController();
  const waiting = join(b.temp, '../waiting');
  const running = run({}, { WAITING: waiting }, stop.signal);
  for (let there = false; !there; )
    there = await access(waiting).then(
      () => true,
      () => new Promise<boolean>((go) => setTimeout(() => go(false), 50)),
    );
  stop.abort();
  expect((await running).log).toContain('[E_CANCELLED]');
  expect((await run({ engine: 'docker' })).log).toContain('[E_ENGINE_NONE]');
  // The rest with an engine that builds.
  const built = await run({ engine: 'buildah' });
  expect(built.outputs).toMatchObject({ pushed: 'true', reused: 'false' });
  expect((await run({ engine: 'buildah' })).outputs.reused).toBe('true');
  expect((await run({ engine: 'buildah', push: 'false' })).outputs.pushed).toBe('false');
  const { digest = '' } = built.outputs;
  const source = `${b.image}@${digest}`;
  expect((await run({ mode: 'promote', source, tags: 'raw:1.0.0' })).outputs.digest).toBe(digest);
  expect((await run({ mode: 'merge', digests: digest, tags: 'raw:merged' })).outputs.pushed).toBe('true');
  expect((await run({ tags: 'raw:-' })).log).toContain('[E_TAG_INVALID]');
});

test('a user without any docker config has none afterwards; a moved folder of builders is read and not written', async () => {
  await using b = await bench();
  const home = join(b.temp, '../home');
  await mkdir(home);
  const bin = join(b.temp, '../buildx-bin');
  await mkdir(bin);
  await writeFile(join(bin, 'buildx'), BUILDX, { mode: 0o755 });
  const env = { HOME: home, PATH: `${bin}:${b.temp}/../engine/bin:${process.env.PATH}` };
  expect((await b.run({}, env)).outputs.engine).toMatch(/^buildah /);
  expect(await readdir(home)).toEqual([]);
  const user = await userFolder(b, 'docker');
  const moved = join(user, 'buildx');
  const before = await snapshot(user);
  await mkdir(join(home, '.docker/contexts/meta/one'), { recursive: true });
  await writeFile(join(home, '.docker/contexts/meta/one/meta.json'), '{"Name":"one"}');
  await b.write({ 'app/main.txt': 'two\n' });
  await b.commit('second');
  const r = await b.run({}, { ...env, BUILDX_CONFIG: moved });
  expect(r.log).toContain('the builder was found');
  expect(await snapshot(user)).toEqual(before);
  expect(await readdir(join(home, '.docker'))).toEqual(['contexts']);
});
