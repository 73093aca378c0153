/**
 * The config repository through the git command line: any host. A bare partial repository of one commit, no checkout.
 * Why depth 1 with blob:none: when git lacks one tree it fetches every tree below it anyway, and leaving trees out as well
 * costs a connection for each level of folders.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkGitVersion, classifyAccess, classifyPush, type Git, openGit } from '../git/index.ts';
import { ActionError, type Exec } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type {
  CommitRequest,
  CommitResult,
  ConfigRepository,
  FileAtHead,
  LoggedCommit,
  Snapshot,
} from './config-repository.ts';

export interface GitAddress {
  url: URL;
  branch: string;
  /** Value of the Authorization header, or undefined. */
  authorization: string | undefined;
  author: { name: string; email: string };
}

export interface GitPorts {
  exec: Exec;
  /** An empty folder of ours; removed by close(). */
  workdir: string;
  env: Readonly<Record<string, string | undefined>>;
}

const BASE = 'refs/bump/base';
const TIP = 'refs/bump/tip';
const MAX_COMMITS = 500;
const LOG_DEPTH = 50;

export async function gitRepository(address: GitAddress, ports: GitPorts): Promise<ConfigRepository> {
  const dir = join(ports.workdir, 'config.git');
  const home = join(ports.workdir, 'home');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const git = openGit(
    ports.exec,
    dir,
    home,
    { origin: address.url.origin, authorization: address.authorization },
    ports.env,
  );
  await checkGitVersion(git);
  const repo = new GitRepository(git, address, dir, ports.workdir);
  await repo.init();
  return repo;
}

class GitRepository implements ConfigRepository {
  readonly #git: Git;
  readonly #address: GitAddress;
  readonly #dir: string;
  readonly #workdir: string;
  readonly #remote: string;
  /** A resent request pushes the identical commit: "up to date" then means that the first copy won. */
  readonly #made = new WeakMap<CommitRequest, string>();

  constructor(git: Git, address: GitAddress, dir: string, workdir: string) {
    this.#git = git;
    this.#address = address;
    this.#dir = dir;
    this.#workdir = workdir;
    this.#remote = `refs/heads/${address.branch}`;
  }

  async init(): Promise<void> {
    await this.#must(['init', '--quiet', '--bare', '--initial-branch=bump', this.#dir]);
    for (const [key, value] of [
      ['core.repositoryformatversion', '1'],
      ['extensions.partialClone', 'origin'],
      ['remote.origin.url', this.#address.url.href],
      ['remote.origin.promisor', 'true'],
      ['remote.origin.partialclonefilter', 'blob:none'],
    ] as const) {
      await this.#must(['config', key, value]);
    }
  }

  async read(paths: readonly string[], signal: AbortSignal): Promise<Snapshot> {
    await this.#fetch(['--depth=1', '--filter=blob:none', 'origin', `+${this.#remote}:${BASE}`], signal);
    const head = (await this.#must(['rev-parse', '--verify', BASE])).trim();
    const listing = await this.#must(['--literal-pathspecs', 'ls-tree', '-z', head, '--', ...paths]);
    const entries = new Map(
      listing
        .split('\0')
        .filter(Boolean)
        .map((line) => {
          const [meta = '', path = ''] = line.split('\t');
          const [mode = '', type = '', oid = ''] = meta.split(' ');
          return [path, { mode, type, oid }] as const;
        }),
    );
    for (const [path, entry] of entries) this.#checkMode(path, entry);
    await this.#fetchBlobs(
      [...entries.values()].map((e) => e.oid),
      signal,
    );
    const files = new Map<string, FileAtHead | null>();
    for (const path of paths) {
      const entry = entries.get(path);
      if (entry === undefined) files.set(path, null);
      else
        files.set(path, {
          path,
          oid: entry.oid,
          mode: entry.mode as '100644' | '100755',
          bytes: (await this.#raw(['cat-file', 'blob', entry.oid])).stdout,
        });
    }
    return { head, files, log: () => this.#log(head, paths, signal) };
  }

  async commit(request: CommitRequest, signal: AbortSignal): Promise<CommitResult> {
    const oid = this.#made.get(request) ?? (await this.#makeCommit(request));
    this.#made.set(request, oid);
    const lease = `--force-with-lease=${this.#remote}:${request.head}`;
    const result = await this.#git(['push', '--porcelain', '--no-verify', lease, 'origin', `${oid}:${this.#remote}`], {
      signal,
    });
    const outcome = classifyPush(this.#remote, result.code, result.stdoutTail, result.stderrTail);
    switch (outcome.kind) {
      case 'committed':
        return { kind: 'committed', oid, url: this.commitUrl(oid), verified: false };
      case 'protected':
        throw new ActionError('E_BRANCH_PROTECTED', {
          what: `branch ${oneLine(this.#address.branch, 120)}`,
          why: outcome.detail,
          fix: 'Let the writer bypass the rule for this branch',
        });
      case 'permission':
      case 'redirect':
        throw this.#accessError(outcome);
      default:
        return outcome;
    }
  }

  async history(
    since: string,
    signal: AbortSignal,
  ): Promise<{ head: string; commits: LoggedCommit[]; complete: boolean }> {
    // Without --depth: the shallow base makes the server send only what is new.
    await this.#fetch(['--filter=blob:none', 'origin', `+${this.#remote}:${TIP}`], signal);
    const head = (await this.#must(['rev-parse', '--verify', TIP])).trim();
    const known = since !== '' && (await this.#git(['cat-file', '-e', `${since}^{commit}`])).code === 0;
    const complete = known && (await this.#git(['merge-base', '--is-ancestor', since, head])).code === 0;
    const commits = await this.#commits([complete ? `${since}..${head}` : head, `--max-count=${MAX_COMMITS}`]);
    return { head, commits, complete: complete && commits.length < MAX_COMMITS };
  }

  commitUrl(oid: string): string {
    return `${this.#address.url.href.replace(/\.git$/, '')}/commit/${oid}`;
  }

  async close(): Promise<void> {
    await rm(this.#workdir, { recursive: true, force: true });
  }

  async #makeCommit(request: CommitRequest): Promise<string> {
    const index = { GIT_INDEX_FILE: join(this.#workdir, `index-${request.head}`) };
    await this.#must(['read-tree', request.head], { env: index });
    for (const { path, mode, bytes } of request.changes) {
      // Bytes go in as they are: no path, so no filter and no line-end conversion.
      const blob = (await this.#must(['hash-object', '-w', '--stdin'], { input: bytes })).trim();
      await this.#must(['update-index', '--add', '--cacheinfo', `${mode},${blob},${path}`], { env: index });
    }
    const tree = (await this.#must(['write-tree', '--missing-ok'], { env: index })).trim();
    const { name, email } = this.#address.author;
    const who = {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
    };
    const { headline, body } = request.message;
    return (
      await this.#must(['commit-tree', tree, '-p', request.head, '-F', '-'], {
        input: `${headline}\n\n${body}\n`,
        env: who,
      })
    ).trim();
  }

  async #fetchBlobs(oids: readonly string[], signal: AbortSignal): Promise<void> {
    const missing: string[] = [];
    // GIT_NO_LAZY_FETCH came late; rev-list with missing=print asks no server.
    for (const oid of new Set(oids)) {
      const seen = await this.#git(['rev-list', '--objects', '--missing=print', '--no-walk', '--ignore-missing', oid]);
      if (seen.code !== 0 || seen.stdoutTail.trim() === '' || seen.stdoutTail.startsWith('?')) missing.push(oid);
    }
    if (missing.length > 0) await this.#fetch(['--filter=blob:none', 'origin', ...missing], signal);
  }

  async #fetch(args: readonly string[], signal: AbortSignal): Promise<void> {
    const run = (list: readonly string[]) =>
      this.#git(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', ...list], { signal });
    let result = await run(args);
    // A server of protocol v0 filters, but gives no single blobs: start over with everything.
    if (result.code !== 0 && /unadvertised object/.test(result.stderrTail))
      result = await run(['--depth=1', '--refetch', 'origin', `+${this.#remote}:${BASE}`]);
    if (result.code === 0) return;
    if (signal.aborted) throw signal.reason;
    const access = classifyAccess(result.stderrTail);
    if (access !== undefined) throw this.#accessError(access);
    if (/couldn't find remote ref/.test(result.stderrTail)) {
      throw new ActionError('E_BRANCH_NOT_FOUND', {
        what: `branch ${oneLine(this.#address.branch, 120)}`,
        why: 'the config repository has no such branch',
        fix: 'Create it, or correct branch',
      });
    }
    throw new ActionError('E_CONFIG_UNREADABLE', {
      what: 'config repository',
      why: oneLine(result.stderrTail || `git ended with ${result.code ?? result.signal}`, 300),
      fix: 'Nothing was written. Run again when the host answers',
    });
  }

  async #log(head: string, paths: readonly string[], signal: AbortSignal): Promise<LoggedCommit[]> {
    await this.#fetch([`--depth=${LOG_DEPTH}`, '--filter=blob:none', 'origin', `+${this.#remote}:${TIP}`], signal);
    return this.#commits([head, `--max-count=${LOG_DEPTH}`, '--', ...paths.map((p) => `:(literal)${p}`)]);
  }

  async #commits(args: readonly string[]): Promise<LoggedCommit[]> {
    const out = await this.#must(['log', '--format=%H%x00%cI%x00%B%x01', ...args]);
    return out
      .split('\x01')
      .map((record) => record.replace(/^\n/, '').split('\0'))
      .filter((fields) => fields.length === 3)
      .map(([oid = '', time = '', message = '']) => ({ oid, time, message: message.trimEnd() }));
  }

  #checkMode(path: string, entry: { mode: string; type: string }): void {
    if (entry.mode === '100644' || entry.mode === '100755') return;
    const why =
      entry.mode === '120000'
        ? 'it is a symbolic link'
        : entry.mode === '160000'
          ? 'it is a submodule'
          : `it is a ${oneLine(entry.type, 20)}`;
    throw new ActionError('E_FILE_MODE', { what: `file ${oneLine(path, 200)}`, why, fix: 'Name the file itself' });
  }

  #accessError(access: { kind: 'permission' | 'redirect'; detail: string }): ActionError {
    const what = `config repository ${this.#address.url.host}${this.#address.url.pathname}`;
    if (access.kind === 'redirect')
      return new ActionError('E_REDIRECT', {
        what,
        why: access.detail,
        fix: 'Write the address it moved to; credentials are never sent along a redirect',
      });
    return new ActionError('E_PERMISSION_MISSING', {
      what,
      why: access.detail,
      fix: 'Give the token read and write access to this repository, or correct its name',
    });
  }

  #raw(args: readonly string[], options: Parameters<Git>[1] = {}) {
    return this.#git(args, options).then((result) => {
      if (result.code === 0) return result;
      throw new ActionError('E_GIT_FAILED', {
        what: `git ${args.find((a) => !a.startsWith('-')) ?? ''}`,
        why: oneLine(result.stderrTail || `it ended with ${result.code ?? result.signal}`, 300),
        fix: 'Nothing was written. Please report it with the log',
      });
    });
  }

  async #must(args: readonly string[], options: Parameters<Git>[1] = {}): Promise<string> {
    return (await this.#raw(args, options)).stdout.toString('utf8');
  }
}
