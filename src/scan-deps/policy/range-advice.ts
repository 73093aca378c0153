import type { Finding } from '../types.ts';

type Facts = Pick<Finding, 'eco' | 'package' | 'range' | 'fixed' | 'freshInstall' | 'safeRange'>;

/** What to do about a requirement without one version, in a sentence or two. Plain text; the writers escape it. */
export function rangeAdvice(f: Facts): string {
  const newest = {
    safe: 'A fresh install gets a version that is not affected, an old lock or cache may not.',
    affected: 'Also the newest version that it allows is affected.',
    unknown: 'Whether the newest version that it allows is affected depends on what is published.',
  }[f.freshInstall ?? 'unknown'];
  if (f.safeRange === undefined) return `${newest} No fixed version is known.`;
  return `${newest} Write ${requirement(f, f.safeRange)}.`;
}

function requirement({ eco, package: name }: Facts, range: string): string {
  if (eco === 'PyPI') return `${name}${range}`;
  return eco === 'npm' ? `"${name}": ${JSON.stringify(range)}` : `${name} ${range}`;
}
