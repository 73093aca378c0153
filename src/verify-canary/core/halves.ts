/** The A/A check: the very test of the rollout, on two parts of the stable version that must not differ. */
import { failRatio, podBound } from './defaults.ts';
import { logAddExp, logSumExp } from './log.ts';
import { createTerms } from './ratio.ts';
import { createStream } from './stream.ts';
import type { JudgeConfig, PodCounts, RatioArm } from './types.ts';

/** Counts of one part, by metric. */
export type Part = ReadonlyMap<string, RatioArm>;

export interface Comparison {
  add(a: Part, b: Part, start: number): void;
  /** ln evidence that one part is worse than the other, either way round; null while there was nothing to compare. */
  logE(): number | null;
}

export function createComparison(config: JudgeConfig): Comparison {
  const counted = config.metrics.filter((m) => m.mode === 'enforce' && podBound(m) !== undefined);
  const weights = counted.reduce((sum, m) => sum + m.weight, 0);
  const tests = counted.map((m) => {
    const ratio = failRatio(config, m);
    const rules = { le: null, ratio, floor: m.fail.floor, phi: m.phi, slo: null, guards: false };
    const terms = createTerms(Math.log(ratio), 1);
    return { name: m.name, share: Math.log(m.weight / weights), ways: [0, 1].map(() => createStream(rules, terms)) };
  });
  let first: number | null = null;
  let any = false;
  return {
    add(a, b, start) {
      first ??= start;
      const slot = Math.floor((start - first) / 60);
      for (const { name, ways } of tests) {
        const [x, y] = [a.get(name), b.get(name)];
        if (x === undefined || y === undefined) continue;
        any = true;
        ways[0]?.add({ n0: x.n, e0: x.e, n1: y.n, e1: y.e }, slot, start, false);
        ways[1]?.add({ n0: y.n, e0: y.e, n1: x.n, e1: x.e }, slot, start, false);
      }
    },
    logE() {
      if (!any) return null;
      const [one, other] = [0, 1].map((way) => logSumExp(tests.map((t) => t.share + (t.ways[way]?.logFail() ?? 0))));
      return logAddExp(one ?? 0, other ?? 0) - Math.LN2;
    },
  };
}

/** Splits pods into two parts, the same pod always into the same one: a new pod goes where fewer are, in order of names. */
export function createSplit(): (pods: Readonly<Record<string, PodCounts>>) => [Part, Part] {
  const known = new Map<string, 0 | 1>();
  return (pods) => {
    const names = Object.keys(pods).sort();
    const present: [number, number] = [0, 0];
    for (const name of names) {
      const part = known.get(name);
      if (part !== undefined) present[part] += 1;
    }
    for (const name of names.filter((n) => !known.has(n))) {
      const part = present[0] <= present[1] ? 0 : 1;
      known.set(name, part);
      present[part] += 1;
    }
    const of = (part: 0 | 1): Part => sumOf(names.filter((n) => known.get(n) === part).map((n) => pods[n] ?? {}));
    return [of(0), of(1)];
  };
}

function sumOf(pods: readonly PodCounts[]): Part {
  const sums = new Map<string, RatioArm>();
  for (const pod of pods) {
    for (const [name, { n, e }] of Object.entries(pod)) {
      const sum = sums.get(name) ?? { n: 0, e: 0 };
      sums.set(name, { n: sum.n + n, e: sum.e + e });
    }
  }
  return sums;
}
