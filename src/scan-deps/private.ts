import { normaliseName } from './osv/names.ts';
import type { Dep } from './types.ts';

/** @param patterns `name`, `@scope/*`, `prefix-*` @returns true for packages whose names must never leave the runner */
export function privateMatcher(patterns: readonly string[]): (dep: Dep) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  const both = (dep: Dep, test: (name: string, form: (pattern: string) => string) => boolean): boolean =>
    test(dep.name, (p) => p) || test(dep.key, (p) => normaliseName(dep.eco, p));
  return (dep) =>
    both(
      dep,
      (name, form) => [...exact].some((p) => form(p) === name) || prefixes.some((p) => name.startsWith(form(p))),
    );
}
