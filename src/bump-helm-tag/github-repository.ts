/** The config repository through GitHub's API: one query reads, one mutation writes a verified commit. */
import { createHash } from 'node:crypto';
import { classify, type GitHubAnswer, type GitHubClient } from '../github/index.ts';
import { HttpError } from '../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { CommitResult, ConfigRepository, FileAtHead, LoggedCommit, Snapshot } from './config-repository.ts';

export interface GitHubAddress {
  owner: string;
  name: string;
  branch: string;
  /** For links. */
  serverUrl: string;
}

const READ_MS = 15_000;
const READ_TRIES = 8;
const WRITE_MS = 30_000;
const MAX_REQUEST = 30 * 1024 * 1024;
const MAX_COMMITS = 500;

const COMMIT = `mutation BumpCommit($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input:$input) { commit { oid url signature { isValid } } } }`;
const HEAD_HISTORY = `query BumpHistory($owner:String!,$name:String!,$ref:String!) { repository(owner:$owner,name:$name) { ref(qualifiedName:$ref) { target { oid ... on Commit { history(first:100) { nodes { oid message committedDate } pageInfo { hasNextPage endCursor } } } } } } }`;
// Later pages belong to one head, whatever moves the branch meanwhile.
const PAGE = `query BumpHistoryPage($owner:String!,$name:String!,$oid:GitObjectID!,$after:String!) { repository(owner:$owner,name:$name) { object(oid:$oid) { ... on Commit { history(first:100, after:$after) { nodes { oid message committedDate } pageInfo { hasNextPage endCursor } } } } } }`;

interface HistoryNode {
  nodes: { oid: string; message: string; committedDate: string }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}
interface FileNode {
  mode: number;
  type: string;
  oid: string;
  object: { byteSize: number; isBinary: boolean | null; isTruncated: boolean; text: string | null } | null;
}
interface TargetNode {
  oid: string;
  [alias: string]: unknown;
}

export function gitHubRepository(
  client: GitHubClient,
  address: GitHubAddress,
  ports: { clock: Clock; random: () => number; deadline: Deadline },
): ConfigRepository {
  const { clock, random, deadline } = ports;
  const { owner, branch } = address;
  const ref = `refs/heads/${branch}`;
  // A renamed repository answers to its old name; what is written goes to the new one.
  let fullName = `${owner}/${address.name}`;
  const shown = `${fullName}@${branch}`;

  async function ask(
    query: string,
    variables: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    for (let n = 0; ; n += 1) {
      let why: string;
      let wait = random() * Math.min(8, 0.5 * 2 ** n);
      try {
        const outcome = classify(
          await client.graphql(query, { owner, name: address.name, ...variables }, signal, READ_MS),
          clock.now(),
        );
        if (outcome.kind === 'ok') return outcome.data;
        if (outcome.kind === 'permission') throw permission(outcome.detail);
        if (outcome.kind === 'not-found') throw notFound(outcome.detail);
        why = outcome.kind === 'throttled' ? 'throttled' : outcome.detail;
        if (outcome.kind === 'throttled') {
          if (outcome.waitSeconds >= deadline.remaining()) throw rateLimited(outcome.waitSeconds);
          wait = outcome.waitSeconds + 5 * random();
        }
      } catch (error) {
        if (!(error instanceof HttpError) || error.kind === 'policy')
          throw error instanceof HttpError ? unreadable(error.message, error) : error;
        if (signal.aborted) throw signal.reason;
        why = error.message;
      }
      if (n >= READ_TRIES) throw unreadable(why);
      await clock.sleep(wait, signal);
    }
  }

  const permission = (detail: string): ActionError =>
    new ActionError('E_PERMISSION_MISSING', {
      what: `config repository ${shown}`,
      why: `the token was refused: ${oneLine(detail, 300)}`,
      fix: 'Give it contents: write on this repository alone',
    });
  const notFound = (detail: string): ActionError =>
    new ActionError('E_REPOSITORY_NOT_FOUND', {
      what: `config repository ${fullName}`,
      why: oneLine(detail, 300),
      fix: 'Check the name, and that the token may see it',
    });
  const rateLimited = (seconds: number): ActionError =>
    new ActionError('E_RATE_LIMITED', {
      what: `config repository ${shown}`,
      why: `the host asks to wait ${Math.ceil(seconds)} s, longer than the deadline leaves`,
      fix: 'Run again later, or raise deadline',
    });
  const unreadable = (why: string, cause?: unknown): ActionError =>
    new ActionError('E_CONFIG_UNREADABLE', {
      what: `config repository ${shown}`,
      why: oneLine(why, 300),
      fix: 'Nothing was written. Run again when the host answers',
      cause,
    });

  async function readBlob(file: FileNode, path: string, signal: AbortSignal): Promise<Uint8Array> {
    const text = file.object?.text;
    if (text !== null && text !== undefined && file.object?.isTruncated === false) {
      const bytes = new TextEncoder().encode(text);
      if (blobOid(bytes, file.oid.length) === file.oid) return bytes;
    }
    // The text was cut, is binary, or lost bytes on its way through JSON: the blob itself is exact.
    const answer = await client.get(`/repos/${fullName}/git/blobs/${file.oid}`, signal);
    const content = (answer.json as { content?: unknown } | undefined)?.content;
    const bytes = typeof content === 'string' ? Buffer.from(content, 'base64') : undefined;
    if (bytes === undefined || blobOid(bytes, file.oid.length) !== file.oid)
      throw unreadable(`${path} could not be read whole (status ${answer.status})`);
    return bytes;
  }

  async function fileAt(node: FileNode | null, path: string, signal: AbortSignal): Promise<FileAtHead | null> {
    if (node === null) return null;
    const mode = node.mode.toString(8).padStart(6, '0');
    if (node.type !== 'blob' || mode !== '100644') {
      const why =
        mode === '100755'
          ? 'it is executable, which this API cannot write'
          : mode === '120000'
            ? 'it is a symbolic link'
            : `it is a ${oneLine(node.type, 20)}`;
      throw new ActionError('E_FILE_MODE', {
        what: `file ${oneLine(path, 200)}`,
        why,
        fix: mode === '100755' ? 'Use transport: git, or drop the bit' : 'Name the file itself',
      });
    }
    return { path, oid: node.oid, mode: '100644', bytes: await readBlob(node, path, signal) };
  }

  return {
    async read(paths, signal): Promise<Snapshot> {
      const data = await ask(
        readQuery(paths.length),
        { ref, ...Object.fromEntries(paths.map((p, i) => [`p${i}`, p])) },
        signal,
      );
      const repository = data.repository as { nameWithOwner: string; ref: { target: TargetNode } | null } | null;
      if (repository === null) throw notFound('it is not there');
      fullName = repository.nameWithOwner;
      if (repository.ref === null)
        throw new ActionError('E_BRANCH_NOT_FOUND', {
          what: `branch ${oneLine(branch, 120)}`,
          why: `${fullName} has no such branch`,
          fix: 'Create it, or correct branch',
        });
      const target = repository.ref.target;
      const files = new Map<string, FileAtHead | null>();
      for (const [i, path] of paths.entries())
        files.set(path, await fileAt(target[`f${i}`] as FileNode | null, path, signal));
      const commits = new Map<string, LoggedCommit>();
      for (const i of paths.keys())
        for (const c of (target[`l${i}`] as HistoryNode).nodes) commits.set(c.oid, logged(c));
      const log = [...commits.values()].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
      return { head: target.oid, files, log: async () => log };
    },

    async commit(request, signal): Promise<CommitResult> {
      const additions = request.changes.map(({ path, bytes }) => ({
        path,
        contents: Buffer.from(bytes).toString('base64'),
      }));
      const input = {
        branch: { repositoryNameWithOwner: fullName, branchName: branch },
        expectedHeadOid: request.head,
        message: { headline: request.message.headline, body: request.message.body },
        // No deletions key: a null list fails on the server.
        fileChanges: { additions },
        clientMutationId: request.bumpId,
      };
      const size = additions.reduce((sum, a) => sum + a.contents.length, 0);
      if (size > MAX_REQUEST)
        throw new ActionError('E_FILE_TOO_LARGE', {
          what: 'handoff',
          why: 'the request would be larger than 30 MiB',
          fix: 'Write fewer files in one run',
        });
      let answer: GitHubAnswer;
      try {
        answer = await client.graphql(COMMIT, { input }, signal, WRITE_MS);
      } catch (error) {
        return { kind: 'unknown', detail: error instanceof Error ? oneLine(error.message, 200) : 'no answer' };
      }
      const outcome = classify(answer, clock.now());
      switch (outcome.kind) {
        case 'conflict':
        case 'throttled':
        case 'unknown':
          return outcome;
        case 'permission':
          throw permission(outcome.detail);
        case 'not-found':
          throw notFound(outcome.detail);
        case 'protected':
          throw new ActionError('E_BRANCH_PROTECTED', {
            what: `branch ${shown}`,
            why: oneLine(outcome.detail, 300),
            fix: 'Let the App bypass the rule for this branch',
          });
        default: {
          const commit = (
            outcome.data.createCommitOnBranch as {
              commit: { oid: string; url: string; signature: { isValid: boolean } | null } | null;
            } | null
          )?.commit;
          if (!commit) return { kind: 'unknown', detail: 'the answer names no commit' };
          return { kind: 'committed', oid: commit.oid, url: commit.url, verified: commit.signature?.isValid === true };
        }
      }
    },

    async history(since, signal) {
      const data = await ask(HEAD_HISTORY, { ref }, signal);
      const target = (data.repository as { ref: { target: { oid: string; history: HistoryNode } } | null } | null)?.ref
        ?.target;
      if (target === undefined) throw unreadable('the branch could not be read');
      const commits: LoggedCommit[] = [];
      let page = target.history;
      for (;;) {
        for (const node of page.nodes) {
          if (node.oid === since) return { head: target.oid, commits, complete: true };
          commits.push(logged(node));
          if (commits.length >= MAX_COMMITS) return { head: target.oid, commits, complete: false };
        }
        if (!page.pageInfo.hasNextPage) return { head: target.oid, commits, complete: false };
        const next = await ask(PAGE, { oid: target.oid, after: page.pageInfo.endCursor }, signal);
        page = (next.repository as { object: { history: HistoryNode } }).object.history;
      }
    },

    commitUrl: (oid) => `${address.serverUrl}/${fullName}/commit/${oid}`,
    close: async () => {},
  };
}

function readQuery(count: number): string {
  const each = Array.from({ length: count }, (_, i) => i);
  const variables = each.map((i) => `,$p${i}:String!`).join('');
  const fields = each.map(
    (i) =>
      `f${i}: file(path:$p${i}) { mode type oid object { ... on Blob { byteSize isBinary isTruncated text } } } l${i}: history(first:20, path:$p${i}) { nodes { oid message committedDate } }`,
  );
  return `query BumpRead($owner:String!,$name:String!,$ref:String!${variables}) { repository(owner:$owner,name:$name) { id nameWithOwner ref(qualifiedName:$ref) { target { oid ... on Commit { ${fields.join(' ')} } } } } }`;
}

/** Git's object id of a blob; the length tells SHA-1 from SHA-256. */
function blobOid(bytes: Uint8Array, length: number): string {
  return createHash(length === 64 ? 'sha256' : 'sha1')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex');
}

function logged(node: { oid: string; message: string; committedDate: string }): LoggedCommit {
  return { oid: node.oid, message: node.message, time: node.committedDate };
}
