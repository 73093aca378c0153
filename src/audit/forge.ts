/** The forge's REST API, as far as an audit reads it. Every request is a GET. */
import { createHash } from 'node:crypto';
import { fields, isFields, list } from '../argocd/index.ts';
import { type Comparison, classify, compare, type GitHubAnswer, type GitHubClient } from '../github/index.ts';
import { HttpError, withRetry } from '../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

export interface RepositoryFacts {
  defaultBranch: string;
  /** Web address of the repository; '' when the forge tells none. */
  page: string;
}

export interface CommitFacts {
  sha: string;
  message: string;
  author: string;
  verified: boolean;
  /** GitHub's word: `valid`, `unsigned`, `invalid`, … */
  reason: string;
}

export interface RunFacts {
  status: string;
  /** '' while it has none. */
  conclusion: string;
  headSha: string;
  page: string;
}

export interface TreeFile {
  path: string;
  mode: string;
  sha: string;
}

/** One repository. A method answers undefined for what is not there, and rejects with ActionError E_FORGE_UNREADABLE. */
export interface Forge {
  repository(): Promise<RepositoryFacts | undefined>;
  head(branch: string): Promise<string | undefined>;
  /** Newest first. @param page from 1 */
  commits(from: string, page: number): Promise<CommitFacts[] | undefined>;
  commit(sha: string): Promise<CommitFacts | undefined>;
  /** How `head`, a commit or a branch, stands to `base`. */
  compare(base: string, head: string): Promise<Comparison>;
  run(id: string): Promise<RunFacts | undefined>;
  /** Sigstore bundles for a digest. */
  attestations(digest: string): Promise<unknown[] | undefined>;
  files(commit: string): Promise<TreeFile[] | undefined>;
  /** Bytes of a blob, held against its id. */
  blob(sha: string): Promise<Buffer>;
}

export interface ForgePorts {
  clock: Clock;
  random: () => number;
  deadline: Deadline;
}

const PER_PAGE = 100;

/** @param repository `owner/name` */
export function openForge(client: GitHubClient, repository: string, ports: ForgePorts): Forge {
  const { clock, random, deadline } = ports;
  const base = `/repos/${repository}`;

  async function ask(path: string): Promise<unknown> {
    let answer: GitHubAnswer;
    try {
      answer = await withRetry(() => client.get(base + path, deadline.signal), {
        retries: 3,
        baseMs: 500,
        capMs: 4000,
        retryAfterCapMs: 60_000,
        clock,
        random,
        deadline,
        classify(outcome) {
          if ('error' in outcome) return outcome.error instanceof HttpError && outcome.error.transient ? 'retry' : 'ok';
          if (outcome.value.status >= 500) return 'retry';
          const sorted = classify(outcome.value, clock.now());
          return sorted.kind === 'throttled' ? { retryAfterMs: sorted.waitSeconds * 1000 } : 'ok';
        },
      });
    } catch (error) {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      if (error instanceof HttpError) throw unreadable(repository, error.message, error);
      throw error;
    }
    if (answer.status === 404 || answer.status === 422) return undefined;
    if (answer.status === 200 && answer.json !== undefined) return answer.json;
    const said = isFields(answer.json) && typeof answer.json.message === 'string' ? `: ${answer.json.message}` : '';
    throw unreadable(repository, `the forge answered ${answer.status}${said}`);
  }

  return {
    async repository() {
      const json = await ask('');
      if (json === undefined) return undefined;
      const { default_branch, html_url } = fields(json);
      return { defaultBranch: text(default_branch), page: text(html_url) };
    },
    async head(branch) {
      const json = await ask(`/git/ref/heads/${encodePath(branch)}`);
      const sha = text(fields(fields(json).object).sha);
      return SHA.test(sha) ? sha : undefined;
    },
    async commits(from, page) {
      const json = await ask(`/commits?sha=${encodeURIComponent(from)}&per_page=${PER_PAGE}&page=${page}`);
      return json === undefined ? undefined : list(json).map(readCommit);
    },
    async commit(sha) {
      const json = await ask(`/commits/${sha}`);
      return json === undefined ? undefined : readCommit(json);
    },
    compare: (one, other) => compare(client, repository, one, encodeURIComponent(other), clock, deadline.signal),
    async run(id) {
      const json = await ask(`/actions/runs/${id}`);
      if (json === undefined) return undefined;
      const { status, conclusion, head_sha, html_url } = fields(json);
      return { status: text(status), conclusion: text(conclusion), headSha: text(head_sha), page: text(html_url) };
    },
    async attestations(digest) {
      const json = await ask(`/attestations/${digest}?per_page=100`);
      if (json === undefined) return undefined;
      return list(fields(json).attestations).map((one) => fields(one).bundle);
    },
    async files(commit) {
      const json = await ask(`/git/trees/${commit}?recursive=1`);
      if (json === undefined) return undefined;
      const { tree, truncated } = fields(json);
      // A partial list would render a chart that nobody wrote.
      if (truncated === true) throw unreadable(repository, 'it has more files than the forge lists at once');
      return list(tree)
        .map(fields)
        .filter(({ type }) => type === 'blob')
        .map(({ path, mode, sha }) => ({ path: text(path), mode: text(mode), sha: text(sha) }));
    },
    async blob(sha) {
      const { content, encoding } = fields(await ask(`/git/blobs/${sha}`));
      const bytes = Buffer.from(text(content), encoding === 'base64' ? 'base64' : 'utf8');
      const hash = createHash(sha.length === 64 ? 'sha256' : 'sha1')
        .update(`blob ${bytes.length}\0`)
        .update(bytes);
      if (hash.digest('hex') !== sha) throw unreadable(repository, `the bytes of blob ${sha} are others`);
      return bytes;
    },
  };
}

const SHA = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

function readCommit(json: unknown): CommitFacts {
  const { sha, commit, author: account } = fields(json);
  const { message, author, verification } = fields(commit);
  const { name, email } = fields(author);
  const login = text(fields(account).login);
  const { verified, reason } = fields(verification);
  return {
    sha: text(sha),
    message: text(message),
    author: `${text(name)} <${text(email)}>${login === '' ? '' : ` (${login})`}`,
    verified: verified === true,
    reason: text(reason),
  };
}

function unreadable(repository: string, why: string, cause?: unknown): ActionError {
  return new ActionError('E_FORGE_UNREADABLE', {
    what: `repository ${oneLine(repository, 120)}`,
    why: oneLine(why, 300),
    fix: 'Check the token and GITHUB_API_URL, and run again',
    ...(cause === undefined ? {} : { cause }),
  });
}
