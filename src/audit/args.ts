/** The command line, read once. No argument is a secret: those come from the environment alone. */
import { parseArgs } from 'node:util';
import { type ApplicationName, parseApplicationName } from '../argocd/index.ts';
import { type Digest, type ImageName, parseDigest, parseImage } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';

/** Where to look for what runs. */
export type Running =
  | { kind: 'nobody' }
  /** `-` is standard input. */
  | { kind: 'file'; path: string }
  | { kind: 'argocd'; server: URL; application: ApplicationName };

export interface AuditInputs {
  running: Running;
  /** The one that is asked for; undefined: the one that runs. */
  digest: Digest | undefined;
  image: ImageName;
  /** `owner/name`. */
  configRepository: string;
  /** '' is the repository's default branch. */
  configBranch: string;
  /** Values files in helm's order; none: the file of the newest handoff. */
  paths: readonly string[];
  /** `owner/name`, '' for what the handoff says. */
  sourceRepository: string;
  json: boolean;
  strict: boolean;
}

const USAGE = `audit (--digest D | --pod-json FILE|- | --argocd-url U --app A) --image R --config-repository C
      [--path P]... [--config-branch B] [--source-repository S] [--json] [--strict]`;

const OPTIONS = {
  digest: { type: 'string' },
  'pod-json': { type: 'string' },
  'argocd-url': { type: 'string' },
  app: { type: 'string' },
  image: { type: 'string' },
  'config-repository': { type: 'string' },
  'config-branch': { type: 'string' },
  path: { type: 'string', multiple: true },
  'source-repository': { type: 'string' },
  json: { type: 'boolean' },
  strict: { type: 'boolean' },
} as const;

const REPOSITORY = /^[A-Za-z0-9][A-Za-z0-9-]*\/(?!\.{1,2}$)[A-Za-z0-9_.-]+$/;
const PATH = /^(?![/-])(?!(.*\/)?\.{1,2}(\/|$))[^\u0000-\u001f\u007f\\]+[^/\u0000-\u001f\u007f\\]$/;

/** A branch name that git takes, and that stays what it is in an address. */
export function isBranch(text: string): boolean {
  return /^(?!-)[^\u0000- \u007f~^:?*[\\]{1,250}$/.test(text) && !/\.\.|\/\/|@\{|\.lock$|^\/|[/.]$/.test(text);
}

/** @throws ActionError E_INPUT, with everything that is wrong */
export function parseCommandLine(argv: readonly string[]): AuditInputs {
  let values: ReturnType<typeof read>;
  try {
    values = read(argv);
  } catch (error) {
    // Its message quotes the argument: the writers make that inert.
    throw refused([{ input: 'arguments', problem: (error as Error).message.replace(/\.$/, '') }]);
  }
  const problems: { input: string; problem: string }[] = [];
  const problem = (input: string, text: string): void => void problems.push({ input, problem: text });
  const need = (name: 'image' | 'config-repository'): string => {
    const text = values[name] ?? '';
    if (text === '') problem(name, 'is required');
    return text;
  };

  const digest = values.digest === undefined ? undefined : parseDigest(values.digest);
  if (values.digest !== undefined && digest === undefined) problem('digest', 'is not sha256:<64 hexadecimal digits>');
  const imageText = need('image');
  const image = imageText === '' ? undefined : parseImage(imageText);
  if (image !== undefined && 'problem' in image) problem('image', image.problem);
  const repository = need('config-repository');
  for (const [name, text] of [
    ['config-repository', repository],
    ['source-repository', values['source-repository'] ?? ''],
  ] as const)
    if (text !== '' && !REPOSITORY.test(text)) problem(name, 'is not owner/name');
  const branch = values['config-branch'] ?? '';
  if (branch !== '' && !isBranch(branch)) problem('config-branch', 'is no name of a branch');
  const paths = values.path ?? [];
  if (paths.some((path) => !PATH.test(path))) problem('path', 'is not a file inside the repository');
  const running = readRunning(values, problem);
  if (problems.length > 0 || image === undefined || 'problem' in image) throw refused(problems);
  return {
    running,
    digest,
    image: image.image,
    configRepository: repository,
    configBranch: branch,
    paths,
    sourceRepository: values['source-repository'] ?? '',
    json: values.json ?? false,
    strict: values.strict ?? false,
  };
}

function refused(problems: readonly { input: string; problem: string }[]): ActionError {
  const why = problems.map(({ input, problem }) => `${input}: ${problem}`).join('; ');
  return new ActionError('E_INPUT', { what: 'command line', why, fix: `Write: ${USAGE.replace(/\s+/g, ' ')}` });
}

function read(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
}

function readRunning(values: ReturnType<typeof read>, problem: (input: string, text: string) => void): Running {
  const { digest, app, 'pod-json': path, 'argocd-url': url } = values;
  if (path !== undefined && (url !== undefined || app !== undefined))
    problem('pod-json, argocd-url', 'are two ways to say what runs: use one');
  if (path !== undefined) {
    if (path === '') problem('pod-json', 'is empty: name a file, or - for standard input');
    return { kind: 'file', path };
  }
  if (url === undefined && app === undefined) {
    if (digest === undefined) problem('digest, pod-json, argocd-url', 'one of them is required');
    return { kind: 'nobody' };
  }
  const application = parseApplicationName(app ?? '');
  if (application === undefined) problem('app', 'is not name, namespace/name or project/namespace/name');
  const server = URL.canParse(url ?? '') ? new URL(url ?? '') : undefined;
  if (server === undefined || !/^https?:$/.test(server.protocol) || server.username !== '' || server.password !== '')
    problem('argocd-url', 'is not an http(s) address without a login in it');
  if (application === undefined || server === undefined) return { kind: 'nobody' };
  return { kind: 'argocd', server, application };
}
