/** The schema of the inputs, and the rules between them. */
import { z } from 'zod';
import { field } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import {
  type Form,
  parseBuildContext,
  parseDigests,
  parseEngineOptions,
  parsePinnedDownload,
  parseSize,
  parseSource,
  parseSsh,
} from './input-forms.ts';

const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:\d{1,5})?$/;
const PLATFORM = /^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/;

/** A schema over the text, or what a schema made of it, from a form. */
function formed<T, I>(from: z.ZodType<I, string>, parse: (value: I) => Form<T>) {
  return from.transform((value, ctx): T => {
    const result = parse(value);
    if ('value' in result) return result.value;
    ctx.addIssue({ code: 'custom', message: result.problem });
    return z.NEVER;
  });
}

function each<T, I>(parse: (item: I) => Form<T>): (items: readonly I[]) => Form<T[]> {
  return (items) => {
    const values: T[] = [];
    for (const item of items) {
      const result = parse(item);
      if ('problem' in result) return result;
      values.push(result.value);
    }
    return { value: values };
  };
}

const fields = z.object({
  image: field.required('the image, registry/repository such as ghcr.io/o/app').pipe(field.lines()),
  tags: field.list(),
  'immutable-tags': field.list(),
  labels: field.pairs(),
  mode: field.oneOf(['build', 'plan', 'merge', 'promote'], 'build'),
  context: z.string(),
  file: z.string(),
  target: z.string().regex(/^[\w.-]*$/, 'is not the name of a stage'),
  platforms: field.list(),
  'build-args': field.pairs(),
  'allow-secret-args': field.list(),
  secrets: field.pairs(),
  'secret-envs': field.pairs(),
  'secret-files': field.pairs(),
  'build-contexts': formed(field.pairs(), each(parseBuildContext)),
  ssh: formed(field.list(), each(parseSsh)),
  engine: field.oneOf(['auto', 'buildx', 'docker', 'buildah'], 'auto'),
  'engine-options': formed(field.list(), parseEngineOptions),
  builder: z.string().regex(/^[A-Za-z0-9._-]*$/, 'is not auto, new, or the name of a builder'),
  'builder-image': z.string(),
  'install-buildx': formed(z.string(), parsePinnedDownload),
  username: z.string(),
  password: z.string(),
  'registry-auth': z.string(),
  'github-token': z.string(),
  'insecure-registries': field.list(),
  'trusted-realms': field.list(),
  push: field.oneOf(['auto', 'true', 'false', 'stage'], 'auto'),
  reuse: field.oneOf(['auto', 'off', 'only'], 'auto'),
  'reuse-max-age': z.union([z.literal('').transform(() => undefined), field.duration()]),
  'require-pinned-base': field.bool(false),
  cache: field.oneOf(['auto', 'gha', 'registry', 'local', 'off'], 'auto'),
  'cache-from': field.list(),
  'cache-to': field.list(),
  provenance: field.oneOf(['none', 'min', 'max'], 'none'),
  sbom: field.bool(false),
  reproducible: field.oneOf(['off', 'on'], 'off'),
  'size-budget': formed(z.string(), parseSize),
  digests: formed(z.string(), parseDigests),
  source: formed(z.string(), parseSource),
  retries: field.integer(0, 10, 4),
  timeout: field.duration('60m'),
});

export const INPUTS = Object.keys(fields.shape) as (keyof typeof fields.shape)[];

export const schema = fields.superRefine((v, ctx) => {
  const problem = (input: string, message: string): void => ctx.addIssue({ code: 'custom', path: [input], message });
  if (v.image.length > 8) problem('image', 'has more than 8 lines');
  if (v.tags.length > 32) problem('tags', 'has more than 32 rules');
  if (v.platforms.length > 20) problem('platforms', 'has more than 20 lines');
  if (new Set(v.platforms).size < v.platforms.length) problem('platforms', 'names a platform twice');
  for (const p of v.platforms) if (!PLATFORM.test(p)) problem('platforms', `"${oneLine(p, 60)}" is not os/arch`);
  for (const name of ['insecure-registries', 'trusted-realms'] as const) {
    const at = v[name].findIndex((host) => !HOST.test(host));
    // By its number: a URL with a login in it is what people paste here.
    if (at >= 0) problem(name, `item ${at + 1} is not host[:port], without a scheme, a path or a login`);
  }
  for (const [key] of v['build-args']) {
    if (!/^[A-Za-z_]\w*$/.test(key)) problem('build-args', `"${oneLine(key, 60)}" is not a name`);
  }
  for (const [key] of v.labels) {
    if (key.startsWith('build-image.')) problem('labels', 'the prefix build-image. belongs to this action');
  }
  if ((v.username === '') !== (v.password === '')) problem('password', 'username and password go together');
  if (new Set(v.ssh.map((s) => s.id)).size < v.ssh.length) problem('ssh', 'an ID stands there twice');
  if (v.reuse === 'only' && v.push === 'false') problem('reuse', 'only needs a registry, and push is false');
  const age = v['reuse-max-age'];
  if (age !== undefined && (age < 60 || !Number.isInteger(age))) problem('reuse-max-age', 'must be at least 1m');
  if (v.timeout < 1 || v.timeout > 6 * 3600) problem('timeout', 'must be from 1s to 6h');
  if (v.mode === 'merge' && v.push === 'stage') problem('push', 'merge has no stage: its parts are staged already');
  if (v.mode === 'promote' && v.push === 'stage') problem('push', 'promote has no stage: its source is staged already');
  if (v.mode !== 'merge' && v.digests.length > 0) problem('digests', 'belongs to mode merge');
  if (v.mode === 'promote' && v.source === undefined) problem('source', 'mode promote needs it: image@sha256:…');
  if (v.mode !== 'promote' && v.source !== undefined) problem('source', 'belongs to mode promote');
});
