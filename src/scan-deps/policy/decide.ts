/** What happens to one finding: the first rule that fits. Malware stands above every switch but an exact, named exception. */
import type { Finding, State } from '../types.ts';
import { rankOf } from './severity.ts';

export type Reaction = 'fail' | 'warn' | 'ignore';

export interface Policy {
  failOn: 'low' | 'medium' | 'high' | 'critical' | 'none';
  unknownSeverity: Reaction;
  unpinned: Reaction;
  devDependencies: Reaction;
  onlyFixed: boolean;
}

export interface Decision {
  state: State;
  reason: string;
}

const NOT_ALL = 'not every version that the requirement allows is affected';

type Judged = Omit<Finding, 'state' | 'reason'>;

/** @param ignored reason of an ignore entry that applies */
export function decide(f: Judged, policy: Policy, ignored: string | undefined): Decision {
  if (ignored !== undefined) return { state: 'ignored', reason: ignored };
  // Also one that may not be there: who installs it once has lost.
  if (f.malicious) {
    const although = f.verdict === 'possible' ? `, although ${f.doubt ?? NOT_ALL}` : '';
    return { state: 'block', reason: `malicious package: it blocks whatever the settings say${although}` };
  }
  if (f.informational !== undefined)
    return { state: 'info', reason: `no vulnerability, but a notice: ${f.informational}` };
  if (f.baseline === 'existing') return { state: 'existing', reason: 'the base has it too' };
  if ((f.verdict === 'possible' || f.constraintOnly) && policy.unpinned !== 'fail') {
    const why = f.verdict === 'possible' ? (f.doubt ?? NOT_ALL) : 'known from a constraints file only';
    return { state: softened(policy.unpinned), reason: `${why} (unpinned: ${policy.unpinned})` };
  }
  if (f.scope === 'dev' && policy.devDependencies !== 'fail') {
    const reason = `used in development only (dev-dependencies: ${policy.devDependencies})`;
    return { state: softened(policy.devDependencies), reason };
  }
  if (policy.onlyFixed && f.fixed === undefined) return { state: 'warn', reason: 'no fixed version (only-fixed)' };
  if (f.level === 'unknown') {
    const state = policy.unknownSeverity === 'fail' ? 'block' : softened(policy.unknownSeverity);
    return { state, reason: `nobody scored it (unknown-severity: ${policy.unknownSeverity})` };
  }
  const blocks = policy.failOn !== 'none' && rankOf(f.level) >= rankOf(policy.failOn);
  return { state: blocks ? 'block' : 'warn', reason: `${f.level}, fail-on is ${policy.failOn}` };
}

const softened = (reaction: Reaction): State => (reaction === 'ignore' ? 'info' : 'warn');
