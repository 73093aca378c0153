import { z } from 'zod';
import { isLoopbackHost } from '../http/index.ts';
import { ActionError, type Env, field, inputError, parseInputs, readInputs } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { ImagePolicy } from './image-map.ts';
import { checkTemplate } from './message.ts';
import { checkWant, type ImageWant, makePlan, type Target } from './plan.ts';
import { OWN_KEYS } from './trailers.ts';

const NAMES = [
  'config-repository',
  'branch',
  'transport',
  'token',
  'username',
  'image',
  'tag',
  'digest',
  'file',
  'image-path',
  'updates',
  'image-form',
  'other-image',
  'source-repository',
  'source-revision',
  'source-ref',
  'source-token',
  'order-guard',
  'allow-downgrade',
  'reason',
  'message',
  'trailers',
  'author',
  'dry-run',
  'deadline',
  'api-url',
] as const;

const REPOSITORY = /^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/;
const BRANCH =
  /^(?!-|refs\/|\/|@$)(?!.*(\.\.|\/\/|\/\.|@\{|\.lock(\/|$)|[\s~^:?*[\\]))[^\u0000-\u001f\u007f]{1,250}(?<![/.])$/;
const REVISION = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const AUTHOR = /^([^<>\u0000-\u001f]{1,100}) <([^<>\s\u0000-\u001f]{1,100})>$/;
const BOT = 'github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>';

const schema = z.object({
  'config-repository': field.required('owner/name of the config repository, or a URL with transport: git'),
  branch: z.string().regex(BRANCH, { error: 'is not a branch name' }),
  transport: field.oneOf(['github', 'git'], 'github'),
  token: z.string().regex(/^\S*$/, { error: 'holds white space' }),
  username: z.string().regex(/^[^\u0000-\u001f\u007f:]*$/, { error: 'holds a colon or control characters' }),
  image: z.string(),
  tag: field.optional(),
  digest: field.optional(),
  file: field.lines(),
  'image-path': z.string(),
  updates: z.string(),
  'image-form': field.oneOf(['auto', 'tag', 'tag@digest'], 'auto'),
  'other-image': field.oneOf(['fail', 'write', 'keep'], 'fail'),
  'source-repository': z.string().regex(REPOSITORY, { error: 'is not owner/name' }),
  'source-revision': z.string().regex(REVISION, { error: 'is not a full commit (40 or 64 hex digits)' }),
  'source-ref': z.string(),
  'source-token': z.string().regex(/^\S*$/, { error: 'holds white space' }),
  'order-guard': field.oneOf(['ancestry', 'off'], 'ancestry'),
  'allow-downgrade': field.bool(false),
  reason: z.string().max(200, { error: 'is longer than 200 characters' }),
  message: z.string(),
  trailers: field.lines(),
  author: z.string().regex(AUTHOR, { error: 'is not "Name <address>"' }),
  'dry-run': field.bool(false),
  deadline: field.duration('5m').refine((s) => s >= 10 && s <= 1800, { error: 'is not between 10s and 30m' }),
  'api-url': z.string().refine((text) => URL.canParse(text), { error: 'is not a URL' }),
});

export interface BumpInputs {
  transport: 'github' | 'git';
  /** `owner/name`, also with a URL (its last two segments). */
  repository: string;
  gitUrl: URL;
  branch: string;
  token: string;
  username: string;
  targets: readonly Target[];
  images: ImagePolicy;
  want: ImageWant | undefined;
  sourceRepository: string;
  sourceRevision: string;
  sourceRef: string;
  sourceToken: string;
  orderGuard: 'ancestry' | 'off';
  allowDowngrade: boolean;
  reason: string;
  message: string;
  trailers: readonly string[];
  author: { name: string; email: string };
  dryRun: boolean;
  deadline: number;
  apiUrl: URL;
  serverUrl: string;
  actor: string;
  runUrl: string;
}

/**
 * Reads, checks and freezes everything before the first request.
 * @throws ActionError E_INPUT, E_PATH_SYNTAX, E_PATH_FORBIDDEN, E_EVENT_NOT_ALLOWED
 */
export function parseBumpInputs(env: Env): Readonly<BumpInputs> {
  const raw = readInputs(NAMES, env);
  const given = parseInputs(schema, {
    ...raw,
    branch: raw.branch || 'main',
    'source-repository': raw['source-repository'] || env.GITHUB_REPOSITORY || '',
    'source-revision': raw['source-revision'] || env.GITHUB_SHA || '',
    'source-ref': raw['source-ref'] || env.GITHUB_REF || '',
    author: raw.author || BOT,
    'api-url': raw['api-url'] || env.GITHUB_API_URL || 'https://api.github.com',
  });
  const problems: { input: string; problem: string }[] = [];
  const problem = (input: string, text: string): void => {
    problems.push({ input, problem: text });
  };
  if (given.transport === 'github' && given.token === '') problem('token', 'is required with transport: github');
  if (given.transport === 'github' && raw.author !== '')
    problem('author', 'is for transport: git; the API signs as the owner of the token');
  if (given['allow-downgrade'] && given.reason === '') problem('reason', 'is required with allow-downgrade');
  if (/[\u0000-\u001f]/.test(given.reason)) problem('reason', 'is not one line');
  if (raw['source-revision'] === '' && env.GITHUB_EVENT_NAME === 'workflow_run') {
    problem(
      'source-revision',
      'is required in a workflow_run event: GITHUB_SHA is not the commit that was built there',
    );
  }
  const api = new URL(given['api-url']);
  if (api.protocol !== 'https:' && !(api.protocol === 'http:' && isLoopbackHost(api.hostname)))
    problem('api-url', 'is not https');
  if (api.username !== '' || api.password !== '') problem('api-url', 'holds credentials');
  const serverUrl = env.GITHUB_SERVER_URL || 'https://github.com';
  const address = readAddress(given['config-repository'], given.transport, serverUrl, problem);
  const want = readWant(given, problem);
  for (const line of given.trailers) checkTrailer(line, problem);
  if (problems.length > 0) throw inputError(problems);
  if (/^pull_request(_target)?$/.test(env.GITHUB_EVENT_NAME ?? '') && !given['dry-run']) {
    throw new ActionError('E_EVENT_NOT_ALLOWED', {
      what: `event ${env.GITHUB_EVENT_NAME}`,
      why: 'a pull request hands nothing off',
      fix: 'Run it on push, or with dry-run: true',
    });
  }
  checkTemplate(given.message);
  const [, name = '', email = ''] = AUTHOR.exec(given.author) ?? [];
  const targets = makePlan({
    updates: given.updates,
    files: given.file,
    imagePath: given['image-path'] || 'image',
    want,
  });
  return Object.freeze({
    transport: given.transport,
    ...address,
    branch: given.branch,
    token: given.token,
    username: given.username || 'x-access-token',
    targets,
    images: { form: given['image-form'], otherImage: given['other-image'], revision: given['source-revision'] },
    want,
    sourceRepository: given['source-repository'],
    sourceRevision: given['source-revision'],
    sourceRef: given['source-ref'],
    sourceToken: given['source-token'],
    orderGuard: given['order-guard'],
    allowDowngrade: given['allow-downgrade'],
    reason: given.reason,
    message: given.message,
    trailers: given.trailers,
    author: { name, email },
    dryRun: given['dry-run'],
    deadline: given.deadline,
    apiUrl: api,
    serverUrl,
    actor: env.GITHUB_ACTOR ?? '',
    runUrl: env.GITHUB_RUN_ID
      ? `${serverUrl}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}/attempts/${env.GITHUB_RUN_ATTEMPT ?? '1'}`
      : '',
  });
}

type Report = (input: string, problem: string) => void;

function readAddress(
  text: string,
  transport: 'github' | 'git',
  serverUrl: string,
  problem: Report,
): { repository: string; gitUrl: URL } {
  const nowhere = { repository: '', gitUrl: new URL('https://invalid.invalid') };
  if (REPOSITORY.test(text))
    return { repository: text, gitUrl: new URL(`${serverUrl.replace(/\/+$/, '')}/${text}.git`) };
  const bad = (why: string): typeof nowhere => {
    problem('config-repository', why);
    return nowhere;
  };
  if (transport === 'github') return bad('is not owner/name');
  if (!URL.canParse(text)) return bad('is neither owner/name nor a URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return bad('holds credentials: give them as token');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return bad('is plain http to another machine');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return bad(`uses ${oneLine(url.protocol, 20)}, only https is spoken`);
  return {
    repository: url.pathname
      .replace(/\.git$/, '')
      .split('/')
      .filter(Boolean)
      .slice(-2)
      .join('/'),
    gitUrl: url,
  };
}

function readWant(given: z.output<typeof schema>, problem: Report): ImageWant | undefined {
  const { image, tag, digest } = given;
  if (image === '' && tag === undefined && digest === undefined) return undefined;
  if (image === '') {
    problem('image', 'is required beside tag or digest');
    return undefined;
  }
  if (tag === undefined && digest === undefined) problem('tag, digest', 'one of them is required beside image');
  if (given['image-form'] === 'tag@digest' && digest === undefined)
    problem('digest', 'is required with image-form: tag@digest');
  const wrong = checkWant({ image, tag, digest });
  if (wrong !== undefined) problem('image, tag, digest', wrong);
  return { image, tag, digest };
}

function checkTrailer(line: string, problem: Report): void {
  const key = /^([A-Za-z][A-Za-z0-9-]{0,60}): \S.{0,900}$/.exec(line)?.[1];
  if (key === undefined) problem('trailers', `"${oneLine(line, 60)}" is not Key: value`);
  else if (OWN_KEYS.some((own) => own.toLowerCase() === key.toLowerCase()))
    problem('trailers', `${key} is written by the action itself`);
}
