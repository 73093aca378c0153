/** Inputs of scan-deps. */
import { join } from 'node:path';
import picomatch from 'picomatch';
import { z } from 'zod';
import { isLoopbackHost } from '../http/policy.ts';
import { type Env, field, parseInputs, readInputs } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

const NAMES = [
  'paths',
  'exclude',
  'osv-url',
  'database',
  'max-database-age',
  'fail-on',
  'unknown-severity',
  'unpinned',
  'dev-dependencies',
  'only-fixed',
  'mode',
  'base',
  'ignore-file',
  'private-packages',
  'on-error',
  'allow-empty',
  'timeout',
  'report-dir',
] as const;

export const DEFAULT_IGNORE_FILE = '.github/scan-deps.yml';
const DEFAULT_OSV = 'https://api.osv.dev';
const REACTIONS = ['fail', 'warn', 'ignore'] as const;

type Ctx = z.RefinementCtx;
const refuse = (ctx: Ctx, message: string): never => {
  ctx.addIssue({ code: 'custom', message });
  return z.NEVER;
};
const quoted = (text: string): string => `"${oneLine(text, 80)}"`;

const globs = field.lines().transform((list, ctx) => {
  for (const glob of list) if (!isGlob(glob)) return refuse(ctx, `${quoted(glob)} is not a glob such as docs/**`);
  return list;
});

/** Of a host that may be asked: https, or http to this machine, and nothing in it but the place. */
function plainUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const bare = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
  return bare && safe ? url : undefined;
}
const NO_URL = 'is not a plain https URL (http only for loopback)';

const apiUrl = z.string().transform((text, ctx): URL => {
  return plainUrl(text || DEFAULT_OSV) ?? refuse(ctx, `${quoted(text)} ${NO_URL}`);
});

const database = z.string().transform((text, ctx): string | URL | undefined => {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return plainUrl(text) ?? refuse(ctx, `${quoted(text)} ${NO_URL}`);
  return text === '' ? undefined : text;
});

const age = z.string().transform((text, ctx): number | undefined => {
  if (text === 'none') return undefined;
  const parsed = field.duration('30d').safeParse(text);
  return parsed.success ? parsed.data : refuse(ctx, `${quoted(text)} is not a duration such as 30d or 12h, nor none`);
});

const patterns = field.lines().transform((list, ctx) => {
  for (const pattern of list) {
    if (!/^(?:@[A-Za-z0-9._~-]{1,100}\/)?[A-Za-z0-9._~-]{0,200}\*?$/.test(pattern) || pattern === '*') {
      return refuse(ctx, `${quoted(pattern)} is not a name, @scope/* or prefix-*`);
    }
  }
  return list;
});

/** What git calls a ref, or a commit id: neither an option nor an expression such as main~1 or a..b. */
const REF = /^(?![-./])(?!.*(?:\.\.|\/\/|@\{|\.lock$|[/.]$))[^\0-\x20\x7f~^:?*[\\]{1,250}$/;
const base = z.string().transform((text, ctx): string | undefined => {
  if (text === '') return undefined;
  return REF.test(text) ? text : refuse(ctx, `${quoted(text)} is not a branch, a tag or a commit id`);
});

const schema = z
  .object({
    paths: field.lines().refine((list) => list.length > 0, { error: 'is empty: files or folders, "." for all' }),
    exclude: globs,
    'osv-url': apiUrl,
    database,
    'max-database-age': age,
    'fail-on': field.oneOf(['low', 'medium', 'high', 'critical', 'none'], 'high'),
    'unknown-severity': field.oneOf(REACTIONS, 'fail'),
    unpinned: field.oneOf(REACTIONS, 'warn'),
    'dev-dependencies': field.oneOf(REACTIONS, 'warn'),
    'only-fixed': field.bool(false),
    mode: field.oneOf(['auto', 'full', 'diff'], 'auto'),
    base,
    'ignore-file': field.optional(),
    'private-packages': patterns,
    'on-error': field.oneOf(['fail', 'warn'], 'fail'),
    'allow-empty': field.bool(false),
    timeout: field.integer(10, 900, 120),
    'report-dir': field.optional(),
  })
  .transform((i) => ({
    paths: i.paths,
    exclude: i.exclude,
    osvUrl: i['osv-url'],
    database: i.database,
    maxDatabaseAge: i['max-database-age'],
    policy: {
      failOn: i['fail-on'],
      unknownSeverity: i['unknown-severity'],
      unpinned: i.unpinned,
      devDependencies: i['dev-dependencies'],
      onlyFixed: i['only-fixed'],
    },
    mode: i.mode,
    base: i.base,
    ignoreFile: i['ignore-file'],
    privatePackages: i['private-packages'],
    onError: i['on-error'],
    allowEmpty: i['allow-empty'],
    timeout: i.timeout,
    reportDir: i['report-dir'],
  }));

export type ScanInputs = z.output<typeof schema> & { workspace: string; reportDir: string };

/** @throws ActionError E_INPUT */
export function parseScanInputs(env: Env): Readonly<ScanInputs> {
  const inputs = parseInputs(schema, readInputs(NAMES, env));
  const temp = env.RUNNER_TEMP || '/tmp';
  return Object.freeze({
    ...inputs,
    workspace: env.GITHUB_WORKSPACE || process.cwd(),
    reportDir: inputs.reportDir ?? join(temp, 'scan-deps'),
  });
}

function isGlob(glob: string): boolean {
  if (glob.length > 500 || glob.startsWith('!')) return false;
  try {
    picomatch.makeRe(glob, { strictBrackets: true });
    return true;
  } catch {
    return false;
  }
}
