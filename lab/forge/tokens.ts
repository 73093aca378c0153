/** Tokens and what they may do. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export type Access = 'read' | 'write';
export type Permissions = Readonly<Record<string, Access>>;

export interface TokenOptions {
  /** By GitHub's names: contents, pull_requests or pull-requests, checks, statuses, … `metadata: read` is always there. */
  permissions: Permissions;
  /** `owner/name` of the repositories it may see beside public ones; absent: all. */
  repositories?: readonly string[];
  /** `app` signs commits and may bypass rules as an integration; `admin` may do everything. */
  kind?: 'user' | 'app' | 'admin';
  login?: string;
}

export interface Token {
  readonly value: string;
  readonly permissions: ReadonlyMap<string, Access>;
  readonly repositories: readonly string[] | undefined;
  readonly kind: 'user' | 'app' | 'admin';
  readonly login: string;
}

export class TokenStore {
  readonly #tokens = new Map<string, Token>();

  create(options: TokenOptions): string {
    const kind = options.kind ?? 'user';
    const value = `${kind === 'app' ? 'ghs' : 'ghp'}_${randomBytes(18).toString('hex')}`;
    this.#tokens.set(value, {
      value,
      permissions: new Map(
        Object.entries(options.permissions).map(([name, access]) => [name.replaceAll('-', '_'), access]),
      ),
      repositories: options.repositories,
      kind,
      login: options.login ?? (kind === 'app' ? 'delivery-app[bot]' : 'developer'),
    });
    return value;
  }

  revoke(value: string): void {
    this.#tokens.delete(value);
  }

  /** `none` without credentials, `bad` for an unknown token. Bearer, token and Basic (the password is the token). */
  authenticate(headers: IncomingHttpHeaders): Token | 'none' | 'bad' {
    const header = headers.authorization;
    if (header === undefined || header === '') return 'none';
    const [scheme = '', rest = ''] = header.split(/\s+/, 2);
    let value = rest;
    if (scheme.toLowerCase() === 'basic') {
      const plain = Buffer.from(rest, 'base64').toString('utf8');
      value = plain.slice(plain.indexOf(':') + 1);
    }
    return this.#tokens.get(value) ?? 'bad';
  }
}

export function mayRead(
  token: Token | 'none',
  repo: { fullName: string; private: boolean },
  permission = 'contents',
): boolean {
  if (!repo.private) return true;
  return (
    token !== 'none' &&
    sees(token, repo.fullName) &&
    (token.kind === 'admin' || token.permissions.has(permission) || permission === 'metadata')
  );
}

export function mayWrite(token: Token | 'none', repo: { fullName: string }, permission: string): boolean {
  if (token === 'none') return false;
  return sees(token, repo.fullName) && (token.kind === 'admin' || token.permissions.get(permission) === 'write');
}

/** True when the token knows of a private repository at all: else GitHub answers 404, not 403. */
export function sees(token: Token | 'none', fullName: string): boolean {
  return (
    token !== 'none' &&
    (token.kind === 'admin' || token.repositories === undefined || token.repositories.includes(fullName))
  );
}
