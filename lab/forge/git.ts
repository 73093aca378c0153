/** Git plumbing on the bare repositories of the forge. Nothing of the machine's own Git settings takes part. */
import { type ExecResult, systemExec } from '../../src/runner/index.ts';

export const GIT_ENV: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
};

class GitError extends Error {
  override readonly name = 'GitError';
}

export const NO_OID = '0'.repeat(40);

const MAX_OUTPUT = 64 * 1024 * 1024;

export async function gitRaw(
  dir: string,
  args: readonly string[],
  input?: string | Uint8Array,
  env: Record<string, string> = {},
): Promise<ExecResult> {
  return systemExec('git', [`--git-dir=${dir}`, ...args], {
    env: { ...GIT_ENV, ...env },
    ...(input === undefined ? {} : { input }),
    maxBytes: MAX_OUTPUT,
  });
}

/** Standard output of a command that must succeed. @throws GitError */
export async function git(
  dir: string,
  args: readonly string[],
  input?: string | Uint8Array,
  env: Record<string, string> = {},
): Promise<Buffer> {
  const result = await gitRaw(dir, args, input, env);
  if (result.code !== 0) throw new GitError(`git ${args[0]}: ${result.stderrTail.trim() || `exit ${result.code}`}`);
  if (result.truncated) throw new GitError(`git ${args[0]}: more than ${MAX_OUTPUT} bytes`);
  return result.stdout;
}

/** `git check-ref-format` for a full name: what is refused here could be read as an expression (`main~1`, `a:b`). */
export function isRefName(name: string): boolean {
  return /^refs\/[^/]+\/./.test(name) && !/[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)|[/.]$/.test(name);
}
