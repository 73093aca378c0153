/** The inputs of build-image as one frozen object. */
import { type Credentials, type Digest, type ImageName, type ImageRef, nameOf, parseImage } from '../oci/index.ts';
import { ActionError, type Env, inputError, parseInputs, readInputs } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Reuse } from './decide.ts';
import type { EngineName } from './engines/detect.ts';
import { type BuildContext, type PinnedDownload, parseSource, type SshForward } from './input-forms.ts';
import { INPUTS, schema } from './input-schema.ts';
import { parseRegistryAuth } from './registry-auth.ts';
import { planSecrets, type SecretSource } from './secrets.ts';
import type { ImmutableTags } from './tags.ts';

export interface BuildInputs {
  images: readonly [ImageName, ...ImageName[]];
  /** Some repository was written with upper case. */
  lowered: boolean;
  tags: readonly string[];
  immutableTags: ImmutableTags;
  labels: readonly [string, string][];
  mode: 'build' | 'plan' | 'merge' | 'promote';
  workspace: string;
  context: string;
  file: string;
  target: string;
  /** Never empty; of the runner when none was given. */
  platforms: readonly string[];
  platformsGiven: boolean;
  args: readonly [string, string][];
  allowSecretArgs: readonly string[];
  secrets: readonly SecretSource[];
  buildContexts: readonly BuildContext[];
  ssh: readonly SshForward[];
  engine: EngineName;
  engineOptions: readonly [string, string][];
  builder: string;
  builderImage: ImageRef;
  installBuildx: PinnedDownload | undefined;
  logins: ReadonlyMap<string, Credentials>;
  insecure: readonly string[];
  trustedRealms: readonly string[];
  push: 'true' | 'false' | 'auto' | 'stage';
  reuse: Reuse;
  reuseMaxAge: number | undefined;
  requirePinnedBase: boolean;
  cache: 'auto' | 'gha' | 'registry' | 'local' | 'off';
  cacheFrom: readonly string[];
  cacheTo: readonly string[];
  provenance: 'none' | 'min' | 'max';
  sbom: boolean;
  reproducible: boolean;
  /** Compressed bytes of the largest platform. */
  sizeBudget: number | undefined;
  digests: readonly Digest[];
  source: ImageRef | undefined;
  retries: number;
  timeout: number;
}

/** @throws ActionError E_INPUT, E_IMAGE_NAME, E_SECRET_FORMAT */
export function parseBuildInputs(env: Env): BuildInputs {
  const v = parseInputs(schema, readInputs(INPUTS, env));
  const parsed = v.image.map(parseName);
  const [first, ...rest] = parsed.map((p) => p.image);
  if (first === undefined) throw nameError('', 'no image is given');
  const names = new Set(parsed.map((p) => nameOf(p.image)));
  if (names.size < parsed.length) throw nameError(v.image[0] ?? '', 'the same image stands there twice');
  const rules = v['immutable-tags'];
  const word = rules.length === 0 ? 'auto' : rules.length === 1 ? rules[0] : undefined;
  const builderImage = parseSource(v['builder-image'] || 'docker.io/moby/buildkit:buildx-stable-1');
  if ('problem' in builderImage || builderImage.value === undefined) {
    throw inputError([{ input: 'builder-image', problem: 'is not image:tag or image@sha256:…' }]);
  }
  return Object.freeze({
    images: [first, ...rest] as const,
    lowered: parsed.some((p) => p.lowered),
    tags: v.tags.length === 0 ? ['sha'] : v.tags,
    immutableTags: word === 'auto' || word === 'all' || word === 'none' ? word : rules,
    labels: v.labels,
    mode: v.mode,
    workspace: env.GITHUB_WORKSPACE || process.cwd(),
    context: v.context || '.',
    file: v.file,
    target: v.target,
    platforms: v.platforms.length === 0 ? [nativePlatform()] : v.platforms,
    platformsGiven: v.platforms.length > 0,
    args: v['build-args'],
    allowSecretArgs: v['allow-secret-args'],
    secrets: planSecrets({ values: v.secrets, envs: v['secret-envs'], files: v['secret-files'] }, env),
    buildContexts: v['build-contexts'],
    ssh: v.ssh,
    engine: v.engine,
    engineOptions: v['engine-options'],
    builder: v.builder || 'auto',
    builderImage: builderImage.value,
    installBuildx: v['install-buildx'],
    logins: loginsOf(v, first, env),
    insecure: v['insecure-registries'],
    // As the URL of a realm has it.
    trustedRealms: v['trusted-realms'].map((host) => host.toLowerCase()),
    push: v.push,
    reuse: v.reuse,
    reuseMaxAge: v['reuse-max-age'],
    requirePinnedBase: v['require-pinned-base'],
    cache: v.cache,
    cacheFrom: v['cache-from'],
    cacheTo: v['cache-to'],
    provenance: v.provenance,
    sbom: v.sbom,
    reproducible: v.reproducible === 'on',
    sizeBudget: v['size-budget'],
    digests: v.digests,
    source: v.source,
    retries: v.retries,
    timeout: v.timeout,
  });
}

type Texts = Readonly<Record<'username' | 'password' | 'registry-auth' | 'github-token', string>>;

function loginsOf(v: Texts, primary: ImageName, env: Env): ReadonlyMap<string, Credentials> {
  const logins = new Map<string, Credentials>(parseRegistryAuth(v['registry-auth']));
  if (v.username !== '') logins.set(primary.host, { username: v.username, password: v.password });
  const token = v['github-token'];
  // A token of GitHub Enterprise Server must not travel to ghcr.io.
  if (token !== '' && (env.GITHUB_SERVER_URL ?? '') === 'https://github.com' && !logins.has('ghcr.io')) {
    logins.set('ghcr.io', { username: env.GITHUB_ACTOR || 'github', password: token });
  }
  return logins;
}

function parseName(text: string): { image: ImageName; lowered: boolean } {
  const result = parseImage(text);
  if ('problem' in result) throw nameError(text, result.problem);
  return result;
}

function nameError(text: string, why: string): ActionError {
  const fix = 'Write registry/repository, such as ghcr.io/o/app or docker.io/o/app';
  // A login in front of the host is a secret that nobody has masked.
  const shown = oneLine(text.replace(/^.*@(?=.*\/)/, '…@'), 120);
  return new ActionError('E_IMAGE_NAME', { what: `input image "${shown}"`, why, fix });
}

/** `linux/` and the architecture of the runner. */
export function nativePlatform(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm/v7', ppc64: 'ppc64le' };
  return `linux/${names[process.arch] ?? process.arch}`;
}
