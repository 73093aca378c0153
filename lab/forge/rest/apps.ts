/** Routes outside of a repository: Apps and their installations, the caller, rate limit. */
import { type Answer, NO_CONTENT, NOT_FOUND, ok, paged, refusal, unprocessable } from '../answer.ts';
import type { App, AppStore } from '../apps.ts';
import type { Repo } from '../store.ts';
import { type Access, type Caller, isToken, type TokenStore } from '../tokens.ts';
import { repositoryJson } from './shapes.ts';

export interface RootContext {
  method: string;
  path: string;
  url: string;
  self: string;
  query: URLSearchParams;
  body: Readonly<Record<string, unknown>>;
  caller: Caller;
  /** What came as Bearer: a token, or the JSON web token of an App. */
  credential: string;
  apps: AppStore;
  tokens: TokenStore;
  repositories(): readonly Repo[];
}

interface RootRoute {
  method: string;
  path: RegExp;
  /** `app`: only with a JSON web token. */
  as: 'anyone' | 'token' | 'app';
  handle(c: RootContext, params: readonly string[], app: App | undefined): Answer;
}

const LIFETIME = 3600;

const ROUTES: readonly RootRoute[] = [
  {
    method: 'GET',
    path: /^\/rate_limit$/,
    as: 'anyone',
    handle: ({ caller }) => {
      const limit = (isToken(caller) ? caller.rateLimit : undefined) ?? 5000;
      const used = isToken(caller) ? Math.min(caller.used, limit) : 0;
      const core = { limit, used, remaining: limit - used, reset: Math.floor(Date.now() / 1000) + 3600 };
      return ok({ resources: { core, graphql: core }, rate: core });
    },
  },
  {
    method: 'GET',
    path: /^\/user$/,
    as: 'token',
    handle: ({ caller }) =>
      isToken(caller) && caller.kind !== 'app'
        ? ok({ login: caller.login })
        : refusal(403, 'Resource not accessible by integration'),
  },
  {
    method: 'GET',
    path: /^\/installation\/repositories$/,
    as: 'token',
    handle: ({ caller, repositories, query, self, url }) =>
      paged(
        repositories()
          .filter((repo) => isToken(caller) && (caller.repositories?.includes(repo.fullName) ?? true))
          .map((repo) => repositoryJson(repo, url)),
        query,
        self,
        'repositories',
      ),
  },
  {
    method: 'DELETE',
    path: /^\/installation\/token$/,
    as: 'token',
    handle: ({ tokens, credential }) => {
      tokens.revoke(credential);
      return NO_CONTENT;
    },
  },
  {
    method: 'GET',
    path: /^\/app$/,
    as: 'app',
    handle: (_, __, app) => ok({ id: app?.id, slug: app?.slug, owner: { login: app?.owner } }),
  },
  {
    method: 'GET',
    path: /^\/repos\/([^/]+\/[^/]+)\/installation$/,
    as: 'app',
    handle: ({ repositories }, [name = ''], app) => {
      const repo = repositories().find((one) => one.fullName === name);
      return app === undefined || repo === undefined || !installedOn(app, repo) ? NOT_FOUND : installation(app);
    },
  },
  {
    method: 'GET',
    path: /^\/(?:users|orgs)\/([^/]+)\/installation$/,
    as: 'app',
    handle: (_, [owner], app) => (app === undefined || app.owner !== owner ? NOT_FOUND : installation(app)),
  },
  {
    method: 'POST',
    path: /^\/app\/installations\/(\d+)\/access_tokens$/,
    as: 'app',
    handle: (c, [id], app) => (app === undefined || app.installationId !== Number(id) ? NOT_FOUND : mintToken(c, app)),
  },
];

/** @returns undefined when no route fits */
export function rootRoute(c: RootContext): Answer | undefined {
  for (const route of ROUTES) {
    const match = route.method === c.method ? route.path.exec(c.path) : null;
    if (match === null) continue;
    const params = match.slice(1);
    if (route.as === 'app') {
      const app = c.apps.authenticate(c.credential);
      return typeof app === 'string' ? refusal(401, app) : route.handle(c, params, app);
    }
    if (c.caller === 'bad') return refusal(401, 'Bad credentials');
    if (route.as === 'token' && c.caller === 'none') return refusal(401, 'Requires authentication');
    return route.handle(c, params, undefined);
  }
  return undefined;
}

function installedOn(app: App, repo: Repo): boolean {
  return app.repositories.includes(repo.fullName);
}

function installation(app: App): Answer {
  return ok({
    id: app.installationId,
    app_id: app.id,
    app_slug: app.slug,
    account: { login: app.owner },
    permissions: Object.fromEntries(app.permissions),
    repository_selection: 'selected',
  });
}

// A token can ask for less than the installation has, never for more.
function mintToken({ body, tokens, repositories }: RootContext, app: App): Answer {
  const asked = (body.permissions ?? Object.fromEntries(app.permissions)) as Record<string, Access>;
  for (const [name, access] of Object.entries(asked)) {
    const has = app.permissions.get(name);
    if (name !== 'metadata' && (has === undefined || (access === 'write' && has === 'read'))) {
      return unprocessable('The permissions requested are not granted to this installation.');
    }
  }
  const mine = repositories().filter((repo) => installedOn(app, repo));
  const names = Array.isArray(body.repositories) ? body.repositories.map(String) : undefined;
  if (names?.some((name) => !mine.some((repo) => repo.name === name))) {
    return unprocessable(
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  }
  const reach = mine.filter((repo) => names?.includes(repo.name) ?? true).map((repo) => repo.fullName);
  const token = tokens.create({
    kind: 'app',
    appId: app.id,
    login: `${app.slug}[bot]`,
    permissions: asked,
    repositories: reach,
    lifetime: LIFETIME,
  });
  const expires_at = new Date(Date.now() + LIFETIME * 1000).toISOString().replace(/\.\d+Z/, 'Z');
  return ok({ token, expires_at, permissions: asked, repository_selection: 'selected' }, 201);
}
