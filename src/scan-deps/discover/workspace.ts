/** The checkout, read only: tracked files by git, bytes by path, and nothing outside of it, also not through a link. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { ActionError, type Exec } from '../../runner/index.ts';
import type { ExtractContext, Unreadable } from '../extract/context.ts';
import { LIMITS } from '../types.ts';

export interface Workspace extends ExtractContext {
  readonly root: string;
  /** What stands at a path of the user: relative path with slashes. */
  find(path: string): { path: string; kind: 'file' | 'folder' } | 'missing' | 'outside';
  /** Files below the folders, tracked ones when git knows them. */
  list(folders: readonly string[]): Promise<string[]>;
}

const MAX_ENTRIES = 200_000;
const MAX_DEPTH = 32;

export function openWorkspace(path: string, exec: Exec, env: Readonly<Record<string, string | undefined>>): Workspace {
  const root = realpathSync(path);
  const inside = (real: string): boolean => real === root || real.startsWith(root.endsWith(sep) ? root : root + sep);
  const real = (file: string): string | undefined => {
    try {
      return realpathSync(resolve(root, file));
    } catch {
      return undefined;
    }
  };
  return {
    root,
    limits: LIMITS,
    find(file) {
      const lexical = relative(root, resolve(root, file)).split(sep).join('/');
      if (lexical === '..' || lexical.startsWith('../') || file.includes('\0')) return 'outside';
      const target = real(file);
      if (target === undefined) return 'missing';
      if (!inside(target)) return 'outside';
      return { path: lexical, kind: statSync(target).isDirectory() ? 'folder' : 'file' };
    },
    read(file): Uint8Array | Unreadable {
      const target = real(file);
      if (target === undefined) return 'missing';
      if (!inside(target)) return 'outside';
      const facts = statSync(target);
      if (!facts.isFile()) return 'not-a-file';
      return facts.size > LIMITS.fileBytes ? 'too-big' : readFileSync(target);
    },
    async list(folders) {
      if (folders.length === 0) return [];
      return (await tracked(exec, root, folders, env)) ?? folders.flatMap((folder) => walk(root, folder));
    },
  };
}

/** @returns undefined when this is no work tree of git */
async function tracked(
  exec: Exec,
  cwd: string,
  folders: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string[] | undefined> {
  // No hook, monitor or setting of the scanned tree runs a program here.
  const settings = ['core.fsmonitor=false', 'core.hooksPath=/dev/null', `safe.directory=${cwd}`];
  const args = [
    '--literal-pathspecs',
    '--no-optional-locks',
    ...settings.flatMap((setting) => ['-c', setting]),
    'ls-files',
    '-z',
    '--recurse-submodules',
    '--',
    ...folders.map((folder) => folder || '.'),
  ];
  try {
    const options = { cwd, timeout: 60, maxBytes: 256 * 1024 * 1024 };
    const result = await exec('git', args, {
      ...options,
      env: { PATH: env.PATH, HOME: env.HOME, GIT_TERMINAL_PROMPT: '0' },
    });
    if (result.code !== 0 || result.truncated) return undefined;
    return result.stdout
      .toString('utf8')
      .split('\0')
      .filter((file) => file !== '');
  } catch {
    return undefined;
  }
}

function walk(root: string, start: string): string[] {
  const files: string[] = [];
  const todo = [{ path: start, depth: 0 }];
  let entries = 0;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const entry of readdirSync(join(root, next.path), { withFileTypes: true })) {
      entries += 1;
      const path = next.path === '' ? entry.name : `${next.path}/${entry.name}`;
      if (entries > MAX_ENTRIES || next.depth > MAX_DEPTH) throw tooMuch(start);
      // Links are not followed as folders; a link to a file is read if its target stays inside.
      if (entry.isDirectory() && entry.name !== '.git' && entry.name !== 'node_modules') {
        todo.push({ path, depth: next.depth + 1 });
      } else if (!entry.isDirectory()) files.push(path);
    }
  }
  return files.sort();
}

function tooMuch(start: string): ActionError {
  return new ActionError('E_LIMIT', {
    what: `folder ${start || '.'}`,
    why: `it has more than ${MAX_ENTRIES} entries or is deeper than ${MAX_DEPTH}, and git does not know its files`,
    fix: 'Scan a git checkout, or name narrower paths',
  });
}
