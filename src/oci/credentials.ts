/** Logins: those of the inputs, else those of the user's Docker config, in it or by its helpers. First `:` splits name and password. */
import type { Env, Exec } from '../runner/index.ts';
import { parseJson } from '../text/index.ts';

export interface Credentials {
  /** `<token>`: the password is an identity token. */
  username: string;
  password: string;
}

/** By image host (`docker.io`, `127.0.0.1:5000`). */
export type Logins = ReadonlyMap<string, Credentials>;

const HUB_KEYS = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];
const HELPER_SECONDS = 20;

interface DockerConfig {
  auths?: Record<string, { auth?: unknown; identitytoken?: unknown } | null>;
  credHelpers?: Record<string, unknown>;
  credsStore?: unknown;
}

function parseConfig(text: string): DockerConfig {
  const json = parseJson(text);
  return typeof json === 'object' && json !== null ? (json as DockerConfig) : {};
}

/**
 * The `auths` of a Docker config file. Malformed entries, and such without `auth`, are left out.
 * @param text content of config.json
 */
export function dockerLogins(text: string): Map<string, Credentials> {
  const logins = new Map<string, Credentials>();
  const { auths } = parseConfig(text);
  if (typeof auths !== 'object' || auths === null) return logins;
  for (const [key, value] of Object.entries(auths)) {
    const host = hostOf(key);
    if (typeof value?.identitytoken === 'string' && value.identitytoken !== '') {
      logins.set(host, { username: '<token>', password: value.identitytoken });
      continue;
    }
    if (typeof value?.auth !== 'string') continue;
    const [, username, password] = /^([^:]+):([\s\S]+)$/.exec(Buffer.from(value.auth, 'base64').toString()) ?? [];
    if (username === undefined || password === undefined) continue;
    logins.set(host, { username, password });
  }
  return logins;
}

function hostOf(key: string): string {
  return HUB_KEYS.includes(key) ? 'docker.io' : key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

export interface CredentialSources {
  /** They win. */
  given: Logins;
  /** Content of the user's config.json. */
  config: string;
  exec: Exec;
  env: Env;
  /** Called with each login before it is used, so that it can be masked. */
  onLogin(login: Credentials): void;
}

/** @returns the login for an image host; each host is looked up once */
export function credentialsFor(sources: CredentialSources): (host: string) => Promise<Credentials | undefined> {
  const stored = dockerLogins(sources.config);
  const config = parseConfig(sources.config);
  const asked = new Map<string, Promise<Credentials | undefined>>();
  const find = async (host: string): Promise<Credentials | undefined> => {
    const known = sources.given.get(host) ?? stored.get(host);
    const login = known ?? (await fromHelper(host, config, sources));
    if (login !== undefined) sources.onLogin(login);
    return login;
  };
  return (host) => {
    const found = asked.get(host) ?? find(host);
    asked.set(host, found);
    return found;
  };
}

/** A credential helper: the host goes in on its standard input, a JSON object comes out. One that fails has no login. */
async function fromHelper(
  host: string,
  config: DockerConfig,
  { exec, env }: CredentialSources,
): Promise<Credentials | undefined> {
  const helpers = typeof config.credHelpers === 'object' && config.credHelpers !== null ? config.credHelpers : {};
  const keys = host === 'docker.io' ? HUB_KEYS : [host];
  const own = keys.find((key) => Object.hasOwn(helpers, key));
  const name = own === undefined ? config.credsStore : helpers[own];
  if (typeof name !== 'string' || !/^[A-Za-z0-9._-]+$/.test(name)) return undefined;
  const options = { input: own ?? dockerAuthKey(host), timeout: HELPER_SECONDS, env };
  const result = await exec(`docker-credential-${name}`, ['get'], options).catch(() => undefined);
  if (result?.code !== 0) return undefined;
  const answer = parseJson(result.stdout.toString('utf8')) as
    | { Username?: unknown; Secret?: unknown }
    | null
    | undefined;
  const { Username: username, Secret: password } = answer ?? {};
  if (typeof username !== 'string' || typeof password !== 'string' || password === '') return undefined;
  return { username, password };
}

/** The key under which Docker and containers tools look a host up. */
export function dockerAuthKey(host: string): string {
  return host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
}

export function basicHeader({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
