/** The REST API: which route a request meets, and whether its token may take it. */
import { type Answer, NOT_FOUND, refusal } from '../answer.ts';
import { runAutoMerges } from '../pulls.ts';
import type { Repo } from '../store.ts';
import { isToken, mayRead, mayWrite, sees } from '../tokens.ts';
import { type RootContext, rootRoute } from './apps.ts';
import { checkRoutes } from './checks.ts';
import { gitDataRoutes } from './git-data.ts';
import { pullRoutes } from './pulls.ts';
import { repositoryRoutes } from './repository.ts';
import type { Route } from './route.ts';
import { securityRoutes } from './security.ts';

// The check routes come first: `/commits/{ref}/status` has refs with slashes.
const ROUTES: readonly Route[] = [
  ...checkRoutes,
  ...gitDataRoutes,
  ...pullRoutes,
  ...securityRoutes,
  ...repositoryRoutes,
];

export interface RestRequest extends RootContext {
  accept: string;
  staleBy: number;
  /** Also by earlier names. */
  find(fullName: string): Repo | undefined;
  unknown(route: string): void;
}

export async function rest(c: RestRequest): Promise<Answer> {
  const root = rootRoute(c);
  if (root !== undefined) return root;
  if (c.caller === 'bad') return refusal(401, 'Bad credentials');
  const match = /^\/repos\/([^/]+\/[^/]+)(.*)$/.exec(c.path);
  const below = match?.[2] ?? '';
  for (const route of match === null ? [] : ROUTES) {
    const params = route.method === c.method ? route.path.exec(below) : null;
    if (params === null) continue;
    const repo = c.find(match?.[1] ?? '');
    if (repo === undefined || !sees(c.caller, repo)) return NOT_FOUND;
    if (repo.fullName !== match?.[1]) return moved(c, repo, below);
    const may = route.access === 'read' ? mayRead : mayWrite;
    if (!route.permissions.some((permission) => may(c.caller, repo, permission))) {
      return isToken(c.caller)
        ? refusal(403, 'Resource not accessible by integration')
        : refusal(401, 'Requires authentication');
    }
    const decoded = params.slice(1).map((param) => decode(param ?? ''));
    // Reads never look at `token`; a write without one was refused just now.
    const token = c.caller as Exclude<typeof c.caller, string>;
    const answer = await route.handle({ ...c, repo, token, params: decoded });
    // A check, a review or a changed rule may have been the last thing that was missing.
    if (c.method !== 'GET') await runAutoMerges(repo);
    return answer;
  }
  c.unknown(`${c.method} ${c.path}`);
  return NOT_FOUND;
}

// A renamed repository: the write goes on only when the client follows.
function moved(c: RestRequest, repo: Repo, below: string): Answer {
  const search = c.query.size === 0 ? '' : `?${c.query}`;
  const url = `${c.url}/api/v3/repos/${repo.fullName}${below}${search}`;
  const status = c.method === 'GET' ? 301 : 307;
  const message = status === 301 ? 'Moved Permanently' : 'Temporary Redirect';
  return { status, headers: { location: url }, json: { message, url } };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
