import { compareText } from '../osv/groups.ts';
import { rankOf } from '../policy/severity.ts';
import type { Finding, State } from '../types.ts';

const STATES: readonly State[] = ['block', 'warn', 'existing', 'info', 'ignored'];

/** Worst first: state, malware, level (unknown stands with high), a fix at hand; then a fixed order for equal bytes. */
export function byWeight(a: Finding, b: Finding): number {
  const level = (f: Finding): number => (f.level === 'unknown' ? rankOf('high') : rankOf(f.level));
  return (
    STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
    Number(b.malicious) - Number(a.malicious) ||
    level(b) - level(a) ||
    Number(b.fixed !== undefined) - Number(a.fixed !== undefined) ||
    compareText(a.file, b.file) ||
    a.line - b.line ||
    compareText(a.key, b.key) ||
    compareText(a.id, b.id)
  );
}
