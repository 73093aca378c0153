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
import { failProcess } from './ratio.ts';
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
  const listed = line.pods?.canary ?? {};
  // In the order of the set: a line that was read again may list its pods in another one.
  const out = [...pods]
    .map((pod) => (Object.hasOwn(listed, pod) ? listed[pod] : undefined))
    .filter((c) => c !== undefined);
  if (out.length === 0 || line.metrics === undefined) return line;
  const metrics = { ...line.metrics };
  for (const m of config.metrics) {
    const arms = armsIn(line, m.name);
    const bound = podBound(m);
    if (arms === undefined || arms.canary === null || bound === undefined) continue;
    let canary = arms.canary as Exclude<Arm, CpuArm>;
    for (const counts of out) if (Object.hasOwn(counts, m.name)) canary = less(canary, counts[m.name], bound);
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

/**
 * The pod that a fail rests on, if there is one. (That the evidence falls below the limit without it would say nothing: at the
 * moment of a fail it does so without any pod.) Two things must be so of a metric's worst pod:
 * - without it the others show nothing: of the evidence at the limit they keep less than half of what their share of the
 *   requests would leave, were all pods alike;
 * - and it is worse than the others by {@link ODD_ONE}, in the same test, with them as the stable arm.
 * @param gone pods that are left out already @param limit ln 1/alpha
 */
export function lonePod(past: Past, config: JudgeConfig, gone: ReadonlySet<string>, limit: number): LonePod | null {
  let [found, least] = [null as string | null, Number.POSITIVE_INFINITY];
  for (const m of config.metrics) {
    const odd = m.mode === 'enforce' ? oddPod(past, config, m, gone) : null;
    if (odd === null) continue;
    const rest = replay(past, config, new Set([...gone, odd.pod])).logE();
    if (rest < (limit * (1 - odd.share)) / 2 && rest < least) [found, least] = [odd.pod, rest];
  }
  return found === null ? null : { pod: found, node: nodeOf(past, found) };
}

/**
 * ln evidence. In simulation, of rollouts whose pods are all alike and bad, at most 4 in 100 are held for one of two pods, and of
 * those with one bad pod 93 in 100 or more are; ten would be 1 and 87 in 100.
 */
const ODD_ONE = Math.log(3);

/** The canary pod with most events beyond stable's rate, when it differs from the others; and its share of the requests. */
function oddPod(
  past: Past,
  config: JudgeConfig,
  m: MetricConfig,
  gone: ReadonlySet<string>,
): { pod: string; share: number } | null {
  const rows = rowsOf(past, config, m, gone);
  const excess = new Map<string, number>();
  for (const { pods, rate } of rows) {
    for (const [pod, { n, e }] of pods) excess.set(pod, (excess.get(pod) ?? 0) + e - n * rate);
  }
  const [worst] = [...excess].sort(([a, s], [b, t]) => t - s || (a < b ? -1 : 1));
  if (worst === undefined) return null;
  const [name] = worst;
  const odd = failProcess(0, m.phi);
  let [own, all, slot] = [0, 0, null as number | null];
  for (const row of rows) {
    const sum = { n: 0, e: 0 };
    for (const { n, e } of row.pods.values()) {
      sum.n += Math.max(n, e);
      sum.e += e;
    }
    const { n, e } = row.pods.get(name) ?? { n: 0, e: 0 };
    own += n;
    all += sum.n;
    if (slot !== null && row.slot > slot) odd.inject();
    slot = row.slot;
    odd.add(sum.n - Math.max(n, e), Math.max(n, e), sum.e - e, e);
  }
  return odd.logE() < ODD_ONE ? null : { pod: name, share: own / all };
}

interface Row {
  slot: number;
  /** Events per request of the stable version. */
  rate: number;
  pods: Map<string, RatioArm>;
}

/** What two canary pods or more counted at the same time, beside the stable version. */
function rowsOf(past: Past, config: JudgeConfig, m: MetricConfig, gone: ReadonlySet<string>): Row[] {
  const bound = podBound(m);
  const rows: Row[] = [];
  let first: number | null = null;
  for (const line of past) {
    if ('restart' in line || bound === undefined) continue;
    first ??= line.start;
    const stable = armsIn(line, m.name)?.stable as RatioArm | LatencyArm | null | undefined;
    if (line.gap !== undefined || line.start < first + config.warmup || !stable || stable.n === 0) continue;
    const pods = new Map<string, RatioArm>();
    for (const [pod, counts] of Object.entries(line.pods?.canary ?? {})) {
      const c = Object.hasOwn(counts, m.name) ? counts[m.name] : undefined;
      if (c !== undefined && c.n > 0 && !gone.has(pod)) pods.set(pod, c);
    }
    const slot = Math.floor((line.start - first) / 60);
    if (pods.size > 1) rows.push({ slot, rate: events(stable, bound) / stable.n, pods });
  }
  return rows;
}

function nodeOf(past: Past, pod: string): string | null {
  for (const line of [...past].reverse()) {
    if ('nodes' in line && line.nodes !== undefined && Object.hasOwn(line.nodes, pod)) return line.nodes[pod] ?? null;
  }
  return null;
}
