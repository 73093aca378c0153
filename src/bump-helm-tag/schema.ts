/** The inputs of action.yml, each by itself. */
import { z } from 'zod';
import { field } from '../runner/index.ts';

const BRANCH =
  /^(?!-|refs\/|\/|@$)(?!.*(\.\.|\/\/|\/\.|@\{|\.lock(\/|$)|[\s~^:?*[\\]))[^\u0000-\u001f\u007f]{1,250}(?<![/.])$/;
const REVISION = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
export const AUTHOR = /^([^<>\u0000-\u001f]{1,100}) <([^<>\s\u0000-\u001f]{1,100})>$/;

const token = z.string().regex(/^\S*$/, { error: 'holds white space' });
const url = z.string().refine((text) => text === '' || URL.canParse(text), { error: 'is not a URL' });

export const schema = z.object({
  'config-repository': field.required('owner/name of the config repository, or an address with transport: git'),
  branch: z.string().regex(BRANCH, { error: 'is not a branch name' }),
  transport: field.oneOf(['github', 'git'], 'github'),
  token,
  username: z.string().regex(/^[^\u0000-\u001f\u007f:]*$/, { error: 'holds a colon or control characters' }),
  'ssh-key': z.string(),
  'ssh-known-hosts': z.string(),
  image: z.string(),
  tag: field.optional(),
  digest: field.optional(),
  file: field.lines(),
  'image-path': z.string(),
  updates: z.string(),
  'image-form': field.oneOf(['auto', 'tag', 'tag@digest'], 'auto'),
  'other-image': field.oneOf(['fail', 'write', 'keep'], 'fail'),
  'if-missing': field.oneOf(['error', 'create'], 'error'),
  'from-file': z.string(),
  rollback: z.string().refine((text) => text === '' || text === 'previous' || REVISION.test(text), {
    error: 'is neither previous nor a full commit',
  }),
  'chart-file': z.string(),
  'chart-version': field.oneOf(['none', 'patch', 'minor'], 'none'),
  'source-repository': z.string(),
  'source-revision': z.string().regex(REVISION, { error: 'is not a full commit (40 or 64 hex digits)' }),
  'source-ref': z.string(),
  'source-token': token,
  'order-guard': field.oneOf(['ancestry', 'off'], 'ancestry'),
  'allow-downgrade': field.bool(false),
  reason: z
    .string()
    .max(200, { error: 'is longer than 200 characters' })
    .regex(/^[^\u0000-\u001f]*$/, { error: 'is not one line' }),
  message: z.string(),
  trailers: field.lines(),
  author: z.string().regex(AUTHOR, { error: 'is not "Name <address>"' }),
  mode: field.oneOf(['commit', 'pull-request'], 'commit'),
  'auto-merge': field.bool(false),
  'on-protected': field.oneOf(['fail', 'pull-request'], 'fail'),
  validate: field.oneOf(['parse', 'schema', 'helm'], 'parse'),
  chart: z.string(),
  values: field.lines(),
  'argocd-server': url,
  'argocd-token': token,
  'argocd-applications': field.lines(),
  'argocd-wait': field.bool(false),
  'dry-run': field.bool(false),
  deadline: field.duration('5m').refine((s) => s >= 10 && s <= 1800, { error: 'is not between 10s and 30m' }),
  'api-url': url,
});

/** In the order of action.yml. */
export const NAMES = Object.keys(schema.shape) as (keyof typeof schema.shape)[];
export type Given = z.output<typeof schema>;
