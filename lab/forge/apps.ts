/** GitHub Apps: a key, an installation, and tokens that can do no more than the installation. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Access, Permissions } from './tokens.ts';

export interface AppOptions {
  /** The number of the App, as in CONFIG_APP_ID and in the `bypass_actors` of a ruleset. */
  id: string;
  /** PEM, public or private key of the App. */
  key: string;
  /** Most that a token of it may do. */
  permissions: Permissions;
  /** `owner/name` of the repositories it is installed on, all of one owner. */
  repositories: readonly string[];
  slug?: string;
}

export interface App {
  readonly id: number;
  readonly installationId: number;
  readonly slug: string;
  readonly owner: string;
  readonly permissions: ReadonlyMap<string, Access>;
  readonly repositories: readonly string[];
}

/** Seconds a JSON web token may live. */
const MAX_LIFETIME = 600;

export class AppStore {
  readonly #apps = new Map<number, { app: App; key: KeyObject }>();

  /** @throws when the id is no number, the key no PEM, or the repositories are none or of several owners */
  register(options: AppOptions): void {
    const owners = new Set(options.repositories.map((name) => name.split('/')[0] ?? ''));
    const id = Number(options.id);
    if (!Number.isInteger(id) || owners.size !== 1) {
      throw new Error(`App ${options.id}: a number and repositories of one owner are needed`);
    }
    const app: App = {
      id,
      installationId: this.#apps.size + 1,
      slug: options.slug ?? 'delivery-app',
      owner: [...owners][0] ?? '',
      permissions: new Map(
        Object.entries(options.permissions).map(([name, access]) => [name.replaceAll('-', '_'), access]),
      ),
      repositories: options.repositories,
    };
    this.#apps.set(id, { app, key: createPublicKey(options.key) });
  }

  /**
   * The App that signed a JSON web token, or why not. Rules of GitHub: RS256, issued by the App id, at most ten minutes long,
   * not yet expired, not from the future.
   */
  authenticate(jwt: string): App | string {
    const [head = '', body = '', signature = ''] = jwt.split('.');
    const claims = decode(body);
    if (decode(head)?.alg !== 'RS256' || claims === undefined) return 'A JSON web token could not be decoded';
    const entry = this.#apps.get(Number(claims.iss));
    if (entry === undefined) return "'Issuer' claim ('iss') must be an Integer";
    const signed = Buffer.from(`${head}.${body}`);
    const valid = verify('RSA-SHA256', signed, entry.key, Buffer.from(signature, 'base64url'));
    if (!valid) return 'A JSON web token could not be decoded';
    const now = Date.now() / 1000;
    const [issued, expires] = [Number(claims.iat), Number(claims.exp)];
    if (!(expires > now)) return "'Expiration time' claim ('exp') must be a numeric value representing the future time";
    if (expires > now + MAX_LIFETIME + 1) return "'Expiration time' claim ('exp') is too far in the future";
    if (!(issued <= now + 1)) return "'Issued at' claim ('iat') must be an Integer representing a time in the past";
    return entry.app;
  }
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
