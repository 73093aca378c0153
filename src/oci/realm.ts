/** Where a login may travel. A registry names its token server (the realm) itself, so a hostile one could name any host. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isForbiddenAddress, isLoopbackHost } from '../http/index.ts';
import { RegistryError } from './error.ts';

export interface RealmPolicy {
  /** Hosts that may receive credentials as token realm. */
  trusted: readonly string[];
  /** Does the request carry a login? */
  credentials: boolean;
}

const KNOWN: readonly (readonly [registry: RegExp, realm: RegExp])[] = [
  [/^(registry-1\.)?docker\.io$/, /^auth\.docker\.io$/],
  [/^registry\.gitlab\.com$/, /^gitlab\.com$/],
  [/\.pkg\.dev$/, /\.pkg\.dev$/],
  [/(^|\.)gcr\.io$/, /(^|\.)gcr\.io$/],
  [/\.azurecr\.io$/, /\.azurecr\.io$/],
];

/**
 * @param realm text of the challenge
 * @param registry URL of the registry that sent it
 * @throws RegistryError E_REALM before a byte is sent
 */
export function checkRealm(realm: string, registry: URL, policy: RealmPolicy): URL {
  const refuse = (why: string, fix = 'Do not use this registry, or ask who runs it'): never => {
    throw new RegistryError('E_REALM', 401, `login at ${registry.host}`, why, fix);
  };
  if (!URL.canParse(realm)) return refuse('its token realm is no URL');
  const url = new URL(realm);
  const plain = url.protocol === 'http:' && registry.protocol === 'http:';
  if (url.protocol !== 'https:' && !plain) return refuse('its token realm is not https');
  if (url.username !== '' || url.password !== '') return refuse('its token realm carries a login');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isForbiddenAddress(host)) return refuse(`its token realm points at ${host}`);
  if (isInside(host) && !isInside(registry.hostname.replace(/^\[|\]$/g, ''))) {
    return refuse(`its token realm points at ${host}, inside this network`);
  }
  if (!policy.credentials || url.host === registry.host || policy.trusted.includes(url.host)) return url;
  const listed = KNOWN.some(([from, to]) => from.test(registry.hostname) && to.test(url.hostname));
  return listed
    ? url
    : refuse(`it wants the login sent to ${url.host}`, `If that is right, set trusted-realms: ${url.host}`);
}

/**
 * A name may point inside as well as an address: a token server inside this network is refused for a registry outside.
 * The HTTP client refuses what is never contacted again, on the address it really connects to.
 * @throws RegistryError E_REALM
 */
export async function checkRealmAddress(realm: URL, registry: URL): Promise<void> {
  if (realm.host === registry.host) return;
  const addresses = await resolve(realm.hostname);
  const inside = addresses.find((a) => isInside(a) || isForbiddenAddress(a));
  if (inside === undefined || (await resolve(registry.hostname)).some(isInside)) return;
  const why = `its token realm ${realm.hostname} is ${inside}, inside this network`;
  throw new RegistryError(
    'E_REALM',
    401,
    `login at ${registry.host}`,
    why,
    'Do not use this registry, or ask who runs it',
  );
}

// A name that cannot be resolved fails by itself when it is connected to, or a proxy resolves it.
async function resolve(hostname: string): Promise<string[]> {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return [host];
  return (await lookup(host, { all: true }).catch(() => [])).map((a) => a.address);
}

// Loopback, RFC 1918, carrier-grade NAT and unique local addresses.
function isInside(host: string): boolean {
  const v4 = mappedV4(host) ?? host;
  if (isLoopbackHost(v4)) return true;
  if (isIP(v4) === 4)
    return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(v4);
  return isIP(host) === 6 && /^f[cd]/i.test(host);
}

// The URL parser writes `::ffff:10.0.0.1` as `::ffff:a00:1`.
function mappedV4(host: string): string | undefined {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(host) ?? [];
  if (high === undefined || low === undefined) return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
}
