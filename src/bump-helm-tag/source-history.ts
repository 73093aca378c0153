/** Ancestry in the source repository: one compare request for each pair, answers are kept for the run. */

import type { GitHubAnswer, GitHubClient } from '../github/index.ts';
import { HttpError } from '../http/index.ts';
import { ActionError, type Clock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Relation, SourceHistory } from './config-repository.ts';

const TRIES = 5;

export function gitHubSourceHistory(
  client: GitHubClient,
  repository: string,
  clock: Clock,
  random: () => number,
): SourceHistory {
  const known = new Map<string, Relation>();

  async function get(path: string, signal: AbortSignal): Promise<GitHubAnswer> {
    let why = '';
    for (let n = 0; n < TRIES; n += 1) {
      try {
        const answer = await client.get(`/repos/${repository}${path}`, signal);
        if (answer.status < 500 && answer.status !== 429) return answer;
        why = `status ${answer.status}`;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!(error instanceof HttpError) || !error.transient)
          throw unreadable(error instanceof Error ? error.message : String(error));
        why = error.message;
      }
      await clock.sleep(random() * 0.5 * 2 ** n, signal);
    }
    throw unreadable(why);
  }

  const unreadable = (why: string): ActionError =>
    new ActionError('E_SOURCE_UNREADABLE', {
      what: `history of ${oneLine(repository, 120)}`,
      why: oneLine(why, 300),
      fix: 'Give source-token contents: read there, or run again',
    });

  return {
    async relation(base, head, signal) {
      const key = `${base}...${head}`;
      const cached = known.get(key);
      if (cached !== undefined) return cached;
      const answer = await get(`/compare/${base}...${head}?per_page=1`, signal);
      const relation = await interpret(answer);
      known.set(key, relation);
      return relation;

      async function interpret({ status, json }: GitHubAnswer): Promise<Relation> {
        const word = (json as { status?: unknown } | undefined)?.status;
        if (status === 200 && (word === 'ahead' || word === 'behind' || word === 'identical' || word === 'diverged'))
          return word;
        if (status === 401 || status === 403) throw unreadable(`the token was refused (${status})`);
        if (status !== 404 && status !== 422) throw unreadable(`status ${status}`);
        // 404 does not say which of the two is missing.
        const mine = await get(`/commits/${head}`, signal);
        return mine.status === 200 ? 'base-unknown' : 'head-unknown';
      }
    },
  };
}
