/** The inputs of build-image as one frozen object. */
import { z } from 'zod';
import { type Credentials, type ImageName, nameOf, parseImage } from '../oci/index.ts';
import { ActionError, type Env, field, parseInputs, readInputs } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Reuse } from './decide.ts';
import type { EngineName } from './engines/detect.ts';
import { parseRegistryAuth } from './registry-auth.ts';
import { planSecrets, type Secret } from './secrets.ts';
import type { ImmutableTags } from './tags.ts';

export const INPUTS = [
  'image',
  'tags',
  'immutable-tags',
  'labels',
  'mode',
  'context',
  'file',
  'target',
  'platforms',
  'build-args',
  'allow-secret-args',
  'secrets',
  'secret-envs',
  'secret-files',
  'engine',
  'username',
  'password',
  'registry-auth',
  'github-token',
  'insecure-registries',
  'trusted-realms',
  'push',
  'reuse',
  'reuse-max-age',
  'require-pinned-base',
  'cache',
  'retries',
  'timeout',
] as const;

export interface BuildInputs {
  images: readonly [ImageName, ...ImageName[]];
  /** Some repository was written with upper case. */
  lowered: boolean;
  tags: readonly string[];
  immutableTags: ImmutableTags;
  labels: readonly [string, string][];
  mode: 'build' | 'plan';
  workspace: string;
  context: string;
  file: string;
  target: string;
  platform: string;
  args: readonly [string, string][];
  allowSecretArgs: readonly string[];
  secrets: readonly Secret[];
  engine: EngineName;
  logins: ReadonlyMap<string, Credentials>;
  insecure: readonly string[];
  trustedRealms: readonly string[];
  push: 'true' | 'false' | 'auto';
  reuse: Reuse;
  reuseMaxAge: number | undefined;
  requirePinnedBase: boolean;
  noCache: boolean;
  retries: number;
  timeout: number;
}

const platform = /^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/;

const schema = z
  .object({
    image: field.required('the image, registry/repository such as ghcr.io/o/app').pipe(field.lines()),
    tags: field.list(),
    'immutable-tags': field.list(),
    labels: field.pairs(),
    mode: field.oneOf(['build', 'plan'], 'build'),
    context: z.string(),
    file: z.string(),
    target: z.string().regex(/^[\w.-]*$/, 'is not the name of a stage'),
    platforms: field.lines(),
    'build-args': field.pairs(),
    'allow-secret-args': field.lines(),
    secrets: field.pairs(),
    'secret-envs': field.pairs(),
    'secret-files': field.pairs(),
    engine: field.oneOf(['auto', 'docker', 'buildah'], 'auto'),
    username: z.string(),
    password: z.string(),
    'registry-auth': z.string(),
    'github-token': z.string(),
    'insecure-registries': field.lines(),
    'trusted-realms': field.lines(),
    push: field.oneOf(['auto', 'true', 'false'], 'auto'),
    reuse: field.oneOf(['auto', 'off', 'only'], 'auto'),
    'reuse-max-age': z.union([z.literal('').transform(() => undefined), field.duration()]),
    'require-pinned-base': field.bool(false),
    cache: field.oneOf(['auto', 'off'], 'auto'),
    retries: field.integer(0, 10, 4),
    timeout: field.duration('60m'),
  })
  .superRefine((v, ctx) => {
    const problem = (input: string, message: string): void => ctx.addIssue({ code: 'custom', path: [input], message });
    if (v.image.length > 8) problem('image', 'has more than 8 lines');
    if (v.tags.length > 32) problem('tags', 'has more than 32 rules');
    if (v.platforms.length > 1)
      problem('platforms', 'the engines docker and buildah build one platform here; run one job for each');
    for (const p of v.platforms) if (!platform.test(p)) problem('platforms', `"${oneLine(p, 60)}" is not os/arch`);
    for (const [key] of v['build-args']) {
      if (!/^[A-Za-z_]\w*$/.test(key)) problem('build-args', `"${oneLine(key, 60)}" is not a name`);
    }
    for (const [key] of v.labels) {
      if (key.startsWith('build-image.')) problem('labels', 'the prefix build-image. belongs to this action');
    }
    if ((v.username === '') !== (v.password === '')) problem('password', 'username and password go together');
    if (v.reuse === 'only' && v.push === 'false') problem('reuse', 'only needs a registry, and push is false');
    if (v.timeout < 1 || v.timeout > 6 * 3600) problem('timeout', 'must be from 1s to 6h');
  });

/** @throws ActionError E_INPUT, E_IMAGE_NAME, E_SECRET_FORMAT */
export function parseBuildInputs(env: Env): BuildInputs {
  const v = parseInputs(schema, readInputs(INPUTS, env));
  const parsed = v.image.map(parseName);
  const [first, ...rest] = parsed.map((p) => p.image);
  if (first === undefined) throw nameError('', 'no image is given');
  const names = new Set(parsed.map((p) => nameOf(p.image)));
  if (names.size < parsed.length) throw nameError(v.image[0] ?? '', 'the same image stands there twice');
  const workspace = env.GITHUB_WORKSPACE || process.cwd();
  const rules = v['immutable-tags'];
  const word = rules.length === 0 ? 'auto' : rules.length === 1 ? rules[0] : undefined;
  const logins = new Map<string, Credentials>(parseRegistryAuth(v['registry-auth']));
  if (v.username !== '') logins.set(first.host, { username: v.username, password: v.password });
  const token = v['github-token'];
  // A token of GitHub Enterprise Server must not travel to ghcr.io.
  if (token !== '' && (env.GITHUB_SERVER_URL ?? '') === 'https://github.com' && !logins.has('ghcr.io')) {
    logins.set('ghcr.io', { username: env.GITHUB_ACTOR || 'github', password: token });
  }
  return Object.freeze({
    images: [first, ...rest] as const,
    lowered: parsed.some((p) => p.lowered),
    tags: v.tags.length === 0 ? ['sha'] : v.tags,
    immutableTags: word === 'auto' || word === 'all' || word === 'none' ? word : rules,
    labels: v.labels,
    mode: v.mode,
    workspace,
    context: v.context || '.',
    file: v.file,
    target: v.target,
    platform: v.platforms[0] ?? `linux/${nativeArchitecture()}`,
    args: v['build-args'],
    allowSecretArgs: v['allow-secret-args'],
    secrets: planSecrets({ values: v.secrets, envs: v['secret-envs'], files: v['secret-files'] }, env),
    engine: v.engine,
    logins,
    insecure: v['insecure-registries'],
    trustedRealms: v['trusted-realms'],
    push: v.push,
    reuse: v.reuse,
    reuseMaxAge: v['reuse-max-age'],
    requirePinnedBase: v['require-pinned-base'],
    noCache: v.cache === 'off',
    retries: v.retries,
    timeout: v.timeout,
  });
}

function parseName(text: string): { image: ImageName; lowered: boolean } {
  const result = parseImage(text);
  if ('problem' in result) throw nameError(text, result.problem);
  return result;
}

function nameError(text: string, why: string): ActionError {
  const fix = 'Write registry/repository, such as ghcr.io/o/app or docker.io/o/app';
  return new ActionError('E_IMAGE_NAME', { what: `input image "${oneLine(text, 120)}"`, why, fix });
}

function nativeArchitecture(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm/v7', ppc64: 'ppc64le' };
  return names[process.arch] ?? process.arch;
}
