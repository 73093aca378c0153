/** A forge with one public and one private repository, and short ways to ask it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Forge, startForge } from '../../../lab/forge/server.ts';
import { type ExecResult, systemExec } from '../../../src/runner/index.ts';

export interface Reply {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
}

export interface GraphqlReply {
  data?: Record<string, unknown> | null;
  errors?: { type?: string; message: string; path?: string[] }[];
}

const COMMIT = `mutation Commit($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid url signature { isValid } } } }`;

export async function startWorld() {
  const dir = mkdtempSync(join(tmpdir(), 'forge-test-'));
  const forge: Forge = await startForge();
  await forge.createRepository('org/app', { files: { 'a.txt': 'one\n', 'env/values.yaml': 'tag: v1\n' } });
  await forge.createRepository('org/secret', { private: true, files: { 'a.txt': 'x\n' } });
  const user = forge.createToken({
    permissions: {
      contents: 'write',
      'pull-requests': 'write',
      statuses: 'write',
      administration: 'write',
      'security-events': 'write',
      attestations: 'write',
    },
    repositories: ['org/app'],
  });
  const app = forge.createToken({
    kind: 'app',
    permissions: { contents: 'write', checks: 'write', actions: 'read' },
    repositories: ['org/app', 'org/secret'],
  });
  const reader = forge.createToken({ permissions: { contents: 'read' }, repositories: ['org/app'] });
  const admin = forge.createToken({ kind: 'admin', permissions: {}, login: 'root' });

  const git = (args: readonly string[], cwd = dir): Promise<ExecResult> =>
    systemExec('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd,
      env: { PATH: process.env.PATH, HOME: dir, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
      timeout: 240,
    });
  const graphql = async (query: string, variables: object = {}, token = app): Promise<GraphqlReply> => {
    const response = await fetch(forge.graphqlUrl, {
      method: 'POST',
      headers: { authorization: `bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as GraphqlReply;
  };
  const head = async (branch = 'main', repo = 'org/app'): Promise<string> =>
    (await forge.repository(repo).tip(`refs/heads/${branch}`))?.oid ?? '';
  return {
    dir,
    forge,
    user,
    app,
    reader,
    admin,
    git,
    graphql,
    head,
    remote: (token: string, repo = 'org/app'): string =>
      `${forge.url.replace('http://', `http://x-access-token:${token}@`)}/${repo}.git`,
    async call(method: string, path: string, token = '', body?: object): Promise<Reply> {
      const response = await fetch(forge.apiUrl + path, {
        method,
        redirect: 'manual',
        headers: token === '' ? {} : { authorization: `Bearer ${token}` },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, json: text === '' ? {} : JSON.parse(text) };
    },
    /** createCommitOnBranch of one file. */
    commit: (
      expectedHeadOid: string,
      text: string,
      o: { token?: string; headline?: string; path?: string; branch?: string; repo?: string } = {},
    ): Promise<GraphqlReply> =>
      graphql(
        COMMIT,
        {
          input: {
            branch: { repositoryNameWithOwner: o.repo ?? 'org/app', branchName: o.branch ?? 'main' },
            expectedHeadOid,
            message: { headline: o.headline ?? 'bump', body: 'Key: value' },
            fileChanges: {
              additions: [{ path: o.path ?? 'env/values.yaml', contents: Buffer.from(text).toString('base64') }],
            },
          },
        },
        o.token ?? app,
      ),
    async close(): Promise<void> {
      await forge.close();
      rmSync(dir, { recursive: true });
    },
  };
}
export type World = Awaited<ReturnType<typeof startWorld>>;

/** Commit of a createCommitOnBranch answer. @throws with the errors when there is none */
export function committed(reply: GraphqlReply): string {
  const made = reply.data?.createCommitOnBranch as { commit: { oid: string } } | null | undefined;
  if (!made) throw new Error(JSON.stringify(reply.errors));
  return made.commit.oid;
}

/** `data.repository` of an answer. @throws with the errors when there is none */
export function repositoryOf<T>(reply: GraphqlReply): T {
  const found = reply.data?.repository;
  if (!found) throw new Error(JSON.stringify(reply.errors));
  return found as T;
}
