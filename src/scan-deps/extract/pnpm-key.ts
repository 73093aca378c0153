/** Keys and references of a pnpm lock: `/name/1.0.0_peer@1` (5), `/name@1.0.0(peer@1)` (6), `name@1.0.0(peer@1)` (9). */

export interface PnpmKey {
  name: string;
  version: string;
}

/** Without the peers that this instance was resolved with. */
export function cutPeers(key: string, major: number): string {
  if (major > 5) {
    const at = key.indexOf('(');
    return at < 0 ? key : key.slice(0, at);
  }
  // An underscore may be part of a name, never of a version; the peers behind it have `+` for the slash of a scope.
  const at = key.indexOf('_', key.lastIndexOf('/') + 1);
  return at < 0 ? key : key.slice(0, at);
}

/** @returns undefined for what is no `name` with a version of the registry: a tarball, a repository, a folder */
export function parseKey(key: string, major: number): PnpmKey | undefined {
  const text = cutPeers(key.startsWith('/') ? key.slice(1) : key, major);
  // Only relative keys are of the registry in versions 5 and 6; others begin with a host or a protocol.
  if (major < 9 && !key.startsWith('/')) return undefined;
  const at = major === 5 ? text.lastIndexOf('/') : text.indexOf('@', 1);
  if (at <= 0) return undefined;
  const [name, version] = [text.slice(0, at), text.slice(at + 1)];
  return /^\d/.test(version) && !/[:/]/.test(version) ? { name, version } : undefined;
}

/** The key of what `name: reference` means. @returns undefined for a link to a folder of the workspace */
export function keyOfReference(name: string, reference: string, major: number): string | undefined {
  if (reference.startsWith('link:') || reference.startsWith('workspace:')) return undefined;
  if (reference.startsWith('/')) return reference;
  const bare = cutPeers(reference, major);
  if (major === 5) return bare.includes('/') || bare.includes(':') ? reference : `/${name}/${reference}`;
  if (major < 9) return /[:/]/.test(bare) ? reference : `/${name}@${reference}`;
  // An alias is written as a whole key: `lodash@4.17.20`. Tarballs, folders and repositories follow the name.
  const isKey = bare.indexOf('@', 1) > 0 && !/^[a-z+]{1,20}:/.test(bare);
  return isKey ? reference : `${name}@${reference}`;
}
