/** Answers to challenges: Basic, and bearer tokens after the token specification of the Docker registry. */
import type { AnswerHeaders, Http, HttpResponse } from '../http/index.ts';
import type { Clock } from '../runner/index.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credentials } from './credentials.ts';
import { RegistryError, statusError } from './error.ts';
import { checkRealm, checkRealmAddress } from './realm.ts';

/** Sends a request with the retries of the client; every status comes back. */
export type SendToken = (request: Parameters<Http['send']>[0]) => Promise<HttpResponse>;

export interface AuthOptions {
  registry: URL;
  credentials(): Promise<Credentials | undefined>;
  trustedRealms: readonly string[];
  clock: Clock;
  /** Called with each fetched token, so that it can be masked. */
  onToken?: ((token: string) => void) | undefined;
}

// Their first answer is known, which saves one round trip.
const KNOWN: Readonly<Record<string, Challenge>> = {
  'registry-1.docker.io': {
    scheme: 'bearer',
    params: { realm: 'https://auth.docker.io/token', service: 'registry.docker.io' },
  },
  'ghcr.io': { scheme: 'bearer', params: { realm: 'https://ghcr.io/token', service: 'ghcr.io' } },
};
const MIN_SECONDS = 60;
const MAX_SCOPES = 8;
const MAX_TOKEN_ANSWER = 256 * 1024;

export class Authenticator {
  readonly #options: AuthOptions;
  readonly #send: SendToken;
  /** Scopes that the registry has asked for beyond ours, by ours. */
  readonly #extra = new Map<string, readonly string[]>();
  readonly #tokens = new Map<string, { header: string; renewAt: number }>();
  #challenge: Challenge | undefined;

  constructor(options: AuthOptions, send: SendToken) {
    this.#options = options;
    this.#send = send;
    this.#challenge = KNOWN[options.registry.host];
  }

  /** Value of Authorization for the scopes, as far as the registry has said what it wants. */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    if (challenge.scheme === 'basic') return basicOf(await this.#options.credentials());
    const key = scopes.join(' ');
    const cached = this.#tokens.get(key);
    if (cached !== undefined && this.#options.clock.now() < cached.renewAt) return cached.header;
    return this.#fetchToken(challenge, [...scopes, ...(this.#extra.get(key) ?? [])], key);
  }

  /**
   * Takes in a 401: forgets the token and learns the challenge.
   * @returns false when nothing new can be said, so that asking again is pointless
   */
  async learn(headers: AnswerHeaders, scopes: readonly string[], usedHeader: string | undefined): Promise<boolean> {
    const key = scopes.join(' ');
    this.#tokens.delete(key);
    const challenges = parseChallenges(headers.get('www-authenticate') ?? '');
    // Some registries send a Basic challenge whose realm is a plain word, and Bearer beside it: a usable Bearer wins.
    const bearer = challenges.find((c) => c.scheme === 'bearer' && URL.canParse(c.params.realm ?? ''));
    const chosen = bearer ?? challenges.find((c) => c.scheme === 'basic');
    if (chosen === undefined) return false;
    this.#challenge = chosen;
    if (chosen.params.error === 'insufficient_scope') {
      const asked = (chosen.params.scope ?? '').split(' ').filter((s) => s !== '' && !scopes.includes(s));
      this.#extra.set(key, asked.slice(0, MAX_SCOPES));
    }
    if (chosen.scheme === 'bearer') return true;
    return usedHeader === undefined && (await this.#options.credentials()) !== undefined;
  }

  async #fetchToken(challenge: Challenge, scopes: readonly string[], key: string): Promise<string> {
    const { registry, trustedRealms, clock, onToken } = this.#options;
    const credentials = await this.#options.credentials();
    const policy = { trusted: trustedRealms, credentials: credentials !== undefined };
    const realm = checkRealm(challenge.params.realm ?? '', registry, policy);
    await checkRealmAddress(realm, registry);
    const response = await this.#ask(realm, challenge.params.service, scopes, credentials);
    const what = `login at ${registry.host}`;
    if (response.status >= 300 && response.status < 400) {
      await response.discard();
      const fix = 'Set trusted-realms to its real token server, or ask who runs it';
      throw new RegistryError('E_REALM', response.status, what, 'its token server redirects', fix);
    }
    if (response.status !== 200) {
      const status = response.status === 403 ? 401 : response.status;
      throw statusError(what, status, await response.text(MAX_TOKEN_ANSWER).catch(() => ''));
    }
    const answer = (await response.json(MAX_TOKEN_ANSWER)) as {
      token?: unknown;
      access_token?: unknown;
      expires_in?: unknown;
    } | null;
    const token = [answer?.token, answer?.access_token].find((t) => typeof t === 'string' && /^[\x21-\x7e]+$/.test(t));
    if (typeof token !== 'string') {
      throw new RegistryError('E_PROTOCOL', 200, what, 'its token server sent no token', 'Ask who runs this registry');
    }
    onToken?.(token);
    const stated = typeof answer?.expires_in === 'number' ? answer.expires_in : MIN_SECONDS;
    const header = `Bearer ${token}`;
    this.#tokens.set(key, { header, renewAt: clock.now() + Math.max(MIN_SECONDS, stated) * 0.8 });
    return header;
  }

  async #ask(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<HttpResponse> {
    if (credentials?.username === '<token>') {
      const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: credentials.password });
      form.set('service', service ?? '');
      form.set('scope', scopes.join(' '));
      form.set('client_id', 'build-image');
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const response = await this.#send({ method: 'POST', url: realm, headers, body: form.toString() });
      if (response.status !== 404 && response.status !== 405) return response;
      await response.discard();
    }
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const basic = basicOf(credentials);
    return this.#send({ method: 'GET', url, headers: basic === undefined ? {} : { authorization: basic } });
  }
}

function basicOf(credentials: Credentials | undefined): string | undefined {
  return credentials === undefined ? undefined : basicHeader(credentials);
}
