/** The grammars of single inputs. Each gives the value, or the problem in words that never quote a secret. */
import { type Digest, type ImageRef, isTag, parseDigest, parseImage, parseRef } from '../oci/index.ts';
import { oneLine, parseJson } from '../text/index.ts';

export type Form<T> = { value: T } | { problem: string };

export interface BuildContext {
  name: string;
  /** A folder below the workspace, or an image that stands in for every reference of this name. */
  source: { path: string } | { ref: ImageRef };
}

/** `name=path` or `name=docker-image://ref`. */
export function parseBuildContext([name, text]: readonly [string, string]): Form<BuildContext> {
  if (!/^[A-Za-z0-9_][\w./:-]{0,200}$/.test(name)) return { problem: `"${oneLine(name, 60)}" is not a name` };
  const image = /^docker-image:\/\/(.+)$/.exec(text)?.[1];
  if (image !== undefined) {
    const ref = parseRef(image);
    return ref === undefined
      ? { problem: `${name}: "${oneLine(image, 120)}" is no image` }
      : { value: { name, source: { ref } } };
  }
  if (/^[a-z-]+:/.test(text) || text === '') return { problem: `${name} is neither a folder nor docker-image://…` };
  return { value: { name, source: { path: text } } };
}

export interface SshForward {
  id: string;
  /** undefined: the agent of SSH_AUTH_SOCK. */
  socket: string | undefined;
}

/** `id` or `id=socket`. */
export function parseSsh(line: string): Form<SshForward> {
  const [, id, socket] = /^([A-Za-z0-9_.-]{1,64})(?:=([^,\s]+))?$/.exec(line) ?? [];
  return id === undefined ? { problem: 'a line is not id or id=socket' } : { value: { id, socket } };
}

/** What may be handed through to the engine. Those with `many` may stand there more than once. */
const OPTIONS: Readonly<Record<string, 'one' | 'many'>> = {
  network: 'one',
  'add-host': 'many',
  'shm-size': 'one',
  ulimit: 'many',
  'cgroup-parent': 'one',
  allow: 'many',
};

/** `name=value` lines of the allow-list, sorted. */
export function parseEngineOptions(lines: readonly string[]): Form<[string, string][]> {
  const options: [string, string][] = [];
  for (const [index, line] of lines.entries()) {
    const [, name = '', value = ''] = /^(?:--)?([a-z-]+)=(\S+)$/.exec(line) ?? [];
    const kind = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (kind === undefined) {
      return { problem: `line ${index + 1} is not one of ${Object.keys(OPTIONS).join(', ')}, written name=value` };
    }
    const twice = options.some(([n, v]) => n === name && (kind === 'one' || v === value));
    if (twice) return { problem: `${name} stands there twice` };
    options.push([name, value]);
  }
  return { value: options.sort(([a, x], [b, y]) => (`${a}=${x}` < `${b}=${y}` ? -1 : 1)) };
}

/** `450MB`, `1GiB` to bytes. */
export function parseSize(text: string): Form<number | undefined> {
  if (text === '') return { value: undefined };
  const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)\s?(kB|KB|MB|GB|KiB|MiB|GiB)$/.exec(text) ?? [];
  if (number === undefined) return { problem: `"${oneLine(text, 40)}" is not a size such as 450MB or 1GiB` };
  const power = { k: 1, K: 1, M: 2, G: 3 }[unit.charAt(0)] ?? 0;
  return { value: Math.round(Number(number) * (unit.includes('i') ? 1024 : 1000) ** power) };
}

export interface PinnedDownload {
  version: string;
  sha256: string;
}

/** `vX.Y.Z@sha256:<64 hex>`. */
export function parsePinnedDownload(text: string): Form<PinnedDownload | undefined> {
  if (text === '') return { value: undefined };
  const [, version, sha256] = /^(v\d+\.\d+\.\d+)@sha256:([0-9a-f]{64})$/.exec(text) ?? [];
  if (version === undefined || sha256 === undefined) {
    return { problem: 'must be vX.Y.Z@sha256:<64 hex digits>: a download without its checksum is refused' };
  }
  return { value: { version, sha256 } };
}

/** Lines, a JSON array, or a JSON object whose values are digests or empty, as `toJSON(needs.build.outputs)` is. */
export function parseDigests(text: string): Form<Digest[]> {
  const json = /^[[{]/.test(text) ? parseJson(text) : undefined;
  if (/^[[{]/.test(text) && (typeof json !== 'object' || json === null)) return { problem: 'is not JSON' };
  const items: unknown[] =
    json === undefined ? text.split(/\r?\n/) : Array.isArray(json) ? json : Object.values(json as object);
  const digests: Digest[] = [];
  for (const [index, item] of items.entries()) {
    if (item === null || (typeof item === 'string' && item.trim() === '')) continue;
    const digest = typeof item === 'string' ? parseDigest(item) : undefined;
    if (digest === undefined) return { problem: `item ${index + 1} is not sha256:<64 hex digits>` };
    digests.push(digest);
  }
  return { value: digests };
}

/** `image@digest` or `image:tag`, with its registry. */
export function parseSource(text: string): Form<ImageRef | undefined> {
  if (text === '') return { value: undefined };
  const bare = text.replace(/@.*$/s, '').replace(/:[^/:]*$/, '');
  const name = parseImage(bare);
  if ('problem' in name) return { problem: name.problem };
  const ref = parseRef(text);
  const tagged = /:[^/]*$/.test(text.replace(/@.*$/s, ''));
  if (ref === undefined || (ref.digest === undefined && !tagged)) {
    return { problem: `"${oneLine(text, 120)}" is not image@sha256:… or image:tag` };
  }
  if (ref.tag !== undefined && !isTag(ref.tag)) return { problem: 'its tag is malformed' };
  return { value: ref };
}
