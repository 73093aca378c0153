/** The config repository through GitHub's API: one query reads, one mutation writes a verified commit. */
import type { GitHubClient } from '../github/index.ts';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import {
  type CommitAt,
  type CommitResult,
  type ConfigRepository,
  DEEP_LOG,
  type FileAtHead,
  type LoggedCommit,
  type Snapshot,
} from './config-repository.ts';
import { commitOnBranch } from './github-commit.ts';
import { bytesOf, fileOf } from './github-files.ts';
import { readFolder } from './github-folder.ts';
import { mergeLogs } from './github-log.ts';
import * as queries from './github-queries.ts';
import { type GitHubAddress, GitHubReader, type ReaderPorts } from './github-reader.ts';

export type { GitHubAddress } from './github-reader.ts';

const MAX_COMMITS = 500;
const FULL_OID = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

interface TargetNode {
  oid: string;
  [alias: string]: unknown;
}

/** The commits that touched a file, from a head on. */
async function fileLog(
  reader: GitHubReader,
  oid: string,
  path: string,
  signal: AbortSignal,
): Promise<readonly LoggedCommit[]> {
  const commits: LoggedCommit[] = [];
  for (let after: string | null = null; ; ) {
    const found = await reader.query(queries.FILE_LOG, { oid, path, after }, signal);
    const page = (found.object as { history: queries.HistoryNode } | null)?.history;
    if (page === undefined) throw reader.unreadable(`it has no commit ${oneLine(oid, 64)}`);
    commits.push(...page.nodes.map(queries.logged));
    if (!page.pageInfo.hasNextPage || commits.length >= DEEP_LOG) return commits;
    after = page.pageInfo.endCursor;
  }
}

export function gitHubRepository(client: GitHubClient, address: GitHubAddress, ports: ReaderPorts): ConfigRepository {
  const reader = new GitHubReader(client, address, ports);
  const ref = `refs/heads/${address.branch}`;

  return {
    async read(paths, signal): Promise<Snapshot> {
      const variables = { ref, ...queries.pathVariables(paths) };
      const target = targetOf(await reader.query(queries.readQuery(paths.length), variables, signal));
      const files = new Map<string, FileAtHead | null>();
      for (const [i, path] of paths.entries()) {
        files.set(path, await fileOf(reader, target[`f${i}`] as queries.FileNode | null, path, signal));
      }
      const logs: (readonly LoggedCommit[])[] = paths.map((_path, i) =>
        (target[`l${i}`] as queries.HistoryNode).nodes.map(queries.logged),
      );
      const deep = async (): Promise<readonly LoggedCommit[]> => {
        for (const [i, path] of paths.entries())
          if (logs[i]?.length === queries.RECENT) logs[i] = await fileLog(reader, target.oid, path, signal);
        return mergeLogs(logs);
      };
      return { head: target.oid, files, log: (all = false) => (all ? deep() : Promise.resolve(mergeLogs(logs))) };
    },

    async newestHead(signal) {
      const path = address.branch.split('/').map(encodeURIComponent).join('/');
      const found = (await reader.get(`/git/ref/heads/${path}`, signal, 'contents: read')) as
        | { object?: { sha?: unknown } }
        | undefined;
      const oid = found?.object?.sha;
      return typeof oid === 'string' ? oid : undefined;
    },

    async commit(request, signal): Promise<CommitResult> {
      const result = await commitOnBranch(client, reader.fullName, address.branch, request, ports.clock, signal);
      if (result.kind === 'refused') throw reader.refused(result.why);
      return result;
    },

    async history(since, signal) {
      const found = (await reader.query(queries.HISTORY, { ref }, signal)) as {
        ref: { target: { oid: string; history: queries.HistoryNode } } | null;
      };
      if (found.ref === null) throw reader.unreadable('the branch could not be read');
      const head = found.ref.target.oid;
      const commits: LoggedCommit[] = [];
      let page = found.ref.target.history;
      for (;;) {
        for (const node of page.nodes) {
          if (node.oid === since) return { head, commits, complete: true };
          commits.push(queries.logged(node));
          if (commits.length >= MAX_COMMITS) return { head, commits, complete: false };
        }
        if (!page.pageInfo.hasNextPage) return { head, commits, complete: false };
        const next = await reader.query(queries.HISTORY_PAGE, { oid: head, after: page.pageInfo.endCursor }, signal);
        page = (next.object as { history: queries.HistoryNode }).history;
      }
    },

    async readAt(commit, paths, signal) {
      const variables = { oid: commit, ...queries.pathVariables(paths) };
      const { object } = await reader.query(queries.readAtQuery(paths.length), variables, signal);
      const found = object as TargetNode | null;
      if (found?.__typename !== 'Commit') throw reader.unreadable(`it has no commit ${oneLine(commit, 64)}`);
      const files = new Map<string, Uint8Array | null>();
      for (const [i, path] of paths.entries()) {
        const node = found[`f${i}`] as queries.FileNode | null;
        const bytes = node?.type === 'blob' ? await bytesOf(reader, node.oid, node.object, path, signal) : null;
        files.set(path, bytes);
      }
      return files;
    },

    async commitAt(oid, signal): Promise<CommitAt | undefined> {
      if (!FULL_OID.test(oid)) return undefined;
      const found = await reader.query(queries.COMMIT_AT, { ref, oid }, signal);
      const { oid: head } = targetOf(found);
      const object = found.object as
        | (queries.LoggedNode & { __typename: string; parents: { nodes: { oid: string }[] } })
        | null;
      if (object?.__typename !== 'Commit' || !(await isOnBranch(oid, head, signal))) return undefined;
      return { ...queries.logged(object), parents: object.parents.nodes.map((parent) => parent.oid) };
    },

    folder: (commit, path, limits, signal) => readFolder(reader, commit, path, limits, signal),
    commitUrl: (oid) => `${address.serverUrl}/${reader.fullName}/commit/${oid}`,
    close: async () => {},
  };

  function targetOf(repository: Record<string, unknown>): TargetNode {
    const found = repository.ref as { target: TargetNode } | null;
    if (found !== null) return found.target;
    throw new ActionError('E_BRANCH_NOT_FOUND', {
      what: `branch ${oneLine(address.branch, 120)}`,
      why: `${reader.fullName} has no such branch`,
      fix: 'Create it, or correct branch',
    });
  }

  // The API knows the commits of every branch and of every fork: anybody could have made this one.
  async function isOnBranch(oid: string, head: string, signal: AbortSignal): Promise<boolean> {
    if (oid === head) return true;
    const compared = await reader.get(`/compare/${oid}...${head}?per_page=1`, signal);
    return (compared as { status?: unknown } | undefined)?.status === 'ahead';
  }
}
