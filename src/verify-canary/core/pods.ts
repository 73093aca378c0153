/**
 * One bad pod is not a bad version. When a fail rests on the events of a single canary pod, the run is held instead.
 *
 * What it does to the bounds: a fail needs the evidence of all pods together at 1/alpha, whatever is left out here, so that
 * leaving out can only turn a fail into a hold: false fails stay below alpha. That also holds after the hold, where the
 * pod's events no longer count for a fail (they do for a pass): the first crossing came before. It is power that is given
 * away, and only on a canary whose harm is on one pod of several. A hold is never a pass.
 */
import { podBound } from './defaults.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { events } from './metric.ts';
import { armsIn } from './step.ts';
import type { Arm, CpuArm, Interval, JudgeConfig, LatencyArm, MetricConfig, RatioArm } from './types.ts';

/** Everything that a ledger was told. `restart`: the weight of a step that began anew. */
export type Past = readonly (Interval | { restart: number | null })[];

/** A ledger that was told the past as if the pods had not been there. */
export function replay(past: Past, config: JudgeConfig, pods: ReadonlySet<string>): Ledger {
  const ledger = createLedger(config);
  for (const line of past) {
    if ('restart' in line) ledger.restart(line.restart);
    else ledger.observe(without(line, config, pods));
  }
  return ledger;
}

/** The line without what the pods counted. CPU is not counted by pod: it stays. */
export function without(line: Interval, config: JudgeConfig, pods: ReadonlySet<string>): Interval {
  const out = Object.entries(line.pods?.canary ?? {}).filter(([pod]) => pods.has(pod));
  if (out.length === 0 || line.metrics === undefined) return line;
  const metrics = { ...line.metrics };
  for (const m of config.metrics) {
    const arms = armsIn(line, m.name);
    const bound = podBound(m);
    if (arms === undefined || arms.canary === null || bound === undefined) continue;
    let canary = arms.canary as Exclude<Arm, CpuArm>;
    for (const [, counts] of out) if (Object.hasOwn(counts, m.name)) canary = less(canary, counts[m.name], bound);
    metrics[m.name] = { ...arms, canary };
  }
  return { ...line, metrics };
}

/** At the other bounds of a latency metric the pod has the share of slow requests that it has at its own. */
function less(arm: RatioArm | LatencyArm, pod: RatioArm | undefined, bound: number | null): RatioArm | LatencyArm {
  if (pod === undefined) return arm;
  const n = Math.max(0, arm.n - pod.n);
  const all = events(arm, bound);
  const left = (e: number): number =>
    Math.round(e * (1 - Math.min(1, all > 0 ? pod.e / all : pod.n / Math.max(1, arm.n))));
  if ('e' in arm) return { n, e: left(arm.e) };
  const le = Object.entries(arm.le).map(([key, fast]) => [key, n - Math.min(n, left(arm.n - fast))]);
  return { n, le: Object.fromEntries(le) };
}

export interface LonePod {
  pod: string;
  node: string | null;
}

interface Tally {
  n: number;
  excess: number;
}

/**
 * The pod without which the others show nothing: of the evidence at the limit they keep less than half of what their share
 * of the requests would leave, were all pods alike. (That it merely falls below the limit would say nothing: at the moment
 * of a fail it does so without any pod.)
 * @param gone pods that are left out already @param limit ln 1/alpha
 */
export function lonePod(past: Past, config: JudgeConfig, gone: ReadonlySet<string>, limit: number): LonePod | null {
  const suspects = new Map<string, number>();
  for (const m of config.metrics) {
    if (m.mode !== 'enforce') continue;
    const worst = worstPod(past, config, m, gone);
    if (worst !== null) suspects.set(worst.pod, Math.max(worst.share, suspects.get(worst.pod) ?? 0));
  }
  let [found, least] = [null as string | null, Number.POSITIVE_INFINITY];
  for (const [pod, share] of suspects) {
    const rest = replay(past, config, new Set([...gone, pod])).logE();
    if (rest < (limit * (1 - share)) / 2 && rest < least) [found, least] = [pod, rest];
  }
  return found === null ? null : { pod: found, node: nodeOf(past, found) };
}

/** The canary pod with most events beyond stable's rate, and its share of the requests; null without a second pod. */
function worstPod(
  past: Past,
  config: JudgeConfig,
  m: MetricConfig,
  gone: ReadonlySet<string>,
): { pod: string; share: number } | null {
  const bound = podBound(m);
  const pods = new Map<string, Tally>();
  let total = 0;
  let first: number | null = null;
  for (const line of past) {
    if ('restart' in line || bound === undefined) continue;
    first ??= line.start;
    if (line.gap !== undefined || line.start < first + config.warmup) continue;
    const stable = armsIn(line, m.name)?.stable as RatioArm | LatencyArm | null | undefined;
    const counted = Object.entries(line.pods?.canary ?? {}).flatMap(([pod, counts]) => {
      const c = Object.hasOwn(counts, m.name) ? counts[m.name] : undefined;
      return c === undefined || c.n === 0 || gone.has(pod) ? [] : [{ pod, ...c }];
    });
    if (!stable || stable.n === 0 || counted.length < 2) continue;
    for (const { pod, n, e } of counted) {
      const tally = pods.get(pod) ?? { n: 0, excess: 0 };
      pods.set(pod, { n: tally.n + n, excess: tally.excess + e - (n * events(stable, bound)) / stable.n });
      total += n;
    }
  }
  const [worst] = [...pods].sort(([a, s], [b, t]) => t.excess - s.excess || (a < b ? -1 : 1));
  return worst === undefined ? null : { pod: worst[0], share: worst[1].n / total };
}

function nodeOf(past: Past, pod: string): string | null {
  for (const line of [...past].reverse()) {
    if ('nodes' in line && line.nodes !== undefined && Object.hasOwn(line.nodes, pod)) return line.nodes[pod] ?? null;
  }
  return null;
}
