/** GitHub Apps: a JWT signed by the App's key buys tokens for the repositories it is installed on. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { RestAnswer } from './rest.ts';
import type { Access, Permissions, TokenStore } from './tokens.ts';

export interface AppOptions {
  id: string;
  /** PEM, public or private key of the App. */
  key: string;
  /** Most that a token of it may do. */
  permissions: Permissions;
  /** `owner/name` of the repositories it is installed on. */
  repositories: readonly string[];
}

interface App extends AppOptions {
  publicKey: KeyObject;
  installation: number;
}

const unauthorized: RestAnswer = { status: 401, json: { message: 'A JSON web token could not be decoded' } };
const notFound: RestAnswer = { status: 404, json: { message: 'Not Found' } };

export class Apps {
  readonly #apps: App[] = [];
  readonly #tokens: TokenStore;

  constructor(tokens: TokenStore) {
    this.#tokens = tokens;
  }

  register(options: AppOptions): void {
    this.#apps.push({ ...options, publicKey: createPublicKey(options.key), installation: this.#apps.length + 1 });
  }

  /** True for the routes of Apps. */
  static handles(method: string, path: string): boolean {
    return (
      (method === 'GET' && /^\/(repos\/[^/]+\/[^/]+|users\/[^/]+)\/installation$/.test(path)) ||
      (method === 'POST' && /^\/app\/installations\/\d+\/access_tokens$/.test(path)) ||
      (method === 'DELETE' && path === '/installation/token')
    );
  }

  answer(method: string, path: string, authorization: string, body: Record<string, unknown>): RestAnswer {
    const bearer = authorization.replace(/^\S+\s+/, '');
    if (method === 'DELETE') {
      this.#tokens.revoke(bearer);
      return { status: 204 };
    }
    const app = this.#apps.find((a) => isSignedBy(bearer, a));
    if (app === undefined) return unauthorized;
    if (method === 'GET') {
      const [, kind = '', name = ''] = /^\/(repos|users)\/(.+)\/installation$/.exec(path) ?? [];
      const installed = app.repositories.some((r) => (kind === 'repos' ? r === name : r.startsWith(`${name}/`)));
      return installed ? { status: 200, json: { id: app.installation, app_slug: 'delivery-app' } } : notFound;
    }
    return path === `/app/installations/${app.installation}/access_tokens` ? this.#mint(app, body) : notFound;
  }

  #mint(app: App, body: Record<string, unknown>): RestAnswer {
    const names = Array.isArray(body.repositories) ? body.repositories.map(String) : undefined;
    const repositories = app.repositories.filter((r) => names === undefined || names.includes(r.split('/')[1] ?? ''));
    if (names !== undefined && repositories.length !== names.length) {
      return {
        status: 422,
        json: {
          message:
            'There is at least one repository that does not exist or is not accessible to the parent installation.',
        },
      };
    }
    const permissions = (body.permissions ?? app.permissions) as Record<string, Access>;
    const excess = Object.entries(permissions).find(
      ([name, access]) => access === 'write' && app.permissions[name] !== 'write',
    );
    if (excess !== undefined)
      return { status: 422, json: { message: 'The permissions requested are not granted to this installation.' } };
    const token = this.#tokens.create({ kind: 'app', permissions, repositories });
    return { status: 201, json: { token, expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions } };
  }
}

// RS256 (RFC 7518); issuer and times as GitHub checks them.
function isSignedBy(jwt: string, app: App): boolean {
  const [head = '', payload = '', signature = ''] = jwt.split('.');
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { iss?: unknown; exp?: unknown };
    if (String(claims.iss) !== app.id || !(Number(claims.exp) > Date.now() / 1000)) return false;
    return verify('RSA-SHA256', Buffer.from(`${head}.${payload}`), app.publicKey, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
