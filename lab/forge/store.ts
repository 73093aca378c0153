/** The repositories of a forge and what hangs on them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { git } from './git.ts';
import type { Ruleset } from './rules.ts';

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
}

export interface Pull {
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
  merged: boolean;
  merge_commit_sha: string | null;
  head: { ref: string; sha: string };
  base: { ref: string; sha: string };
  user: { login: string };
}

export interface CommitStatus {
  sha: string;
  state: string;
  context: string;
  description: string | null;
  target_url: string | null;
}

let lastId = 1000;
export function nextId(): number {
  lastId += 1;
  return lastId;
}

export class Repo {
  readonly id = nextId();
  readonly fullName: string;
  readonly private: boolean;
  readonly defaultBranch: string;
  /** Bare repository on disk. */
  readonly path: string;
  readonly checks: CheckRun[] = [];
  readonly statuses: CommitStatus[] = [];
  readonly pulls: Pull[] = [];
  readonly comments: { id: number; issue: number; body: string; user: { login: string } }[] = [];
  readonly rulesets: Ruleset[] = [];
  readonly sarifs: { id: string; commit_sha: string; ref: string; sarif: string }[] = [];
  readonly attestations: { digest: string; bundle: unknown }[] = [];
  /** Commits that the forge itself has signed. */
  readonly verified = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(o: { fullName: string; private: boolean; defaultBranch: string; path: string }) {
    this.fullName = o.fullName;
    this.private = o.private;
    this.defaultBranch = o.defaultBranch;
    this.path = o.path;
  }

  /** GitHub signs what an App commits through the API. */
  signs(author: { name: string }): boolean {
    return author.name.endsWith('[bot]');
  }

  /** One at a time, in order of arrival. */
  exclusive<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(body, body);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** Makes a bare repository, with a first commit when there are files (path -> text). */
export async function createBare(
  path: string,
  defaultBranch: string,
  files: Readonly<Record<string, string | Buffer>> | undefined,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await git(path, ['init', '--bare', '--quiet', `--initial-branch=${defaultBranch}`]);
  for (const [key, value] of Object.entries({
    'uploadpack.allowFilter': 'true',
    'uploadpack.allowAnySHA1InWant': 'true',
    'http.receivepack': 'true',
    'receive.denyNonFastForwards': 'false',
    'gc.auto': '0',
    'core.logAllRefUpdates': 'false',
  })) {
    await git(path, ['config', key, value]);
  }
  await writeFile(join(path, 'hooks', 'pre-receive'), PRE_RECEIVE, { mode: 0o755 });
  if (files === undefined || Object.keys(files).length === 0) return;
  const when = `${Math.floor(Date.now() / 1000)} +0000`;
  const parts: Buffer[] = [
    Buffer.from(
      `commit refs/heads/${defaultBranch}\nauthor Lab <lab@example.org> ${when}\ncommitter Lab <lab@example.org> ${when}\ndata 7\ninitial\n`,
    ),
  ];
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content);
    parts.push(Buffer.from(`M 100644 inline "${name}"\ndata ${bytes.length}\n`), bytes, Buffer.from('\n'));
  }
  await git(path, ['fast-import', '--quiet'], Buffer.concat(parts));
}

// The rules come with each push as lines `<rule> <ref>`; an empty list lets everything pass.
const PRE_RECEIVE = `#!/bin/sh
[ -n "$LAB_RULES" ] || exit 0
status=0
while read -r old new ref; do
  for rule in $(printf '%s\\n' "$LAB_RULES" | awk -v ref="$ref" '$2 == ref { print $1 }'); do
    why=
    case "$rule" in
      pull_request) why="Changes must be made through a pull request." ;;
      required_status_checks) why="Required status check is expected." ;;
      deletion) case "$new" in *[!0]*) ;; *) why="Cannot delete this branch" ;; esac ;;
      non_fast_forward) case "$old$new" in *[!0]*) git merge-base --is-ancestor "$old" "$new" 2>/dev/null || case "$old" in *[!0]*) why="Cannot force-push to this branch" ;; esac ;; esac ;;
    esac
    if [ -n "$why" ]; then
      echo "error: GH013: Repository rule violations found for $ref." >&2
      echo "- $why" >&2
      status=1
    fi
  done
done
exit $status
`;
