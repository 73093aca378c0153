import type { Ecosystem } from '../types.ts';

const CASELESS: readonly Ecosystem[] = ['NuGet', 'Packagist'];

/** Names that differ only in case are one package; the OSV API takes them for two all the same. */
export const isCaseless = (eco: Ecosystem): boolean => CASELESS.includes(eco);

/** The form in which two spellings of one package are equal. */
export function normaliseName(eco: Ecosystem, name: string): string {
  if (isCaseless(eco)) return name.toLowerCase();
  switch (eco) {
    case 'PyPI':
      // PEP 503.
      return name.toLowerCase().replace(/[-_.]+/g, '-');
    case 'Go':
      // The language and the toolchain ship the standard library; advisories of both are asked under one name.
      return name === 'go' || name === 'toolchain' ? 'stdlib' : name;
    default:
      // npm, crates.io, RubyGems and Maven (group:artifact): exact, case counts.
      return name;
  }
}
