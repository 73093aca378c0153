/** A forge with a config repository and a source with three builds A < B < C and one that has diverged. */
import { randomUUID } from 'node:crypto';
import { git } from '../../lab/forge/git.ts';
import { startForge } from '../../lab/forge/server.ts';
import { type ActionResult, runAction } from '../support/bundle.ts';

export const DIGEST = (c: string): string => `sha256:${c.repeat(64)}`;

export const VALUES = `# CI owns image.* and canary.*
image:
  repository: ghcr.io/org/app
  tag: ""   # keep
  digest: ""
  revision: ""
canary:
  weight: 0
  image: { repository: "", tag: "", digest: "", revision: "" }
`;

export async function startWorld(files: Record<string, string> = { 'env/v.yaml': VALUES }) {
  const forge = await startForge();
  const config = await forge.createRepository('org/cfg', { files });
  const source = await forge.createRepository('org/app', { files: { a: '0' } });
  const who = {
    GIT_AUTHOR_NAME: 'd',
    GIT_AUTHOR_EMAIL: 'd@example.org',
    GIT_COMMITTER_NAME: 'd',
    GIT_COMMITTER_EMAIL: 'd@example.org',
  };
  const commit = async (parent: string): Promise<string> =>
    (await git(source.path, ['commit-tree', `${parent}^{tree}`, '-p', parent, '-m', randomUUID()], undefined, who))
      .toString()
      .trim();
  const a = (await git(source.path, ['rev-parse', 'main'])).toString().trim();
  const b = await commit(a);
  const c = await commit(b);
  const side = await commit(a);
  await git(source.path, ['update-ref', 'refs/heads/main', c]);
  await git(source.path, ['update-ref', 'refs/heads/side', side]);
  const token = forge.createToken({ kind: 'app', permissions: { contents: 'write' } });
  const env = {
    GITHUB_REPOSITORY: 'org/app',
    GITHUB_SHA: c,
    GITHUB_REF: 'refs/heads/main',
    GITHUB_API_URL: forge.apiUrl,
    GITHUB_SERVER_URL: forge.url,
    GITHUB_RUN_ID: '7',
  };
  const base = { 'config-repository': 'org/cfg', token, 'source-token': token };
  return {
    forge,
    token,
    env,
    path: config.path,
    revisions: { a, b, c, side },
    bump: (
      inputs: Record<string, string>,
      over: Record<string, string> = {},
      signal?: AbortSignal,
    ): Promise<ActionResult> =>
      runAction(
        'bump-helm-tag',
        { ...base, ...inputs },
        { env: { ...env, ...over }, timeout: 240, ...(signal ? { signal } : {}) },
      ),
    read: async (file = 'env/v.yaml'): Promise<string> => (await git(config.path, ['show', `main:${file}`])).toString(),
    log: async (format = '%H'): Promise<string[]> =>
      (await git(config.path, ['log', `--format=${format}`, 'main'])).toString().trim().split('\n'),
    head: async (): Promise<string> => (await git(config.path, ['rev-parse', 'main'])).toString().trim(),
    /** From now on changes come through pull requests alone. */
    protect(): void {
      const rules = [{ type: 'pull_request' }];
      forge.repository('org/cfg').rulesets.push({ id: 1, name: 'r', target: 'branch', enforcement: 'active', rules });
    },
    close: () => forge.close(),
  };
}
export type World = Awaited<ReturnType<typeof startWorld>>;
