/** Who may do what: no auth, Basic, or tokens as the Docker registry's token specification has them. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface AuthOptions {
  kind: 'basic' | 'token';
  /** Name -> password. */
  users: Readonly<Record<string, string>>;
  /** Reading needs no login. */
  anonymousPull?: boolean;
  /** Users who may read only. */
  readOnly?: readonly string[];
  /** Lifetime of a token (default 300). */
  tokenSeconds?: number;
  /** Values of WWW-Authenticate instead of the usual one; `{realm}`, `{service}` and `{scope}` are filled in. */
  challenges?: readonly string[];
}

export interface Grant {
  user: string;
  /** `repository -> actions`; undefined: everything. */
  scopes?: Map<string, Set<string>>;
}

export type Decision = 'ok' | 'login' | 'denied';

export class Auth {
  readonly #options: AuthOptions | undefined;
  readonly #tokens = new Map<string, { grant: Grant; until: number }>();

  constructor(options: AuthOptions | undefined) {
    this.#options = options;
  }

  /** May this request pull or push in the repository? `repository` undefined is the base endpoint. */
  decide(headers: IncomingHttpHeaders, repository: string | undefined, action: 'pull' | 'push' | 'delete'): Decision {
    const options = this.#options;
    if (options === undefined) return 'ok';
    const grant = this.#grant(headers.authorization ?? '');
    if (grant === undefined) {
      return options.kind === 'basic' && options.anonymousPull && action === 'pull' && repository !== undefined
        ? 'ok'
        : 'login';
    }
    if (grant.scopes !== undefined && repository !== undefined && !grant.scopes.get(repository)?.has(action)) {
      return 'login';
    }
    return action !== 'pull' && options.readOnly?.includes(grant.user) ? 'denied' : 'ok';
  }

  challenges(origin: string, host: string, repository: string | undefined, action: string): string[] {
    const options = this.#options;
    if (options === undefined) return [];
    const scope =
      repository === undefined ? '' : `repository:${repository}:${action === 'pull' ? 'pull' : 'pull,push'}`;
    const fill = (text: string): string =>
      text.replaceAll('{realm}', `${origin}/token`).replaceAll('{service}', host).replaceAll('{scope}', scope);
    if (options.challenges !== undefined) return options.challenges.map(fill);
    if (options.kind === 'basic') return ['Basic realm="lab registry"'];
    return [fill(`Bearer realm="{realm}",service="{service}"${scope === '' ? '' : ',scope="{scope}"'}`)];
  }

  /** The token endpoint. @returns undefined when name or password is wrong */
  issue(authorization: string, scopes: readonly string[]): { token: string; expires_in: number } | undefined {
    const options = this.#options;
    if (options === undefined) return undefined;
    const user = authorization === '' ? '' : this.#basicUser(authorization);
    if (user === undefined || (user === '' && !options.anonymousPull)) return undefined;
    const granted = new Map<string, Set<string>>();
    for (const scope of scopes) {
      const [, name = '', actions = ''] = /^repository:(.+):([a-z,*]+)$/.exec(scope) ?? [];
      const allowed = actions.split(',').filter((a) => user !== '' || a === 'pull');
      granted.set(name, new Set([...(granted.get(name) ?? []), ...allowed]));
    }
    const seconds = options.tokenSeconds ?? 300;
    const token = randomBytes(24).toString('base64url');
    this.#tokens.set(token, { grant: { user, scopes: granted }, until: Date.now() + seconds * 1000 });
    return { token, expires_in: seconds };
  }

  /** Makes every token invalid, as when a registry restarts or a token runs out. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  #grant(authorization: string): Grant | undefined {
    const bearer = /^Bearer (.+)$/i.exec(authorization)?.[1];
    if (bearer !== undefined && this.#options?.kind === 'token') {
      const entry = this.#tokens.get(bearer);
      return entry !== undefined && entry.until > Date.now() ? entry.grant : undefined;
    }
    const user = this.#basicUser(authorization);
    return user === undefined || this.#options?.kind === 'token' ? undefined : { user };
  }

  #basicUser(authorization: string): string | undefined {
    const encoded = /^Basic (.+)$/i.exec(authorization)?.[1];
    if (encoded === undefined) return undefined;
    const [, user = '', password = ''] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    const users = this.#options?.users ?? {};
    return Object.hasOwn(users, user) && users[user] === password ? user : undefined;
  }
}
