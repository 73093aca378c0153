/** Asks GitHub whether a tag has a release that can no longer change. */
import { ActionError } from '../../src/runner/errors.ts';
import type { HasRelease } from './release.ts';

/**
 * @param api REST base, as in GITHUB_API_URL
 * @param repository `owner/name`
 * @throws ActionError E_RELEASE_API for any answer but 200 and 404
 */
export function releaseOf(api: string, repository: string, token: string): HasRelease {
  return async (version) => {
    const url = `${api.replace(/\/$/, '')}/repos/${repository}/releases/tags/${encodeURIComponent(version)}`;
    const fail = (why: string, cause?: unknown): ActionError =>
      new ActionError('E_RELEASE_API', { what: `release ${version}`, why, fix: 'Run the job again', cause });
    const response = await fetch(url, {
      headers: { accept: 'application/vnd.github+json', authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(30_000),
    }).catch((error: Error) => {
      throw fail(error.message, error);
    });
    if (response.status === 404) return false;
    if (!response.ok) throw fail(`the API answers ${response.status}`);
    const release = (await response.json()) as { draft?: unknown; immutable?: unknown; tag_name?: unknown };
    return release.draft === false && release.immutable === true && release.tag_name === version;
  };
}
