/** Logins: those of the inputs, else those in a Docker config file. First `:` splits name and password. */

export interface Credentials {
  username: string;
  password: string;
}

/** By image host (`docker.io`, `127.0.0.1:5000`). */
export type Logins = ReadonlyMap<string, Credentials>;

const HUB_KEYS = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];

/**
 * The `auths` of a Docker config file. Malformed entries, and such without `auth`, are left out.
 * @param text content of config.json
 */
export function dockerLogins(text: string): Map<string, Credentials> {
  const logins = new Map<string, Credentials>();
  let auths: Record<string, { auth?: unknown } | null>;
  try {
    auths = (JSON.parse(text) as { auths?: Record<string, { auth?: unknown } | null> }).auths ?? {};
  } catch {
    return logins;
  }
  for (const [key, value] of Object.entries(auths)) {
    if (typeof value?.auth !== 'string') continue;
    const [, username, password] = /^([^:]+):([\s\S]+)$/.exec(Buffer.from(value.auth, 'base64').toString()) ?? [];
    if (username === undefined || password === undefined) continue;
    const host = HUB_KEYS.includes(key) ? 'docker.io' : key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
    logins.set(host, { username, password });
  }
  return logins;
}

/** The key under which Docker and containers tools look a host up. */
export function dockerAuthKey(host: string): string {
  return host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
}

export function basicHeader({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
