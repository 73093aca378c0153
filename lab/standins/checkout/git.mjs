// Git with the token in its environment: never in argv, where every process of the machine could read it.
import { spawnSync } from 'node:child_process';

export function authorization(token) {
  return `AUTHORIZATION: basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
}

/** @returns stdout. Throws with git's own last words. */
export function git(folder, args, { server, header } = {}) {
  const config = [
    ['safe.directory', folder],
    ['protocol.version', '2'],
    ['gc.auto', '0'],
    ...(header === undefined ? [] : [[`http.${server}/.extraheader`, header]]),
  ];
  const env = {
    ...process.env,
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(config.length),
    ...Object.fromEntries(
      config.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
  const done = spawnSync('git', args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (done.status === 0) return done.stdout;
  const words = done.error?.message ?? done.stderr.trim().split('\n').slice(-3).join(' ');
  throw new Error(`git ${args[0]} failed: ${words}`);
}
