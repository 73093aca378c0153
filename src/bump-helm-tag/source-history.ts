/** Ancestry in the source repository, through the API of its forge. Answers are kept: history does not change, rounds repeat. */
import { compare, type GitHubClient } from '../github/index.ts';
import type { Clock } from '../runner/index.ts';
import type { Relation, SourceHistory } from './config-repository.ts';

/** @param repository `owner/name` */
export function apiSourceHistory(client: GitHubClient, repository: string, clock: Clock): SourceHistory {
  return remember((base, head, signal) => compare(client, repository, base, head, clock, signal));
}

/** Asks once for each pair; a failed question may be asked again. */
function remember(ask: SourceHistory['relation']): SourceHistory {
  const known = new Map<string, Promise<Relation>>();
  return {
    relation(base, head, signal) {
      const key = `${base} ${head}`;
      const answer = known.get(key) ?? ask(base, head, signal);
      known.set(key, answer);
      answer.catch(() => known.delete(key));
      return answer;
    },
  };
}
