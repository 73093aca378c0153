/** A service on the lab's forge, its pull requests, and checkouts of them as actions/checkout makes them. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Forge, startForge } from '../../lab/forge/server.ts';
import { systemExec } from '../../src/runner/index.ts';
import type { Report } from '../../src/scan-deps/types.ts';
import { type ActionResult, runAction } from '../support/bundle.ts';
import { mustBeValid } from './schema-check.ts';
import { started, zipOf } from './support.ts';

/** Path -> content; null takes the file away. */
export type Files = Readonly<Record<string, string | null>>;

export interface Event {
  name: string;
  sha: string;
  payload: object;
}

export interface Scan extends ActionResult {
  /** Undefined when the run failed before there was one. */
  report: Report;
}

export interface Service extends AsyncDisposable {
  forge: Forge;
  name: string;
  /** Folder for checkouts, databases and what else a test needs. */
  folder: string;
  /** Commits on a branch (made where main stands when it is new) and pushes it. @returns the commit */
  commit(branch: string, files: Files, options?: { force?: boolean; merge?: string; from?: string }): Promise<string>;
  /** Opens a pull request to main. @returns its event, with the forge's merge commit as GITHUB_SHA */
  pull(branch: string): Promise<{ number: number; event: Event }>;
  /** Fetches one commit under a ref, that deep, and checks it out. @returns the folder */
  checkout(sha: string, options?: { depth?: number; path?: string; filter?: string }): Promise<string>;
  git(cwd: string, ...args: string[]): Promise<string>;
  /** Writes an offline database beside the checkouts. */
  database(eco: string, records: readonly { id: string; modified?: string }[]): Promise<void>;
  scan(root: string, event: Event, inputs?: Record<string, string>): Promise<Scan>;
}

export async function startService(files: Files, options: { private?: boolean } = {}, how = started): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'scan-diff-'));
  const forge = await startForge();
  const name = 'org/service';
  const start = Object.fromEntries(Object.entries(files).filter(([, text]) => text !== null)) as Record<string, string>;
  await forge.createRepository(name, { files: start, private: options.private ?? false });
  const token = forge.createToken({ permissions: { contents: 'write', 'pull-requests': 'write' }, login: 'dev' });
  const url = `${forge.url}/${name}.git`;
  const header = `Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`;
  const author = join(folder, 'author');

  async function git(cwd: string, ...args: string[]): Promise<string> {
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'dev',
      GIT_AUTHOR_EMAIL: 'dev@example.com',
      GIT_COMMITTER_NAME: 'dev',
      GIT_COMMITTER_EMAIL: 'dev@example.com',
    };
    const result = await systemExec('git', args, { cwd, env, timeout: 240 });
    if (result.code !== 0) throw new Error(`git ${args.join(' ')}: ${result.stderrTail}`);
    return result.stdoutTail.trim();
  }
  const login = ['-c', `http.extraHeader=${header}`];
  await git(folder, ...login, 'clone', '-q', url, author);
  let count = 0;

  return {
    forge,
    name,
    folder,
    git,
    async commit(branch, changes, { force = false, merge, from } = {}) {
      await git(author, ...login, 'fetch', '-q', 'origin');
      const known = (await git(author, 'branch', '-r', '--list', `origin/${branch}`)) !== '';
      await git(author, 'checkout', '-q', '-B', branch, from ?? (known ? `origin/${branch}` : 'origin/main'));
      if (merge !== undefined) await git(author, 'merge', '-q', '--no-ff', '-m', 'merge', merge);
      for (const [path, text] of Object.entries(changes)) {
        const at = join(author, path);
        await mkdir(dirname(at), { recursive: true });
        await (text === null ? rm(at) : writeFile(at, text));
      }
      await git(author, 'add', '-A');
      await git(author, 'commit', '-q', '--allow-empty', '-m', `change ${branch}`);
      await git(author, ...login, 'push', '-q', ...(force ? ['--force'] : []), 'origin', branch);
      return git(author, 'rev-parse', 'HEAD');
    },
    async pull(branch) {
      const answer = await fetch(`${forge.apiUrl}/repos/${name}/pulls`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ title: branch, head: branch, base: 'main' }),
      });
      const { number } = (await answer.json()) as { number: number };
      const refs = await git(author, ...login, 'ls-remote', 'origin', `refs/pull/${number}/merge`);
      const show = await fetch(`${forge.apiUrl}/repos/${name}/pulls/${number}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const pull_request = (await show.json()) as object;
      return { number, event: { name: 'pull_request', sha: refs.split('\t')[0] ?? '', payload: { pull_request } } };
    },
    async checkout(sha, { depth = 1, path = '.', filter } = {}) {
      count += 1;
      const root = join(folder, `checkout-${count}`);
      const at = join(root, path);
      await mkdir(at, { recursive: true });
      await git(at, 'init', '-q', '.');
      await git(at, 'remote', 'add', 'origin', url);
      // As actions/checkout keeps its token.
      await git(at, 'config', `http.${forge.url}/.extraheader`, header);
      const how = [...(depth > 0 ? [`--depth=${depth}`] : []), ...(filter === undefined ? [] : [`--filter=${filter}`])];
      await git(at, 'fetch', '-q', '--no-tags', ...how, 'origin', `+${sha}:refs/remotes/pull/merge`);
      await git(at, 'checkout', '-q', '--force', 'refs/remotes/pull/merge');
      return root;
    },
    async database(eco, records) {
      await mkdir(join(folder, 'db', eco), { recursive: true });
      await writeFile(join(folder, 'db', eco, 'all.zip'), zipOf(records));
    },
    async scan(root, event, inputs = {}) {
      const payload = join(folder, 'event.json');
      const reports = join(folder, 'reports');
      await rm(reports, { recursive: true, force: true });
      await writeFile(payload, JSON.stringify(event.payload));
      const env = { GITHUB_EVENT_NAME: event.name, GITHUB_EVENT_PATH: payload, GITHUB_SHA: event.sha };
      const from: Record<string, string> =
        'osv-url' in inputs ? {} : { database: join(folder, 'db'), 'max-database-age': 'none' };
      const all = { paths: '.', 'report-dir': reports, ...from, ...inputs };
      const result = await runAction('scan-deps', all, { cwd: root, env, ...how });
      const read = async (file: string): Promise<unknown> =>
        JSON.parse(await readFile(join(reports, file), 'utf8').catch(() => 'null'));
      const report = (await read('scan-deps.json')) as Report;
      mustBeValid(report, await read('scan-deps.sarif'));
      return { ...result, report };
    },
    async [Symbol.asyncDispose]() {
      await forge.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
