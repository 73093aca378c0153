/** build-image with a marker in every input that holds a secret, and every place looked at where one could show. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import { type RegistryHandle, type RegistryOptions, startRegistry } from '../../lab/registry/server.ts';
import type { ActionResult } from '../support/bundle.ts';
import { installShims, leaksIn, leftIn, withoutMasks } from '../support/watch.ts';
import { type Bench, bench } from './kit.ts';

/** What may be nowhere. */
export const MARKS = {
  password: 'mark-password-1x7',
  'password in base64': Buffer.from('robot:mark-password-1x7').toString('base64'),
  'registry-auth': 'mark-registry-auth-2x7',
  'registry-auth in base64': Buffer.from('second:mark-registry-auth-2x7').toString('base64'),
  'secrets, first line': 'mark-value-one-3x7',
  'secrets, second line': 'mark-value-two-3x7',
  'secret-envs': 'mark-variable-4x7',
  'secret-files': 'mark-file-5x7',
  'github-token': 'mark-github-token-6x7',
} as const;

export interface Ended extends ActionResult {
  /** Code of the error; '' when the run is green. */
  failure: string;
  argv: string;
  places: Record<string, string>;
  left: string[];
}

export interface LeakBench extends AsyncDisposable {
  b: Bench;
  /** A second registry with a login of its own. */
  mirror: RegistryHandle;
  /** Both images, one a line. */
  images: string;
  /** Inputs that promote the digest from the first registry to the second. */
  promote(digest: string): Record<string, string>;
  /** @param script the engine from its first build on; it may call `"$0.real"` */
  run(
    inputs?: Record<string, string>,
    o?: { script?: string; signal?: AbortSignal; env?: Record<string, string> },
  ): Promise<Ended>;
}

export async function leakBench(options: RegistryOptions = {}): Promise<LeakBench> {
  const b = await bench({ auth: { kind: 'token', users: { robot: MARKS.password } }, ...options });
  const mirror = await startRegistry({ auth: { kind: 'basic', users: { second: MARKS['registry-auth'] } } });
  const root = join(b.temp, '..');
  const [home, files, config] = [join(root, 'home'), join(root, 'files'), join(root, 'docker')];
  for (const folder of [home, files, config]) await mkdir(folder);
  const user = JSON.stringify({
    auths: { 'elsewhere.example': { auth: Buffer.from('user:other').toString('base64') } },
  });
  await writeFile(join(config, 'config.json'), user);
  await b.write({ 'secret.txt': `${MARKS['secret-files']}\n`, '.dockerignore': '.git\nsecret.txt\n' });
  const path = `${root}/engine/bin:${process.env.PATH}`;
  const shims = await installShims(root, ['git', 'buildah', 'docker'], path);
  const command: Record<string, string> = {};
  for (const name of ['GITHUB_STATE', 'GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_ARTIFACTS'])
    command[name] = join(files, name);
  const given = {
    username: 'robot',
    password: MARKS.password,
    'registry-auth': `[{registry: '${mirror.host}', username: second, password: ${MARKS['registry-auth']}}]`,
    secrets: JSON.stringify({ a: `${MARKS['secrets, first line']}\n${MARKS['secrets, second line']}` }),
    'secret-envs': 'b=MARKED',
    'secret-files': 'c=secret.txt',
    'github-token': MARKS['github-token'],
    // Whatever else this machine has.
    engine: 'buildah',
  };
  return {
    b,
    mirror,
    images: `${b.image}\n${mirror.host}/o/app`,
    promote: (digest) => ({
      mode: 'promote',
      image: `${mirror.host}/o/app`,
      source: `${b.image}@${digest}`,
      tags: 'raw:1.0.0',
      // The two logins of before, the other way round: the first image is in the other registry now.
      username: 'second',
      password: MARKS['registry-auth'],
      'registry-auth': `[{registry: '${b.lab.host}', username: robot, password: ${MARKS.password}}]`,
    }),
    async run(inputs = {}, { script = 'exec "$0.real" "$@"', signal, env: more } = {}) {
      await installScript(root, script);
      const env = {
        ...command,
        PATH: `${shims.bin}:${path}`,
        HOME: home,
        DOCKER_CONFIG: config,
        MARKED: MARKS['secret-envs'],
        GITHUB_SERVER_URL: 'https://github.com',
        ...more,
      };
      const result = await b.run({ ...given, ...inputs }, env, signal);
      const argv = await shims.argv();
      // The variable that a secret is taken from is the caller's own.
      const environment = (await shims.environment()).filter((line) => !line.startsWith('MARKED='));
      const written = Object.values(command).map((file) => readFile(file, 'utf8').catch(() => ''));
      const requests = [...b.lab.requests(), ...mirror.requests()].map((r) => r.path);
      expect(await readFile(join(config, 'config.json'), 'utf8')).toBe(user);
      const places = {
        log: withoutMasks(result.log),
        outputs: JSON.stringify(result.outputs),
        // As a reader sees it, without the marks of the writers.
        summary: result.summary + result.summary.replaceAll('\\', ''),
        'files of the runner': (await Promise.all(written)).join('\n'),
        argv,
        environment: environment.join('\n'),
        addresses: requests.join('\n'),
        images: [b.lab, mirror].map((lab) => contentOf(lab, 'o/app')).join('\n'),
      };
      const code = /^::error title=(E_\w+)/m.exec(result.log)?.[1] ?? '';
      return { ...result, failure: code, argv, places, left: await leftIn(b.temp, home, config) };
    },
    async [Symbol.asyncDispose]() {
      await mirror.close();
      await b[Symbol.asyncDispose]();
    },
  };
}

/** No marker, no token of a registry, nothing else that was masked; and nothing left but the user's own files. */
export function expectSealed(run: Ended, more: Readonly<Record<string, string>> = {}): void {
  const masked = [...run.log.matchAll(/^::add-mask::(.+)$/gm)].map(([, value = '']) => value);
  const secrets = { ...MARKS, ...more, ...Object.fromEntries(masked.map((value, i) => [`masked ${i + 1}`, value])) };
  expect(leaksIn(run.places, secrets)).toEqual([]);
  expect(run.left).toEqual(['config.json']);
}

async function installScript(root: string, script: string): Promise<void> {
  const command = join(root, 'engine/bin/buildah');
  const kept = await readFile(`${command}.real`, 'utf8').catch(() => readFile(command, 'utf8'));
  await writeFile(`${command}.real`, kept, { mode: 0o755 });
  const questions = 'case "$1" in version|info) exec "$0.real" "$@";; esac';
  await writeFile(command, `#!/bin/sh\n${questions}\n${script}\n`, { mode: 0o755 });
}

/** Manifests, configs with their history, and layers of every tag. */
function contentOf(lab: RegistryHandle, repository: string): string {
  const texts: string[] = [];
  for (const tag of lab.tags(repository)) {
    const bytes = String(lab.content(repository, lab.tag(repository, tag) ?? ''));
    texts.push(tag, bytes);
    for (const [digest] of bytes.matchAll(/sha256:[0-9a-f]{64}/g)) {
      const blob = lab.content(repository, digest) ?? Buffer.alloc(0);
      texts.push(String(blob.toString('hex', 0, 2) === '1f8b' ? gunzipSync(blob) : blob));
    }
  }
  return texts.join('\n');
}
