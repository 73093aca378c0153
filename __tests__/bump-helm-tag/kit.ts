/** What the suites about the whole action share: the transports, what a user writes, what a reader of the log finds. */
import { join } from 'node:path';
import type { FaultMatch } from '../../lab/forge/faults.ts';
import { git } from '../../lab/forge/git.ts';
import type { ActionResult } from '../support/bundle.ts';
import { DIGEST, type World } from './world.ts';

export const TRANSPORTS = ['github', 'git'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Inputs of a bump of the image map in env/v.yaml. @param c one hex digit, which names the build */
export const image = (c: string, over: Record<string, string> = {}): Record<string, string> => ({
  image: 'ghcr.io/org/app',
  tag: `sha-${c}`,
  digest: DIGEST(c),
  file: 'env/v.yaml',
  ...over,
});

/** One scalar. */
export const scalar = (path: string, value: string, file = 'env/v.yaml'): Record<string, string> => ({
  updates: JSON.stringify([{ file, path, value }]),
});

/** Requests that write to the config repository. */
export const writes = (transport: Transport): FaultMatch =>
  transport === 'github' ? { operation: 'BumpCommit' } : { method: 'POST', path: /git-receive-pack$/ };
/** Requests that read its head and files. */
export const reads = (transport: Transport): FaultMatch =>
  transport === 'github' ? { operation: 'BumpRead' } : { method: 'POST', path: /git-upload-pack$/ };

/** How many requests of the log write to the config repository. */
export function writesIn(world: World): number {
  return world.forge
    .requests()
    .filter((r) => r.operation === 'BumpCommit' || (r.method === 'POST' && /git-receive-pack$/.test(r.path))).length;
}

/** Requests to the config repository and to the source, by what they ask for. */
export function requestsOf(world: World): { config: string[]; source: string[] } {
  const all = world.forge.requests().map((r) => ({ name: r.operation ?? `${r.path}${r.query}`, path: r.path }));
  const isSource = (path: string): boolean => path.startsWith('/repos/org/app/');
  return {
    config: all.filter((r) => !isSource(r.path)).map((r) => r.name),
    source: all.filter((r) => isSource(r.path)).map((r) => r.name),
  };
}

interface Problem {
  code: string | undefined;
  message: string;
  file: string | undefined;
  line: number | undefined;
  column: number | undefined;
}

/** The error annotations of a log. */
function problemsOf(log: string): Problem[] {
  return [...log.matchAll(/^::error ([^:]*)::(.*)$/gm)].map(([, properties = '', message = '']) => {
    const facts = new Map(properties.split(',').map((p) => p.split('=') as [string, string]));
    const number = (name: string): number | undefined => (facts.has(name) ? Number(facts.get(name)) : undefined);
    return {
      code: /\[(E_[A-Z0-9_]+)\]$/.exec(message)?.[1],
      message,
      file: facts.get('file'),
      line: number('line'),
      column: number('col'),
    };
  });
}
export const codeOf = (log: string): string | undefined => problemsOf(log)[0]?.code;

/** Red with this code alone, and no output that tells of a success. @returns the error */
export function expectRed(run: ActionResult, code: string): Problem {
  const problems = problemsOf(run.log);
  const seen = { exit: run.code, codes: problems.map((p) => p.code), result: run.outputs.result };
  const wanted = { exit: 1, codes: [code], result: undefined };
  if (JSON.stringify(seen) !== JSON.stringify(wanted))
    throw new Error(`wanted ${JSON.stringify(wanted)}, seen ${JSON.stringify(seen)}\n${run.log.slice(-2000)}`);
  return problems[0] as Problem;
}

const WHO = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((w) => [
    [`GIT_${w}_NAME`, 'p'],
    [`GIT_${w}_EMAIL`, 'p@example.org'],
  ]),
);

export interface Entry {
  file: string;
  /** Bytes of a blob, target of a symbolic link, or commit of a submodule; undefined takes the file away. */
  content: string | Uint8Array | undefined;
  mode?: '100644' | '100755' | '120000' | '160000';
}

/** Somebody else's commit, made in the repository itself, where no rule and no fault is in the way. @returns the commit */
export async function putAll(world: World, entries: readonly Entry[], message = 'by hand'): Promise<string> {
  const { path } = world;
  const index = { GIT_INDEX_FILE: join(path, `index-${entries.length}`) };
  await git(path, ['read-tree', 'main'], undefined, index);
  for (const { file, content, mode = '100644' } of entries) {
    if (content === undefined) {
      // Mode 0 takes it out; --force-remove wants a work tree.
      await git(path, ['update-index', '--index-info'], `0 ${'0'.repeat(40)}\t${file}\n`, index);
      continue;
    }
    const oid =
      mode === '160000'
        ? String(content)
        : (await git(path, ['hash-object', '-w', '--stdin'], content)).toString().trim();
    await git(path, ['update-index', '--add', '--cacheinfo', `${mode},${oid},${file}`], undefined, index);
  }
  const tree = (await git(path, ['write-tree'], undefined, index)).toString().trim();
  const commit = (await git(path, ['commit-tree', tree, '-p', 'main', '-m', message], undefined, WHO))
    .toString()
    .trim();
  await git(path, ['update-ref', 'refs/heads/main', commit]);
  return commit;
}

/** The message of the newest commit. */
export const lastMessage = async (world: World): Promise<string> =>
  (await git(world.path, ['log', '-1', '--format=%B', 'main'])).toString();

/** Resolves when the forge has got a request that matches. */
export async function seen(world: World, match: FaultMatch): Promise<void> {
  const matches = (r: { operation?: string; method: string; path: string }): boolean =>
    (match.operation === undefined || r.operation === match.operation) &&
    (match.method === undefined || r.method === match.method) &&
    (match.path === undefined || match.path.test(r.path));
  while (!world.forge.requests().some(matches)) await new Promise((resolve) => setTimeout(resolve, 10));
}
