/** Which advisories of the list a query hits. The matching itself is the scanner's: the lab stands in for the wire, not for OSV's judgement. */

import { affects, entriesOf } from '../../src/scan-deps/osv/match.ts';
import { normaliseName } from '../../src/scan-deps/osv/names.ts';
import { isProblem, parseRecord } from '../../src/scan-deps/osv/record.ts';
import { ECOSYSTEMS } from '../../src/scan-deps/types.ts';

export interface Advisory {
  id: string;
  modified?: string;
  [key: string]: unknown;
}

export interface OsvQuery {
  package?: { name?: string; ecosystem?: string };
  version?: string;
  page_token?: string;
}

/**
 * Sorted by id; without a version all live advisories of the package. An ecosystem the scanner does not know gives nothing.
 * Only names of PyPI are normalised: the API compares all others as they are spelt. https://github.com/google/osv.dev/issues/5292
 */
export function matching(advisories: readonly Advisory[], query: OsvQuery): Advisory[] {
  const { name, ecosystem } = query.package ?? {};
  const eco = ECOSYSTEMS.find((one) => one === ecosystem);
  if (name === undefined || eco === undefined) return [];
  const key = normaliseName(eco, name);
  return advisories
    .filter((advisory) => {
      const record = parseRecord(advisory);
      if (isProblem(record) || record.withdrawn !== undefined) return false;
      const spelt = entriesOf(eco, record, key).filter((entry) => eco === 'PyPI' || entry.package?.name === name);
      if (query.version === undefined || spelt.length === 0) return spelt.length > 0;
      return typeof affects(eco, { ...record, affected: spelt }, key, query.version) === 'object';
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
