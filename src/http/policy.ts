/** Where a request may go. Checked twice: on the URL, and on the address the socket really connects to. */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { HttpError } from './error.ts';

export interface OriginPolicy {
  /** `host:port` (or `host`) that may be spoken to without TLS. Loopback always may. */
  plainHttp?: readonly string[];
}

// Never a registry, a forge or a metrics server, but always worth attacking: cloud metadata services live here.
const NEVER = new BlockList();
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('0.0.0.0', 8, 'ipv4');
NEVER.addSubnet('224.0.0.0', 4, 'ipv4');
NEVER.addAddress('255.255.255.255', 'ipv4');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');
NEVER.addAddress('::', 'ipv6');
NEVER.addAddress('fd00:ec2::254', 'ipv6');

/** True for link-local, unspecified, multicast and metadata addresses, also when written as IPv4-mapped IPv6. */
export function isForbiddenAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isForbiddenAddress(mapped);
  const family = isIP(address);
  return family === 0 || NEVER.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** True for 127.0.0.0/8, ::1 and the name localhost. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * Checks a URL before anything is sent.
 * @throws HttpError policy: another scheme, plain HTTP to a host that needs TLS, userinfo in the URL, a forbidden address
 */
export function checkUrl(url: URL, policy: OriginPolicy): void {
  const refuse = (why: string): never => {
    throw new HttpError('policy', `${url.protocol}//${url.host}: ${why}`);
  };
  if (url.username !== '' || url.password !== '') refuse('credentials inside a URL are refused');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isForbiddenAddress(host)) refuse('this address is link-local, multicast or unspecified');
  if (url.protocol === 'https:') return;
  if (url.protocol !== 'http:') refuse('only https is spoken');
  const plain = policy.plainHttp ?? [];
  if (!isLoopbackHost(url.hostname) && !plain.includes(url.host) && !plain.includes(url.hostname)) {
    refuse('plain http is refused for a host that is not loopback');
  }
}

type LookupDone = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Name resolution for a socket: forbidden addresses are refused here, after DNS, so that no name can point at them. */
export function guardedLookup(hostname: string, options: LookupOptions, done: LookupDone): void {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, '');
    const bad = addresses.find((a) => isForbiddenAddress(a.address));
    if (bad !== undefined)
      return done(new HttpError('policy', `${hostname} resolves to ${bad.address}, which is never contacted`), '');
    const first = addresses[0];
    if (options.all || first === undefined) return done(null, addresses);
    return done(null, first.address, first.family);
  });
}
