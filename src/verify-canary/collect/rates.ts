/** How much traffic there is now, and how many events stable shows: what the power of a run depends on. */
import type { CanaryConfig } from '../config.ts';
import type { Arm, Interval, Pair, TraceLine } from '../core/index.ts';
import { type ArmCounts, type ArmName, assemble, planWants, type Told } from './plan.ts';
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
  const reader = rangeReader({
    client,
    wants: planWants(config),
    arms,
    podLabel: undefined,
    warmup: 0,
    interval: config.interval,
    concurrent: config.judge.mode === 'concurrent',
  });
  const range = await reader.read(at - WINDOW, at, 4, signal);
  const count = (arm: ArmName): ArmCounts => range.count(arm, at - WINDOW, at, Number.POSITIVE_INFINITY);
  const counted = { stable: count('stable'), canary: count('canary') };
  const traffic = (arm: ArmName): Told => assemble(config, counted, arm);
  const [stable, canary] = [traffic('stable'), traffic('canary')];
  if ('gap' in stable) return null;
  const requests = 'gap' in canary ? 0 : (canary.traffic?.canary ?? 0);
  const own = { ...stable, traffic: { stable: stable.traffic?.stable ?? 0, canary: requests } };
  return ratesOf([{ v: 1, step: null, weight: null, start: at - WINDOW, end: at, ...own }]);
}

/** The same from lines of a trace: the history, or the baseline. @returns null when stable has no traffic in them */
export function ratesOf(lines: readonly TraceLine[]): Rates | null {
  const used = lines.filter((line): line is Interval => !('type' in line) && line.gap === undefined);
  const seconds = used.reduce((sum, line) => sum + line.end - line.start, 0);
  const requests = (arm: ArmName): number => used.reduce((sum, line) => sum + (line.traffic?.[arm] ?? 0), 0);
  if (seconds === 0 || requests('stable') === 0) return null;
  const events = new Map<string, { n: number; slower: Map<string, number> }>();
  for (const { metrics = {} } of used) {
    for (const [name, { stable }] of Object.entries(metrics)) note(events, name, stable);
  }
  const shares: Record<string, Rates['shares'][string]> = {};
  for (const [name, { n, slower }] of events) {
    if (n === 0) continue;
    const own = [...slower].map(([bound, e]): [string, number] => [bound, Math.min(1, e / n)]);
    shares[name] = slower.has(RATIO) ? (own[0]?.[1] ?? 0) : Object.fromEntries(own);
  }
  return { perSecond: (requests('stable') + requests('canary')) / seconds, shares };
}

/** Stands for the bound that a ratio metric does not have. */
const RATIO = '';

function note(into: Map<string, { n: number; slower: Map<string, number> }>, name: string, arm: Arm | null): void {
  if (arm === null || 'x' in arm) return;
  const known = into.get(name) ?? { n: 0, slower: new Map<string, number>() };
  into.set(name, known);
  known.n += arm.n;
  const add = (bound: string, e: number): void => void known.slower.set(bound, (known.slower.get(bound) ?? 0) + e);
  if ('e' in arm) add(RATIO, arm.e);
  else for (const [bound, fast] of Object.entries(arm.le)) add(bound, arm.n - fast);
}
