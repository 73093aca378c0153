/** Image names: `host[:port]/repository`, and references with tag and digest. */
import { type Digest, parseDigest } from './digest.ts';

export interface ImageName {
  /** As users write it: `docker.io`, `127.0.0.1:5000`, `[::1]:5000`. */
  host: string;
  repository: string;
}

export interface ImageRef extends ImageName {
  tag?: string;
  digest?: Digest;
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** True for a first path part that can only be a host: it has a dot or a colon, or is `localhost`. */
function looksLikeHost(text: string): boolean {
  return HOST.test(text) && (/[.:]/.test(text) || text.toLowerCase() === 'localhost');
}

/**
 * An image name with an explicit host, without tag and digest. Upper case in the repository is lowered.
 * @returns the reason when it is none
 */
export function parseImage(text: string): { image: ImageName; lowered: boolean } | { problem: string } {
  const slash = text.indexOf('/');
  const host = slash < 0 ? '' : text.slice(0, slash);
  if (text.includes('@')) return { problem: 'a digest does not belong here, write registry/repository alone' };
  if (/:[^/\]]*$/.test(slash < 0 ? text : text.slice(slash))) {
    return { problem: 'a tag does not belong here, write registry/repository alone and use the tag rules' };
  }
  if (!looksLikeHost(host)) {
    return { problem: `the registry is missing: write docker.io/${slash < 0 ? 'library/' : ''}… or another host` };
  }
  const written = text.slice(slash + 1);
  const repository = written.toLowerCase();
  if (!REPOSITORY.test(repository) || repository.length > 255) {
    return { problem: 'the repository may have letters, digits, and . _ - / between them' };
  }
  return { image: canonical(host.toLowerCase(), repository), lowered: repository !== written };
}

/**
 * A reference as a Dockerfile has it: `alpine`, `o/app:1`, `ghcr.io/o/app:1@sha256:…`. A missing host is docker.io, a
 * missing namespace there `library`, a missing tag (without digest) `latest`.
 * @returns undefined when it is malformed
 */
export function parseRef(text: string): ImageRef | undefined {
  const [name = '', digestText, ...rest] = text.split('@');
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  if (rest.length > 0 || (digestText !== undefined && digest === undefined)) return undefined;
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const host = looksLikeHost(first) ? first.toLowerCase() : 'docker.io';
  const path = looksLikeHost(first) ? name.slice(slash + 1) : name;
  const colon = path.lastIndexOf(':');
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  const repository = colon < 0 ? path : path.slice(0, colon);
  if (!REPOSITORY.test(repository) || (tag !== undefined && !isTag(tag))) return undefined;
  const effective = tag ?? (digest === undefined ? 'latest' : undefined);
  return {
    ...canonical(host, repository),
    ...(effective === undefined ? {} : { tag: effective }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function canonical(host: string, repository: string): ImageName {
  const hub = host === 'index.docker.io' || host === 'registry-1.docker.io' || host === 'docker.io';
  if (!hub) return { host, repository };
  return { host: 'docker.io', repository: repository.includes('/') ? repository : `library/${repository}` };
}

export function nameOf(image: ImageName): string {
  return `${image.host}/${image.repository}`;
}

/** The host that answers the API for an image host. */
export function apiHost(host: string): string {
  return host === 'docker.io' ? 'registry-1.docker.io' : host;
}
