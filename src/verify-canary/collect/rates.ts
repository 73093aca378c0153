/** How much traffic there is now, and how many events stable shows: what the power of a run depends on. */
import type { CanaryConfig } from '../config.ts';
import type { Arm, Pair } from '../core/index.ts';
import { assemble, planWants } from './plan.ts';
import type { Rates } from './power.ts';
import type { PromClient } from './promql.ts';
import { rangeReader } from './range.ts';
import type { Matcher } from './selector.ts';

/** Seconds looked back: long enough for rare events, short enough for the traffic of now. */
const WINDOW = 600;

/**
 * Asks once a selector and version, as an interval of the run does.
 * @param at server time @returns null when stable has no traffic to tell from @throws GapError, ActionError
 */
export async function measureRates(
  client: PromClient,
  config: CanaryConfig,
  arms: Pair<readonly Matcher[]>,
  at: number,
  signal: AbortSignal,
): Promise<Rates | null> {
  const reader = rangeReader({ client, wants: planWants(config), arms, podLabel: undefined, warmup: 0 });
  const range = await reader.read(at - WINDOW, at, 4, signal);
  const count = (arm: 'stable' | 'canary') => range.count(arm, at - WINDOW, at, Number.POSITIVE_INFINITY);
  const counted = { stable: count('stable'), canary: count('canary') };
  const stable = assemble(config, counted, 'stable');
  const canary = assemble(config, counted, 'canary');
  if ('gap' in stable || stable.traffic === undefined || stable.traffic.stable === 0) return null;
  const ofCanary = 'gap' in canary ? 0 : (canary.traffic?.canary ?? 0);
  const shares: Record<string, Rates['shares'][string]> = {};
  for (const [name, arm] of Object.entries(stable.metrics ?? {})) {
    const share = shareOf(arm.stable);
    if (share !== null) shares[name] = share;
  }
  return { perSecond: (stable.traffic.stable + ofCanary) / WINDOW, shares };
}

function shareOf(arm: Arm | null): number | Record<string, number> | null {
  if (arm === null || arm.n === 0) return null;
  if ('e' in arm) return Math.min(1, arm.e / arm.n);
  if ('x' in arm) return null;
  return Object.fromEntries(Object.entries(arm.le).map(([bound, fast]) => [bound, (arm.n - fast) / arm.n]));
}
