import type { Dep } from './types.ts';

const MAX_WAY = 30;

/**
 * The way in of a package: a shortest path from a direct dependency of the same file down to the package itself.
 * @returns a function, so that the index of each file is built once
 */
export function wayIn(deps: readonly Dep[]): (dep: Dep) => string[] {
  const files = new Map<string, Map<string, Dep[]>>();
  for (const dep of deps) {
    const byKey = files.get(dep.file) ?? new Map<string, Dep[]>();
    files.set(dep.file, byKey);
    byKey.set(dep.key, [...(byKey.get(dep.key) ?? []), dep]);
  }
  return (dep) => {
    const byKey = files.get(dep.file) ?? new Map<string, Dep[]>();
    const seen = new Set([dep.key]);
    let paths: { at: Dep; path: string[] }[] = [{ at: dep, path: [dep.name] }];
    for (let depth = 0; depth < MAX_WAY && paths.length > 0; depth += 1) {
      const found = paths.find(({ at }) => at.direct === true || at.via.length === 0);
      if (found !== undefined) return found.path;
      const next: typeof paths = [];
      for (const { at, path } of paths) {
        for (const key of at.via) {
          if (seen.has(key)) continue;
          seen.add(key);
          for (const parent of byKey.get(key) ?? []) next.push({ at: parent, path: [parent.name, ...path] });
        }
      }
      paths = next;
    }
    return [dep.name];
  };
}
