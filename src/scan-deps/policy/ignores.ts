/** Which entry of the ignore file applies to a finding. */
import picomatch from 'picomatch';
import { normaliseName } from '../osv/names.ts';
import type { Finding, IgnoreState } from '../types.ts';
import { orderOf } from '../version/index.ts';
import { endOfDay, type IgnoreEntry } from './ignore-file.ts';

type Judged = Omit<Finding, 'state' | 'reason'>;

export interface Ignores {
  /** The reason of the first valid entry that matches. */
  reasonFor(finding: Judged): string | undefined;
  /** Every entry with what became of it; call it after all findings were asked. */
  states(): IgnoreState[];
  /** Entries that would match malware, but do not name package and exact version. */
  refused(): IgnoreEntry[];
}

const DAY = 86_400;

/**
 * @param now unix seconds; an entry holds through its last day, UTC
 * @param base entries of the base's file, where a change is judged: the others are new in it
 */
export function openIgnores(entries: readonly IgnoreEntry[], now: number, base?: readonly IgnoreEntry[]): Ignores {
  const before = new Set(base?.map(textOf));
  const used = new Set<IgnoreEntry>();
  const refused = new Set<IgnoreEntry>();
  const expired = (entry: IgnoreEntry): boolean => (endOfDay(entry.expires) ?? 0) <= now;
  return {
    reasonFor(finding) {
      for (const entry of entries) {
        if (expired(entry) || !matches(entry, finding)) continue;
        if (finding.malicious && !isExact(entry, finding)) {
          refused.add(entry);
          continue;
        }
        used.add(entry);
        return entry.reason.trim();
      }
      return undefined;
    },
    refused: () => [...refused],
    states: () =>
      entries.map((entry) => ({
        id: entry.id,
        ...(entry.package === undefined ? {} : { package: entry.package }),
        line: entry.line,
        expires: entry.expires,
        reason: entry.reason.trim(),
        state: expired(entry) ? 'expired' : used.has(entry) ? 'used' : 'unused',
        daysLeft: Math.ceil(((endOfDay(entry.expires) ?? now) - now) / DAY),
        ...(base === undefined || before.has(textOf(entry)) ? {} : { newInChange: true as const }),
      })),
  };
}

/** A requirement without one version is never exact: nobody can say which of its versions was looked at. */
function isExact({ package: name, version }: IgnoreEntry, finding: Judged): boolean {
  return name !== undefined && version !== undefined && version === finding.version;
}

/** All that an entry says, whatever its line. A later expiry is a new decision too. */
function textOf(e: IgnoreEntry): string {
  return JSON.stringify([e.id.toLowerCase(), e.package, e.ecosystem, e.version, e.path, e.reason.trim(), e.expires]);
}

function matches(entry: IgnoreEntry, f: Judged): boolean {
  if (!f.ids.some((id) => id.toLowerCase() === entry.id.toLowerCase())) return false;
  if (entry.ecosystem !== undefined && entry.ecosystem !== f.eco) return false;
  if (entry.package !== undefined && normaliseName(f.eco, entry.package) !== f.key) return false;
  if (entry.version !== undefined && !holds(f.eco, entry.version, f.version)) return false;
  return entry.path === undefined || picomatch.isMatch(f.file, entry.path, { dot: true });
}

/** `1.2.3`, or clauses such as `>=1,<2` (commas or blanks) over the ecosystem's own order. */
function holds(eco: Judged['eco'], wanted: string, version: string | undefined): boolean {
  if (version === undefined) return false;
  const order = orderOf(eco);
  const own = order.parse(version);
  return wanted.split(/[,\s]+/).every((clause) => {
    const [, operator = '', text = ''] = /^(>=|<=|==|=|>|<|)(.*)$/.exec(clause) ?? [];
    const other = order.parse(text);
    if (own === undefined || other === undefined) return text === version;
    const side = order.compare(own, other);
    if (operator === '>=') return side >= 0;
    if (operator === '<=') return side <= 0;
    if (operator === '>') return side > 0;
    if (operator === '<') return side < 0;
    return side === 0;
  });
}
