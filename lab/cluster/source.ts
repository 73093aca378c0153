/** The config repository as Argo CD sees it: polled, fetched, rendered by real helm. Read only. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';

export interface SourceOptions {
  repoUrl: string;
  token: string | undefined;
  branch: string;
  /** Folder of the chart in the repository. */
  path: string;
  valueFiles: readonly string[];
  releaseName: string;
  helm: string;
  workDir: string;
}

export interface Source {
  /** Commit at the head of the branch. */
  head(): Promise<string>;
  /** Manifests of that commit. @throws Error with helm's words when the chart does not render */
  render(commit: string): Promise<string>;
}

/** Refs of the first answer of a fetch, protocol version 0 (gitprotocol-http, smart clients): pkt-lines `<oid> <name>`. */
function advertisedRefs(answer: string): Map<string, string> {
  const refs = new Map<string, string>();
  for (let at = 0; at + 4 <= answer.length; ) {
    const length = Number.parseInt(answer.slice(at, at + 4), 16);
    if (Number.isNaN(length)) break;
    const ref = /^([0-9a-f]{40,64}) ([^\0\n]+)/.exec(answer.slice(at + 4, at + length));
    if (ref !== null) refs.set(ref[2] ?? '', ref[1] ?? '');
    // A flush (0000) has no content.
    at += Math.max(4, length);
  }
  return refs;
}

export async function openSource(o: SourceOptions): Promise<Source> {
  const checkout = join(o.workDir, 'config');
  await mkdir(checkout, { recursive: true });
  const login = o.token === undefined ? undefined : `Basic ${Buffer.from(`argocd:${o.token}`).toString('base64')}`;
  const settings: [string, string][] =
    login === undefined ? [] : [[`http.${new URL(o.repoUrl).origin}/.extraHeader`, `Authorization: ${login}`]];
  const env = {
    PATH: process.env.PATH,
    HOME: o.workDir,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
  const git = async (args: readonly string[]): Promise<string> => {
    const result = await systemExec('git', args, { cwd: checkout, env, timeout: 60 });
    if (result.code !== 0) throw new Error(`git ${args[0]}: ${result.stderrTail.trim()}`);
    return result.stdoutTail;
  };
  await git(['init', '--quiet']);
  return {
    // One request and no process of our own: this is asked each second.
    async head() {
      const response = await fetch(`${o.repoUrl}/info/refs?service=git-upload-pack`, {
        headers: login === undefined ? {} : { authorization: login },
      });
      const answer = await response.text();
      if (!response.ok) throw new Error(`${o.repoUrl} answered ${response.status}`);
      const oid = advertisedRefs(answer).get(`refs/heads/${o.branch}`);
      if (oid === undefined) throw new Error(`${o.repoUrl} has no branch ${o.branch}`);
      return oid;
    },
    async render(commit) {
      await git(['fetch', '--quiet', '--no-tags', '--depth=1', o.repoUrl, commit]);
      await git(['-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--force', commit]);
      const files = o.valueFiles.flatMap((file) => ['--values', join(checkout, file)]);
      const args = ['template', o.releaseName, join(checkout, o.path), '--namespace', 'default', ...files];
      const result = await systemExec(o.helm, args, { env: { PATH: process.env.PATH, HOME: o.workDir }, timeout: 60 });
      if (result.code !== 0) throw new Error(`helm template: ${result.stderrTail.trim().slice(0, 2000)}`);
      return result.stdout.toString('utf8');
    },
  };
}
