/** What is left over in the cache of indexes: of versions of this action that wrote another format, and of runs that were killed. */
import { readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isReadable } from './index-file.ts';

const DAY = 86_400;

/**
 * Removes beside an index, in the folder of its ecosystem, indexes that this version cannot read and files that were never
 * finished, when they are older than a day: what is younger may be the work of a run beside this one.
 * @param path of the index; it is never touched itself
 * @param now unix seconds
 */
export function cleanBeside(path: string, now: number): void {
  const name = basename(path);
  const all = dirname(dirname(dirname(path)));
  for (const version of entries(all)) {
    for (const arch of entries(join(all, version))) {
      const place = join(all, version, arch);
      const old = entries(place).filter((file) => join(place, file) !== path && isOld(join(place, file), now));
      for (const file of old) {
        const at = join(place, file);
        if (file !== name && file.startsWith(`${name}.`)) quietly(() => rmSync(at, { force: true }));
        else if (file === name) removeUnreadable(at, `${place}.complete`);
      }
      // Nothing but an empty folder goes, and only one that something old was in: an empty one may be about to be filled.
      if (old.length > 0) for (const folder of [place, join(all, version)]) quietly(() => rmdirSync(folder));
    }
  }
}

/** Taken aside before it is looked at for the last time: what another run puts there in between is not what is removed. */
function removeUnreadable(path: string, marker: string): void {
  const aside = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}.old`;
  quietly(() => {
    if (isReadable(path)) return;
    renameSync(path, aside);
    if (isReadable(aside)) return renameSync(aside, path);
    rmSync(aside, { force: true });
    rmSync(marker, { force: true });
  });
}

function entries(folder: string): string[] {
  return quietly(() => readdirSync(folder)) ?? [];
}

const isOld = (path: string, now: number): boolean => {
  return quietly(() => now - statSync(path).mtimeMs / 1000 > DAY) ?? false;
};

/** Nobody's scan fails because of what somebody left behind. */
function quietly<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}
