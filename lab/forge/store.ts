/** The repositories of a forge and what hangs on them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { git, isRefName } from './git.ts';
import { PRE_RECEIVE } from './hook.ts';
import { type Commit, Objects } from './objects.ts';
import type { Ruleset } from './rules.ts';
import type { Token } from './tokens.ts';

export interface CheckRun {
  id: number;
  name: string;
  head_sha: string;
  status: string;
  conclusion: string | null;
  started_at: string | null;
  completed_at: string | null;
  details_url: string | null;
  output: unknown;
  external_id: string;
  /** App whose token made it. */
  app: { id: number } | null;
}

export interface Pull {
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
  draft: boolean;
  merged: boolean;
  merged_at: string | null;
  merge_commit_sha: string | null;
  /** Null while it is unknown, false with conflicts. */
  mergeable: boolean | null;
  head: { ref: string; sha: string };
  base: { ref: string; sha: string };
  user: { login: string };
}

export type MergeMethod = 'merge' | 'squash' | 'rebase';

/** A merge that waits until nothing stands against it any more. */
export interface AutoMerge {
  token: Token;
  method: MergeMethod;
  title: string;
  message: string;
}

export interface MergeSettings {
  methods: readonly MergeMethod[];
  /** GitHub's default is off. */
  auto: boolean;
  deleteBranch: boolean;
}

export interface CommitStatus {
  sha: string;
  state: string;
  context: string;
  description: string | null;
  target_url: string | null;
  app: { id: number } | null;
}

export interface Review {
  id: number;
  pull: number;
  state: string;
  commit_id: string;
  user: { login: string };
}

/** A workflow run, as `GET /actions/runs/{id}` shows it. */
export interface WorkflowRun {
  id: number;
  name: string;
  path: string;
  event: string;
  run_attempt: number;
  status: string;
  conclusion: string | null;
  head_sha: string;
  head_branch: string;
}

export interface Attestation {
  digest: string;
  bundle: unknown;
}

let lastId = 1000;
export function nextId(): number {
  lastId += 1;
  return lastId;
}

export class Repo {
  readonly id = nextId();
  /** Changes when the repository is renamed. */
  fullName: string;
  readonly private: boolean;
  readonly defaultBranch: string;
  /** Bare repository on disk. */
  readonly path: string;
  readonly objects: Objects;
  readonly checks: CheckRun[] = [];
  readonly statuses: CommitStatus[] = [];
  readonly pulls: Pull[] = [];
  /** By the number of the pull request. */
  readonly autoMerges = new Map<number, AutoMerge>();
  merging: MergeSettings = { methods: ['merge', 'squash', 'rebase'], auto: false, deleteBranch: false };
  readonly reviews: Review[] = [];
  readonly comments: { id: number; issue: number; body: string; user: { login: string } }[] = [];
  readonly rulesets: Ruleset[] = [];
  readonly sarifs: { id: string; commit_sha: string; ref: string; sarif: string }[] = [];
  readonly attestations: Attestation[] = [];
  readonly runs: WorkflowRun[] = [];
  /** Commits that the forge itself has signed. */
  readonly verified = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(o: { fullName: string; private: boolean; defaultBranch: string; path: string }) {
    this.fullName = o.fullName;
    this.private = o.private;
    this.defaultBranch = o.defaultBranch;
    this.path = o.path;
    this.objects = new Objects(o.path);
  }

  get owner(): string {
    return this.fullName.split('/')[0] ?? '';
  }

  get name(): string {
    return this.fullName.split('/')[1] ?? '';
  }

  /** The commit a full ref name points to. @param staleBy as an old replica sees it: that many first parents ago */
  async tip(ref: string, staleBy = 0): Promise<Commit | undefined> {
    if (!isRefName(ref)) return undefined;
    let commit = await this.objects.commit(ref);
    for (let i = 0; i < staleBy && commit?.parents[0] !== undefined; i += 1) {
      commit = await this.objects.commit(commit.parents[0]);
    }
    return commit;
  }

  /** What REST calls a ref: a branch, a tag, a full name or a (short) commit; empty is the default branch. */
  async find(ref: string, staleBy = 0): Promise<Commit | undefined> {
    if (/^[0-9a-f]{40}$/.test(ref)) return this.objects.commit(ref);
    const name = ref === '' || ref === 'HEAD' ? this.defaultBranch : ref;
    for (const full of [name, `refs/${name}`, `refs/heads/${name}`, `refs/tags/${name}`]) {
      const found = await this.tip(full, staleBy);
      if (found !== undefined) return found;
    }
    return /^[0-9a-f]{7,40}$/.test(name) ? this.objects.commit(name) : undefined;
  }

  /** One at a time, in order of arrival. */
  exclusive<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(body, body);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** Makes a bare repository, with a first commit when there are files (path -> content). */
export async function createBare(
  path: string,
  defaultBranch: string,
  files: Readonly<Record<string, string | Buffer>> | undefined,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await git(path, ['init', '--bare', '--quiet', '--template=', `--initial-branch=${defaultBranch}`]);
  await mkdir(join(path, 'hooks'), { recursive: true });
  await writeFile(join(path, 'hooks', 'pre-receive'), PRE_RECEIVE, { mode: 0o755 });
  await writeFile(
    join(path, 'config'),
    `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = false
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[transfer]
\thideRefs = refs/forge
[gc]
\tauto = 0
[receive]
\tautogc = false
`,
  );
  const entries = Object.entries(files ?? {});
  if (entries.length === 0) return;
  const when = `${Math.floor(Date.now() / 1000)} +0000`;
  const who = `Lab <lab@example.org> ${when}`;
  const parts: Buffer[] = [
    Buffer.from(`commit refs/heads/${defaultBranch}\nauthor ${who}\ncommitter ${who}\ndata 7\ninitial\n`),
  ];
  for (const [name, content] of entries) parts.push(...importFile(name, Buffer.from(content)));
  await git(path, ['fast-import', '--quiet'], Buffer.concat(parts));
}

/** One file of a git-fast-import commit. */
export function importFile(path: string, bytes: Buffer): Buffer[] {
  return [Buffer.from(`M 100644 inline ${importPath(path)}\ndata ${bytes.length}\n`), bytes, Buffer.from('\n')];
}

/** A path as git-fast-import quotes it. */
export function importPath(path: string): string {
  return `"${path.replace(/["\\\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`;
}
