import { type ApplicationName, parseApplicationName } from '../argocd/index.ts';
import { ActionError, type Env, inputError, parseInputs, readInputs } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { type ReadAddress, type RepositoryAddress, readConfigAddress, readSourceAddress } from './address.ts';
import type { ChartWish } from './chart.ts';
import { checkFilePath, checkFolderPath } from './file-path.ts';
import type { ImagePolicy } from './image-map.ts';
import { checkTemplate } from './message.ts';
import { makePlan } from './plan.ts';
import { checkRules, type Raw, type Report, readWant } from './rules.ts';
import { AUTHOR, type Given, NAMES, schema } from './schema.ts';
import type { ImageWant, Target } from './target.ts';

const BOT = 'github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>';

export interface BumpInputs {
  transport: 'github' | 'git';
  config: RepositoryAddress;
  branch: string;
  token: string;
  username: string;
  /** Empty strings without SSH. */
  ssh: { key: string; knownHosts: string };
  /** With a rollback: what `previous` is looked for (images), and what rides along (scalars). */
  targets: readonly Target[];
  images: ImagePolicy;
  want: ImageWant | undefined;
  /** File that a promotion takes the image from, or ''. */
  fromFile: string;
  /** '', `previous`, or a full handoff commit. */
  rollback: string;
  chart: ChartWish | undefined;
  validate: { mode: 'parse' | 'schema' | 'helm'; chart: string; values: readonly string[] };
  source: RepositoryAddress;
  sourceRevision: string;
  sourceRef: string;
  sourceToken: string;
  orderGuard: 'ancestry' | 'off';
  allowDowngrade: boolean;
  reason: string;
  message: string;
  trailers: readonly string[];
  author: { name: string; email: string };
  propose: 'always' | 'when-protected' | undefined;
  autoMerge: boolean;
  argocd: { server: URL; token: string; applications: readonly ApplicationName[]; wait: boolean } | undefined;
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
  const raw: Raw = readInputs(NAMES, env);
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
  const problem: Report = (input, text) => void problems.push({ input, problem: text });
  checkRules(raw, given, env, problem);
  const serverUrl = env.GITHUB_SERVER_URL || 'https://github.com';
  const sshKey = given['ssh-key'] !== '';
  const told = (input: string, read: ReadAddress): RepositoryAddress | undefined => {
    if (read.problem !== undefined) problem(input, read.problem);
    return read.address;
  };
  const { transport } = given;
  const config = told(
    'config-repository',
    readConfigAddress(given['config-repository'], { serverUrl, transport, sshKey }),
  );
  const source = told('source-repository', readSourceAddress(given['source-repository'], { serverUrl, sshKey }));
  const applications = given['argocd-applications'].map((name) => applicationName(name, problem));
  const want = readWant(given, problem);
  if (problems.length > 0 || config === undefined || source === undefined) throw inputError(problems);
  checkEvent(given, env);
  checkTemplate(given.message);
  checkPaths(given);
  const [, name = '', email = ''] = AUTHOR.exec(given.author) ?? [];
  return Object.freeze({
    transport,
    config,
    branch: given.branch,
    token: given.token,
    username: given.username || 'x-access-token',
    ssh: { key: given['ssh-key'], knownHosts: given['ssh-known-hosts'] },
    targets: readTargets(given, want),
    images: {
      form: given['image-form'],
      otherImage: given['other-image'],
      revision: given['source-revision'],
      ifMissing: given['if-missing'],
    },
    want,
    fromFile: given['from-file'],
    rollback: given.rollback,
    chart: given['chart-file'] === '' ? undefined : { file: given['chart-file'], raise: given['chart-version'] },
    validate: { mode: given.validate, chart: given.chart, values: given.values },
    source,
    sourceRevision: given['source-revision'],
    sourceRef: given['source-ref'],
    sourceToken: given['source-token'],
    orderGuard: given['order-guard'],
    allowDowngrade: given['allow-downgrade'],
    reason: given.reason,
    message: given.message,
    trailers: given.trailers,
    author: { name, email },
    propose:
      given.mode === 'pull-request'
        ? 'always'
        : given['on-protected'] === 'pull-request'
          ? 'when-protected'
          : undefined,
    autoMerge: given['auto-merge'],
    argocd:
      given['argocd-server'] === ''
        ? undefined
        : {
            server: new URL(given['argocd-server']),
            token: given['argocd-token'],
            applications: applications.filter((a) => a !== undefined),
            wait: given['argocd-wait'],
          },
    dryRun: given['dry-run'],
    deadline: given.deadline,
    apiUrl: new URL(given['api-url']),
    serverUrl,
    actor: env.GITHUB_ACTOR ?? '',
    runUrl: env.GITHUB_RUN_ID
      ? `${serverUrl}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}/attempts/${env.GITHUB_RUN_ATTEMPT ?? '1'}`
      : '',
  });
}

function readTargets(given: Given, want: ImageWant | undefined): readonly Target[] {
  const back = given.rollback !== '';
  if (back && given.file.length === 0 && given.updates.trim() === '') return [];
  const targets = makePlan({
    updates: given.updates,
    files: given.file,
    imagePath: given['image-path'] || 'image',
    want,
    promote: back || given['from-file'] !== '',
  });
  if (back && targets.some((t) => t.kind === 'image' && t.promote !== true))
    throw inputError([{ input: 'updates', problem: 'a rollback brings the old image back: leave ref out' }]);
  return targets;
}

function applicationName(text: string, problem: Report): ApplicationName | undefined {
  const name = parseApplicationName(text);
  if (name === undefined) problem('argocd-applications', `"${oneLine(text, 80)}" is no name of an Application`);
  return name;
}

function checkEvent(given: Given, env: Env): void {
  if (!/^pull_request(_target)?$/.test(env.GITHUB_EVENT_NAME ?? '') || given['dry-run']) return;
  throw new ActionError('E_EVENT_NOT_ALLOWED', {
    what: `event ${env.GITHUB_EVENT_NAME}`,
    why: 'a pull request hands nothing off',
    fix: 'Run it on push, or with dry-run: true',
  });
}

function checkPaths(given: Given): void {
  for (const path of [given['from-file'], given['chart-file'], ...given.values]) if (path !== '') checkFilePath(path);
  if (given.chart !== '') checkFolderPath(given.chart);
}
