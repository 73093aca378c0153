import type { Ecosystem } from '../types.ts';

/** The form in which two spellings of one package are equal. PyPI: PEP 503. npm: names are exact, case counts. */
export function normaliseName(eco: Ecosystem, name: string): string {
  return eco === 'PyPI' ? name.toLowerCase().replace(/[-_.]+/g, '-') : name;
}
