import { posix } from 'node:path';

/** A path of a tool as a path of the repository; one that leads out of it, or is absolute, is kept as it is for people to read. */
export function joinPath(base: string, file: string): string {
  if (posix.isAbsolute(file)) return file;
  const joined = posix.normalize(posix.join(base === '' ? '.' : base, file));
  return joined.startsWith('../') ? file : joined;
}
