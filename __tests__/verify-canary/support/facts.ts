/** A judged trace as the reports get it. */

import type { CanaryConfig } from '../../../src/verify-canary/config.ts';
import type { TraceLine, Verdict } from '../../../src/verify-canary/core/index.ts';
import { buildResult, type Result } from '../../../src/verify-canary/output.ts';
import type { ReportFacts } from '../../../src/verify-canary/report/facts.ts';
import { openSession } from '../../../src/verify-canary/session.ts';

export interface Judged extends Result {
  facts: ReportFacts;
}

export function judged(config: CanaryConfig, lines: readonly TraceLine[], change?: (v: Verdict) => Verdict): Judged {
  const session = openSession(config, null);
  for (const line of lines) session.feed(line);
  const verdict = change === undefined ? session.verdict() : change(session.verdict());
  const result = buildResult(config, session, null, verdict);
  const digests = { config: config.digest, trace: session.digest() };
  const [moments, events] = [session.moments(), session.events()];
  return { ...result, facts: { config, verdict, message: result.message, digests, moments, events } };
}
