/** What a developer does: clone, change, push a branch, open a pull request, merge it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';
import type { Forge } from '../forge/server.ts';

export interface PullRequest {
  number: number;
  title: string;
  head: { ref: string; sha: string };
  base: { ref: string; sha: string };
  merge_commit_sha: string;
}

export interface Developer {
  /** Pushes one commit to a branch and opens a pull request for it. */
  propose(
    branch: string,
    title: string,
    edits: Readonly<Record<string, (text: string) => string>>,
  ): Promise<PullRequest>;
  /** @returns the merge commit, or the forge's refusal */
  merge(pull: PullRequest): Promise<{ sha: string } | { refused: number; message: string }>;
}

export function developer(forge: Forge, repository: string, token: string): Developer {
  const api = async (
    method: string,
    path: string,
    body: object,
  ): Promise<{ status: number; json: Record<string, unknown> }> => {
    const response = await fetch(`${forge.apiUrl}/repos/${repository}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  return {
    async propose(branch, title, edits) {
      const dir = await mkdtemp(join(tmpdir(), 'developer-'));
      try {
        const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
        const git = async (...args: string[]): Promise<void> => {
          const env = {
            PATH: process.env.PATH,
            HOME: dir,
            GIT_CONFIG_NOSYSTEM: '1',
            GIT_CONFIG_COUNT: '3',
            GIT_CONFIG_KEY_0: `http.${forge.url}/.extraHeader`,
            GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
            GIT_CONFIG_KEY_1: 'user.name',
            GIT_CONFIG_VALUE_1: 'Developer',
            GIT_CONFIG_KEY_2: 'user.email',
            GIT_CONFIG_VALUE_2: 'developer@example.org',
          };
          const result = await systemExec('git', args, { cwd: dir, env, timeout: 60 });
          if (result.code !== 0) throw new Error(`git ${args[0]}: ${result.stderrTail.trim()}`);
        };
        await git('clone', '--quiet', `${forge.url}/${repository}.git`, '.');
        await git('switch', '--quiet', '--create', branch);
        for (const [path, edit] of Object.entries(edits)) {
          const before = await readFile(join(dir, path), 'utf8');
          const after = edit(before);
          if (after === before)
            throw new Error(`the change of ${path} changes nothing: the example and the demo no longer fit`);
          await writeFile(join(dir, path), after);
        }
        await git('commit', '--quiet', '--all', '--message', title);
        await git('push', '--quiet', 'origin', branch);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
      const { status, json } = await api('POST', '/pulls', { title, head: branch, base: 'main' });
      if (status !== 201) throw new Error(`pull request: HTTP ${status} ${JSON.stringify(json)}`);
      return json as unknown as PullRequest;
    },
    async merge(pull) {
      const { status, json } = await api('PUT', `/pulls/${pull.number}/merge`, { sha: pull.head.sha });
      return status === 200 ? { sha: String(json.sha) } : { refused: status, message: String(json.message) };
    },
  };
}
