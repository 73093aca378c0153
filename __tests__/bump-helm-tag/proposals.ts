/** A forge with a config repository for each test, and short ways to propose to it. */
import { expect } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { type Repo, startForge } from '../../lab/forge/server.ts';
import { gitHubPullRequests } from '../../src/bump-helm-tag/pull-request.ts';
import type { ProposalRequest, ProposeResult, PullRequests } from '../../src/bump-helm-tag/pull-request-port.ts';
import { proposalBranch } from '../../src/bump-helm-tag/pull-request-text.ts';
import { type GitHubClient, gitHubClient } from '../../src/github/index.ts';
import { openHttp } from '../../src/http/index.ts';
import { Deadline, systemClock } from '../../src/runner/index.ts';

export const signal = AbortSignal.timeout(300_000);
export const TARGETS = ['a.yaml#0#tag'];
export const BRANCH = proposalBranch('main', TARGETS);
const WHO = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'p'],
    [`GIT_${role}_EMAIL`, 'p@example.org'],
  ]),
);

export const idOf = (n: number): string => `7b0c6f0e-0000-4000-8000-${String(n).padStart(12, '0')}`;
export const messageOf = (n: number): ProposalRequest['message'] => ({
  headline: `bump app to v${n}`,
  body: `Bump-Id: ${idOf(n)}\nBump-Target: a.yaml#0#tag\nBump-Value: "v${n}"\nSource-Revision: ${String(n).repeat(40)}`,
});

export async function startProposals() {
  const http = openHttp();
  const forge = await startForge();
  const token = forge.createToken({ kind: 'app', permissions: { contents: 'write', 'pull-requests': 'write' } });
  let count = 0;
  let name = '';
  const world = {
    forge,
    token,
    /** Of the current test. */
    get name(): string {
      return name;
    },
    get repo(): Repo {
      return forge.repository(`org/${name}`);
    },
    async renew(isPrivate = false): Promise<void> {
      forge.faults.clear();
      forge.clearRequests();
      count += 1;
      name = `cfg${count}`;
      const files = { 'a.yaml': 'tag: v1\n', 'b.yaml': 'b\n' };
      await forge.createRepository(`org/${name}`, { private: isPrivate, files });
    },
    /** @param between stands between the action and the host, to do something at an exact moment */
    open: (
      autoMerge = false,
      secret = token,
      between = (graphql: GitHubClient['graphql']): GitHubClient['graphql'] => graphql,
    ): PullRequests => {
      const client = gitHubClient(http, new URL(forge.apiUrl), secret, 'test');
      return gitHubPullRequests(
        { ...client, graphql: between(client.graphql) },
        { owner: 'org', name, branch: 'main', serverUrl: forge.url },
        { clock: systemClock, random: () => 0, deadline: new Deadline(60, systemClock) },
        { autoMerge },
      );
    },
    word: async (args: string[], input?: string): Promise<string> =>
      (await git(world.repo.path, args, input, WHO)).toString().trim(),
    show: async (what: string): Promise<string> => (await git(world.repo.path, ['show', what])).toString(),
    tip: async (branch = 'main'): Promise<string> => (await world.repo.tip(`refs/heads/${branch}`))?.oid ?? '',
    branches: async (): Promise<string[]> =>
      (await world.word(['for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads'])).split('\n'),
    /** Somebody's commit on a branch, with this tree. */
    async push(branch: string, tree: string): Promise<string> {
      const oid = await world.word(['commit-tree', tree, '-p', 'main', '-m', 'by hand']);
      await world.word(['update-ref', `refs/heads/${branch}`, oid]);
      return oid;
    },
    /** What a round would send, on the head of now. */
    async wish(pulls: PullRequests, n: number, over: Partial<ProposalRequest> = {}): Promise<ProposalRequest> {
      return {
        head: await world.tip(),
        changes: [{ path: 'a.yaml', mode: '100644', bytes: new TextEncoder().encode(`tag: v${n}\n`) }],
        message: messageOf(n),
        bumpId: idOf(n),
        targets: TARGETS,
        proposed: await pulls.proposed(TARGETS, signal),
        diff: `--- a/a.yaml\n+++ b/a.yaml\n@@ -1 +1 @@\n-tag: v1\n+tag: v${n}\n`,
        ...over,
      };
    },
    /** As the loop does it: the same request again while its end is unknown. */
    async propose(n: number, autoMerge = false): Promise<ProposeResult> {
      const pulls = world.open(autoMerge);
      try {
        const request = await world.wish(pulls, n);
        for (let sent = 1; ; sent += 1) {
          const result = await pulls.propose(request, signal);
          if (result.kind !== 'unknown' || sent === 4) return result;
        }
      } finally {
        expect(await pulls.close()).toBe('');
      }
    },
    /** What was written, in order. */
    writes: (): string[] =>
      forge
        .requests()
        .map((r) => r.operation ?? `${r.method} ${r.path.replace(/^\/repos\/[^/]+\/[^/]+/, '')}`)
        .filter((what) => !what.startsWith('GET') && what !== 'BumpProposal'),
    rename(to: string): void {
      forge.renameRepository(`org/${name}`, to);
    },
    async close(): Promise<void> {
      await http.close();
      await forge.close();
    },
  };
  return world;
}
export type Proposals = Awaited<ReturnType<typeof startProposals>>;
