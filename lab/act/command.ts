/** How act is called: its arguments, its environment and its files. */
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { RunOptions } from '../runner/index.ts';
import type { Trees } from './trees.ts';

export interface ActCommand {
  args: readonly string[];
  /** All of it: act hands its whole environment to every job. */
  env: Readonly<Record<string, string>>;
}

/**
 * Writes the files of a call and says how to make it.
 * @param o.folder a new folder; act's working copy, home and caches are in it
 * @param o.workflow text of the workflow that runs
 */
export async function actCommand(o: {
  options: Pick<RunOptions, 'event' | 'ref' | 'sha' | 'repo' | 'forge' | 'vars' | 'env' | 'file'>;
  folder: string;
  workflow: string;
  runId: number;
  attempt: number;
  actor: string;
  secrets: Readonly<Record<string, string>>;
  artifacts: string;
  trees: Trees;
}): Promise<ActCommand> {
  const { options } = o;
  const at = (name: string): string => join(o.folder, name);
  const source = at('source');
  await mkdir(dirname(join(source, options.file)), { recursive: true });
  await mkdir(at('home'));
  await writeFile(join(source, options.file), o.workflow);
  await writeFile(at('event.json'), JSON.stringify(options.event.payload));
  // As YAML, because keys have many lines; as a file, because an argument or a variable is seen by every job.
  await writeFile(at('secrets.yml'), stringify(o.secrets), { mode: 0o600 });
  const facts = {
    GITHUB_SERVER_URL: options.forge.serverUrl,
    GITHUB_API_URL: options.forge.apiUrl,
    GITHUB_GRAPHQL_URL: options.forge.graphqlUrl,
    GITHUB_REPOSITORY: options.repo,
    GITHUB_REF: options.ref,
    // act's own name for the commit; GITHUB_SHA comes of it.
    SHA_REF: options.sha,
    GITHUB_RUN_ID: String(o.runId),
    GITHUB_RUN_ATTEMPT: String(o.attempt),
    LAB_ARTIFACTS: o.artifacts,
    ...options.env,
  };
  const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  return {
    args: [
      options.event.name,
      ...['--workflows', options.file, '--directory', source, '--eventpath', at('event.json')],
      ...['--platform', 'ubuntu-latest=-self-hosted', '--json', '--no-skip-checkout', '--no-cache-server'],
      // Its cache of repositories is written without a lock: jobs side by side may bring it down.
      ...['--concurrent-jobs', '1', '--action-offline-mode', '--action-cache-path', at('actions')],
      ...['--actor', o.actor, '--defaultbranch', 'main', '--secret-file', at('secrets.yml')],
      ...pairs('--var', options.vars ?? {}),
      ...pairs('--env', facts),
      ...pairs('--local-repository', o.trees),
    ],
    env: {
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin'}`,
      HOME: at('home'),
      LANG: 'C.UTF-8',
    },
  };
}
