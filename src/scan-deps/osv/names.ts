import type { Ecosystem } from '../types.ts';

/** The form in which two spellings of one package are equal. */
export function normaliseName(eco: Ecosystem, name: string): string {
  switch (eco) {
    case 'PyPI':
      // PEP 503.
      return name.toLowerCase().replace(/[-_.]+/g, '-');
    case 'NuGet':
    case 'Packagist':
      return name.toLowerCase();
    case 'Go':
      // The language and the toolchain ship the standard library; advisories of both are asked under one name.
      return name === 'go' || name === 'toolchain' ? 'stdlib' : name;
    default:
      // npm, crates.io, RubyGems and Maven (group:artifact): exact, case counts.
      return name;
  }
}
