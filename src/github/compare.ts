/** Ancestry of two commits through the REST API. */
import { ActionError, type Clock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { GitHubAnswer, GitHubClient } from './client.ts';
import { classify } from './errors.ts';

export type Comparison = 'ahead' | 'behind' | 'identical' | 'diverged' | 'base-unknown' | 'head-unknown';

const TRIES = 5;
const STATUSES = new Set<string>(['ahead', 'behind', 'identical', 'diverged']);

/**
 * How `head` stands to `base`: `GET /repos/{repository}/compare/{base}...{head}`; on 404 both commits are asked for, to tell
 * which one is missing. When even head is missing the repository may be unreadable: `head-unknown`.
 * @param repository `owner/name`
 * @throws ActionError E_SOURCE_UNREADABLE when no proper answer comes
 */
export async function compare(
  client: GitHubClient,
  repository: string,
  base: string,
  head: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Comparison> {
  const get = (path: string): Promise<GitHubAnswer> => getStable(client, `/repos/${repository}${path}`, clock, signal);
  const answer = await get(`/compare/${base}...${head}?per_page=1`);
  if (answer.status === 200) {
    const status = (answer.json as { status?: unknown } | undefined)?.status;
    if (typeof status === 'string' && STATUSES.has(status)) return status as Comparison;
    throw unreadable(repository, 'the comparison came without a status');
  }
  const missing = async (sha: string): Promise<boolean> => (await get(`/commits/${sha}`)).status !== 200;
  if (await missing(head)) return 'head-unknown';
  if (await missing(base)) return 'base-unknown';
  throw unreadable(repository, `the comparison was answered with status ${answer.status}`);
}

// Reading may be repeated; 404 and 422 are answers (422 is how a short or strange SHA is refused).
async function getStable(client: GitHubClient, path: string, clock: Clock, signal: AbortSignal): Promise<GitHubAnswer> {
  for (let n = 1; ; n += 1) {
    let why: string;
    let wait = 0.5 * n;
    try {
      const answer = await client.get(path, signal);
      const outcome = classify(answer, clock.now());
      if (answer.status === 200 || answer.status === 404 || answer.status === 422 || answer.status === 409)
        return answer;
      if (outcome.kind === 'permission') return { ...answer, status: 404 };
      why = `status ${answer.status}`;
      if (outcome.kind === 'throttled') wait = Math.max(1, outcome.waitSeconds);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      why = (error as { message?: string }).message ?? 'no answer';
    }
    if (n >= TRIES) throw unreadable(path.split('/').slice(2, 4).join('/'), why);
    await clock.sleep(wait, signal);
  }
}

function unreadable(repository: string, why: string): ActionError {
  return new ActionError('E_SOURCE_UNREADABLE', {
    what: `source history of ${oneLine(repository, 120)}`,
    why: oneLine(why, 300),
    fix: 'Nothing was written. Give source-token contents: read there, or run again when the host answers',
  });
}
