/** The git command line in a sealed environment: nothing of the machine's or user's settings, no prompt, no hook, no secret in argv. */
import { ActionError, type Exec, type ExecResult } from '../runner/index.ts';
import { SSH_ENV, type SshKey } from './ssh.ts';

export interface GitAccess {
  /** Scheme, host and port the credential belongs to; '' with SSH. */
  origin: string;
  /** Value of the Authorization header; undefined for a public or local repository. */
  authorization: string | undefined;
  /** Given: SSH is spoken, and nothing else. */
  ssh?: SshKey;
  /** What the user can do where git is missing; default: to install it. */
  advice?: string;
}

export interface GitOptions {
  input?: string | Uint8Array;
  signal?: AbortSignal;
  /** Extra variables: author, committer, dates. */
  env?: Readonly<Record<string, string>>;
  /** May it connect? Without, an object that a partial store lacks is missing, and not fetched on the quiet, one connection each. */
  network?: boolean;
  /** Most bytes of output that are kept. */
  maxBytes?: number;
}

export type Git = (args: readonly string[], options?: GitOptions) => Promise<ExecResult>;

const TIMEOUT = 120;
/** Before 2.44 git knows no GIT_NO_LAZY_FETCH; a protocol that does not exist stops it as well. */
const OFFLINE = { GIT_NO_LAZY_FETCH: '1', GIT_ALLOW_PROTOCOL: 'none' };
const MINIMUM: readonly [number, number] = [2, 31];

/**
 * @param dir the bare repository that git works on
 * @param home a folder of ours, empty but for the SSH files (`writeSshFiles`); git runs in it
 */
export function openGit(
  exec: Exec,
  dir: string,
  home: string,
  access: GitAccess,
  parent: Readonly<Record<string, string | undefined>>,
): Git {
  const settings: [string, string][] = [
    ['http.followRedirects', 'false'],
    ['credential.helper', ''],
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['protocol.version', '2'],
    ['fetch.fsckObjects', 'true'],
    ['push.gpgSign', 'false'],
    ...(access.authorization === undefined
      ? []
      : [[`http.${access.origin}/.extraHeader`, `Authorization: ${access.authorization}`] as [string, string]]),
  ];
  const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'SSL_CERT_FILE'];
  const env: Record<string, string | undefined> = {
    PATH: parent.PATH,
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    // A path is a path, also one that begins with a colon.
    GIT_LITERAL_PATHSPECS: '1',
    GIT_ALLOW_PROTOCOL: access.ssh ? 'ssh' : access.origin.startsWith('http://') ? 'http:https' : 'https',
    ...(access.ssh ? SSH_ENV : {}),
    // Through variables, not -c: an argument list can be read by every process of the machine.
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
    ...Object.fromEntries(proxies.filter((name) => parent[name] !== undefined).map((name) => [name, parent[name]])),
  };
  return async (args, options = {}) => {
    try {
      return await exec('git', [`--git-dir=${dir}`, ...args], {
        cwd: home,
        env: { ...env, ...(options.network ? {} : OFFLINE), ...options.env },
        timeout: TIMEOUT,
        ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
        ...(options.input === undefined ? {} : { input: options.input }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (cause) {
      throw new ActionError('E_GIT_MISSING', {
        what: 'git',
        why: 'it could not be started',
        fix: access.advice ?? `Install git ${MINIMUM.join('.')} or newer`,
        cause,
      });
    }
  };
}

/** @throws ActionError E_GIT_MISSING, E_GIT_TOO_OLD */
export async function checkGitVersion(git: Git): Promise<void> {
  const result = await git(['--version']);
  const match = /(\d+)\.(\d+)/.exec(result.stdoutTail);
  const [major, minor] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return;
  throw new ActionError('E_GIT_TOO_OLD', {
    what: 'git',
    why: `version ${major}.${minor} is older than ${MINIMUM.join('.')}`,
    fix: 'Update git, or use transport: github',
  });
}
