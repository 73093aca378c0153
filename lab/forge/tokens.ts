/** Tokens and what they may do. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export type Access = 'read' | 'write';
export type Permissions = Readonly<Record<string, Access>>;

/** GitHub Actions: the App whose checks rulesets usually ask for (`integration_id`). */
const ACTIONS_APP = 15_368;

export interface TokenOptions {
  /** By GitHub's names: contents, pull_requests or pull-requests, checks, statuses, … `metadata: read` is always there. */
  permissions: Permissions;
  /** `owner/name` of the repositories it may see beside public ones; absent: all. */
  repositories?: readonly string[];
  /** `app` is an installation token; `admin` may do everything. */
  kind?: 'user' | 'app' | 'admin';
  login?: string;
  /** App behind the token: its checks carry it, and `bypass_actors` of type Integration name it. An `app` without is GitHub Actions. */
  appId?: number;
  /** Seconds until it is refused (installation tokens of GitHub: 3600). Absent: never. */
  lifetime?: number;
  /** Requests it may make in all; then the primary rate limit answers. Absent: no limit, as on a GitHub Enterprise Server. */
  rateLimit?: number;
}

export interface Token {
  readonly value: string;
  readonly permissions: ReadonlyMap<string, Access>;
  readonly repositories: readonly string[] | undefined;
  readonly kind: 'user' | 'app' | 'admin';
  readonly login: string;
  readonly appId: number | undefined;
  /** Unix milliseconds. */
  readonly expires: number;
  readonly rateLimit: number | undefined;
  used: number;
}

/** Who asks: a token, nobody, or one whose credentials are wrong. */
export type Caller = Token | 'none' | 'bad';

export type AuthKind = 'none' | 'basic' | 'bearer' | 'bad';

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
      appId: options.appId ?? (kind === 'app' ? ACTIONS_APP : undefined),
      expires: options.lifetime === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.lifetime * 1000,
      rateLimit: options.rateLimit,
      used: 0,
    });
    return value;
  }

  revoke(value: string): void {
    this.#tokens.delete(value);
  }

  /** Bearer, token and Basic (the password is the token). */
  authenticate(headers: IncomingHttpHeaders): { caller: Caller; kind: AuthKind; value: string } {
    const header = headers.authorization ?? '';
    if (header === '') return { caller: 'none', kind: 'none', value: '' };
    const [scheme = '', rest = ''] = header.split(/\s+/, 2);
    const basic = scheme.toLowerCase() === 'basic';
    let value = rest;
    if (basic) {
      const plain = Buffer.from(rest, 'base64').toString('utf8');
      value = plain.slice(plain.indexOf(':') + 1);
    }
    const token = this.#tokens.get(value);
    if (token === undefined || token.expires <= Date.now()) return { caller: 'bad', kind: 'bad', value };
    return { caller: token, kind: basic ? 'basic' : 'bearer', value };
  }
}

/** True when the token knows of a private repository at all: else GitHub answers 404, not 403. */
export function sees(caller: Caller, repo: { fullName: string; private: boolean }): boolean {
  if (!repo.private) return true;
  return isToken(caller) && reaches(caller, repo.fullName);
}

export function mayRead(caller: Caller, repo: { fullName: string; private: boolean }, permission: string): boolean {
  if (!repo.private) return true;
  if (!isToken(caller) || !reaches(caller, repo.fullName)) return false;
  return caller.kind === 'admin' || permission === 'metadata' || caller.permissions.has(permission);
}

export function mayWrite(caller: Caller, repo: { fullName: string }, permission: string): boolean {
  if (!isToken(caller) || !reaches(caller, repo.fullName)) return false;
  return caller.kind === 'admin' || caller.permissions.get(permission) === 'write';
}

export function isToken(caller: Caller): caller is Token {
  return typeof caller === 'object';
}

function reaches(token: Token, fullName: string): boolean {
  return token.kind === 'admin' || token.repositories === undefined || token.repositories.includes(fullName);
}
