/** The version that runs before the demo begins: what an earlier delivery would have left behind. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActionError, systemExec } from '../../src/runner/index.ts';
import { git } from '../forge/git.ts';
import type { Forge } from '../forge/server.ts';
import { CONFIG, CONFIG_APP, SERVICE, VALUES_FILE } from './seed.ts';

/** An image in the registry and its handoff, by the bundles themselves. @throws ActionError E_LAB_FIRST_VERSION */
export async function installFirst(o: {
  root: string;
  forge: Forge;
  image: string;
  buildArgs: string;
  path: string;
  /** Value path of the image. */
  imagePath: string;
  signal: AbortSignal;
}): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'first-'));
  try {
    const cloned = await systemExec('git', ['clone', '--quiet', o.path, join(dir, 'work')], { timeout: 60 });
    if (cloned.code !== 0) throw new Error(`git clone: ${cloned.stderrTail}`);
    const token = o.forge.createToken({ kind: 'app', appId: Number(CONFIG_APP), permissions: { contents: 'write' } });
    const revision = (await git(o.path, ['rev-parse', 'main'])).toString('utf8').trim();
    const env = {
      GITHUB_REPOSITORY: SERVICE,
      GITHUB_SHA: revision,
      GITHUB_REF: 'refs/heads/main',
      GITHUB_SERVER_URL: o.forge.url,
      GITHUB_API_URL: o.forge.apiUrl,
      GITHUB_EVENT_NAME: 'push',
    };
    const bundle = { root: o.root, dir, env, signal: o.signal };
    const built = await runBundle('build-image', { image: o.image, push: 'true', 'build-args': o.buildArgs }, bundle);
    const handoff = {
      'config-repository': CONFIG,
      token,
      'source-token': token,
      image: o.image,
      tag: built.tag ?? '',
      digest: built.digest ?? '',
      file: VALUES_FILE,
      'image-path': o.imagePath,
    };
    await runBundle('bump-helm-tag', handoff, bundle);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runBundle(
  name: string,
  inputs: Record<string, string>,
  { root, dir, env, signal }: { root: string; dir: string; env: Record<string, string>; signal: AbortSignal },
): Promise<Record<string, string>> {
  const output = join(dir, `${name}.json`);
  const result = await systemExec(process.execPath, [join(root, 'dist', name, 'index.js')], {
    cwd: join(dir, 'work'),
    env: {
      PATH: process.env.PATH,
      HOME: dir,
      RUNNER_TEMP: dir,
      GITHUB_WORKSPACE: join(dir, 'work'),
      GITHUB_OUTPUT: output,
      ...env,
      ...Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
    },
    timeout: 300,
    signal,
  });
  if (result.code !== 0) {
    throw new ActionError('E_LAB_FIRST_VERSION', {
      what: `first version (${name})`,
      why: result.stdoutTail.trim().split('\n').slice(-8).join('\n'),
      fix: 'See the message of the action above',
    });
  }
  return readOutputs(output);
}

async function readOutputs(path: string): Promise<Record<string, string>> {
  const outputs: Record<string, string> = {};
  for (const [, name = '', , value = ''] of (await readFile(path, 'utf8')).matchAll(
    /^([\w-]+)<<(\S+)\n([\s\S]*?)\n\2$/gm,
  ))
    outputs[name] = value;
  return outputs;
}
