/** Git for the release tools: argument arrays, nothing of the machine's settings, the token in the environment alone. */

import { ActionError } from '../../src/runner/errors.ts';
import { childEnv, type ExecOptions, systemExec } from '../../src/runner/exec.ts';

export interface Repository {
  /** Folder of the checkout, or a bare repository. */
  dir: string;
  /** For pushes over HTTP. */
  token?: string;
}

/**
 * @returns standard output
 * @throws ActionError E_RELEASE_GIT with what git said
 */
export async function git(
  repository: Repository,
  args: readonly string[],
  options: Pick<ExecOptions, 'input'> & { env?: Readonly<Record<string, string>> } = {},
): Promise<Buffer> {
  const basic = Buffer.from(`x-access-token:${repository.token ?? ''}`).toString('base64');
  const settings: [string, string][] = [
    ['core.hooksPath', '/dev/null'],
    ['core.quotePath', 'true'],
    ...(repository.token ? [['http.extraHeader', `Authorization: Basic ${basic}`] as [string, string]] : []),
  ];
  const env = {
    ...childEnv(process.env),
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
    ...options.env,
  };
  const done = await systemExec('git', ['-C', repository.dir, ...args], {
    env,
    timeout: 120,
    maxBytes: 256 * 1024 * 1024,
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  if (done.code === 0 && !done.truncated) return done.stdout;
  throw new ActionError('E_RELEASE_GIT', {
    what: `git ${args[0]}`,
    why: done.stderrTail.trim().slice(-500) || `it ended with ${done.code ?? done.signal}`,
    fix: 'See what git says',
  });
}

/** The same as one line of text. */
export async function gitLine(repository: Repository, args: readonly string[], input?: string): Promise<string> {
  return (await git(repository, args, input === undefined ? {} : { input })).toString('utf8').trim();
}
