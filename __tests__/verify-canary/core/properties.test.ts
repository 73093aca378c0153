import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Arm,
  canonicalLine,
  createJudge,
  type Interval,
  type JudgeConfigInput,
  parseLine,
  type TraceLine,
  type Verdict,
} from '../../../src/verify-canary/core/index.ts';
import { EVENTS, FLAGS, GAPS, ROLLOUT_MODES } from '../../../src/verify-canary/core/types.ts';

const count = fc.oneof(fc.nat(50), fc.nat(100_000), fc.maxSafeNat());
const arm: fc.Arbitrary<Arm> = fc.oneof(
  fc.record({ n: count, e: count }),
  fc.record({
    n: count,
    x: fc.double({ min: 0, max: 1e21, noNaN: true }).map((x) => x + 0),
    pods: fc.integer({ min: 1, max: 50 }),
  }),
  fc
    .array(
      fc.tuple(
        fc.double({ min: 0, max: 1e9, noNaN: true }).map((x) => x + 0),
        count,
      ),
      { maxLength: 5 },
    )
    .map((pairs): Arm => {
      const counts = pairs.map(([, c]) => c).sort((a, b) => a - b);
      const bounds = [...new Set(pairs.map(([b]) => b))].sort((a, b) => a - b);
      return { n: counts.at(-1) ?? 0, le: Object.fromEntries(bounds.map((b, i) => [String(b), counts[i] ?? 0])) };
    }),
);
const pairOf = <T>(value: fc.Arbitrary<T>) => fc.record({ stable: value, canary: value });
const metricName = fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/);
const podName = fc.stringMatching(/^[A-Za-z0-9[][!-~]{0,50}$/);
const podCounts = fc.dictionary(metricName, fc.record({ n: count, e: count }), { noNullPrototype: true });
const millis = fc.integer({ min: 0, max: 1e13 });
const interval: fc.Arbitrary<Interval> = fc
  .record(
    {
      v: fc.constant(1 as const),
      step: fc.option(fc.string({ maxLength: 64 })),
      weight: fc.option(fc.double({ min: 1e-9, max: 100, noNaN: true })),
      start: millis.map((t) => t / 1000),
      end: millis.map((t) => t / 1000),
      traffic: pairOf(count),
      metrics: fc.dictionary(metricName, pairOf(fc.option(arm)), {
        noNullPrototype: true,
      }),
      pods: pairOf(fc.dictionary(podName, podCounts, { noNullPrototype: true, maxKeys: 20 })),
      nodes: fc.dictionary(podName, podName, { noNullPrototype: true, maxKeys: 40 }),
      gap: fc.constantFrom(...GAPS),
      flags: fc.array(fc.constantFrom(...FLAGS)),
    },
    { requiredKeys: ['v', 'step', 'weight', 'start', 'end'] },
  )
  .chain((l) => fc.constantFrom(l, { ...l, step: null, weight: 0 }))
  .map((l) => ({ ...l, start: Math.min(l.start, l.end), end: Math.max(l.start, l.end) }))
  .filter((l) => l.start < l.end);
const words = fc.string({ unit: 'binary', maxLength: 40 });
const line: fc.Arbitrary<TraceLine> = fc.oneof(
  { weight: 4, arbitrary: interval },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        v: fc.constant(1 as const),
        type: fc.constant('event' as const),
        at: millis.map((t) => t / 1000),
        event: fc.constantFrom(...EVENTS),
        detail: words,
      },
      { requiredKeys: ['v', 'type', 'at', 'event'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      v: fc.constant(1 as const),
      type: fc.constant('header' as const),
      app: words,
      revision: words,
      image: words,
      note: words,
    }),
  },
);

describe('T02 one spelling', () => {
  test('reading what was written gives the line again, and writing that gives the same text', () => {
    fc.assert(
      fc.property(line, fc.array(fc.constantFrom('a', 'b', 'c')), (l, order) => {
        const text = canonicalLine(l, order);
        expect(parseLine(text)).toEqual(l);
        expect(canonicalLine(parseLine(text), order)).toBe(text);
      }),
      { seed: 2, numRuns: 1000 },
    );
  });
});

/** Nothing ends a run, so that all evidence of a trace can be compared. */
const endless: JudgeConfigInput = {
  warmup: 60,
  settle: 0,
  alpha: 1e-300,
  blind: 1e9,
  silent: 1e9,
  share: { mode: 'observe' },
  steps: [5, 25, 50].map((weight) => ({ weight, min: 1e9, max: 1e9 })),
  metrics: [
    { name: 'errors', kind: 'ratio', slo: 0.01 },
    { name: 'latency', kind: 'latency', le: [0.5] },
    { name: 'cpu', kind: 'cpu', block: 30 },
  ],
};

const small = fc.nat(40);
const ratioArm = fc.option(fc.record({ n: small, e: fc.nat(5) }));
const latencyArm = fc
  .option(fc.record({ n: small, slow: fc.nat(5) }))
  .map((a) => (a === null ? null : { n: a.n + 10, le: { '0.5': a.n + 10 - a.slow } }));
const cpuArm = fc.option(fc.record({ n: fc.integer({ min: 1, max: 40 }), x: fc.nat(9), pods: fc.constant(1) }), {
  freq: 20,
});
interface Part {
  seconds: number;
  hole: number;
  step: number | null;
  gap: (typeof GAPS)[number] | null;
  metrics: Interval['metrics'];
}
const part: fc.Arbitrary<Part> = fc.record({
  seconds: fc.constantFrom(10, 15, 30),
  hole: fc.constantFrom(0, 0, 20),
  step: fc.constantFrom(null, 5, 25, 25, 25, 25, 25, 25),
  gap: fc.option(fc.constantFrom(...GAPS), { freq: 1 }).chain((g) => fc.constantFrom(null, null, null, g)),
  metrics: fc.record({ errors: pairOf(ratioArm), latency: pairOf(latencyArm), cpu: pairOf(cpuArm) }),
});

function lay(parts: readonly Part[]): Interval[] {
  let at = 1_700_000_000;
  return parts.map(({ seconds, hole, step, gap, metrics }) => {
    const start = at + hole;
    at = start + seconds;
    const where = { step: step === null ? null : String(step), weight: step };
    return { v: 1, ...where, start, end: at, ...(gap === null ? { metrics } : { gap }) };
  });
}

/** Every run reads the text of all runs before it, and adds its own lines. @param early the run begins with the hole */
function inRuns(lines: readonly Interval[], cuts: ReadonlySet<number>, early: boolean, rules = endless): Verdict {
  let texts: string[] = [];
  let judge = createJudge(rules);
  lines.forEach((l, i) => {
    const before = lines[i - 1]?.end ?? l.start;
    if (cuts.has(i)) {
      judge = createJudge(rules);
      texts = texts.map((text) => {
        judge.observe(parseLine(text));
        return canonicalLine(parseLine(text));
      });
      const run: TraceLine = { v: 1, type: 'event', at: early ? before : l.start, event: 'run' };
      texts.push(canonicalLine(run));
      judge.observe(run);
    }
    texts.push(canonicalLine(l));
    judge.observe(l);
  });
  return judge.verdict();
}

describe('T02 any number of runs', () => {
  test('cut at any line, into any number of runs, a trace gives the same evidence', () => {
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 2, maxLength: 25, size: 'max' }),
        fc.array(fc.nat(24), { maxLength: 4, size: 'max' }),
        (parts, cuts) => {
          const lines = lay(parts);
          const at = new Set(cuts.map((cut) => cut % lines.length));
          const whole = inRuns(lines, new Set(), true);
          expect(inRuns(lines, at, true)).toEqual(whole);
          expect(inRuns(lines, at, false)).toEqual(whole);
        },
      ),
      { seed: 3, numRuns: 100 },
    );
  });

  test.each(ROLLOUT_MODES)('so does one with pods and a baseline, phi measured, mode %s', (mode) => {
    const metrics = endless.metrics.map((m) => (m.kind === 'cpu' ? m : { ...m, phi: 'auto' as const }));
    const rules = { ...endless, mode, metrics };
    const pod = fc.record({ errors: fc.record({ n: small, e: fc.nat(5) }) });
    const fleet = pairOf(fc.dictionary(fc.constantFrom('a', 'b', 'c'), pod, { noNullPrototype: true }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(part, fleet), { minLength: 6, maxLength: 25, size: 'max' }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(24), { maxLength: 4, size: 'max' }),
        (parts, before, cuts) => {
          const lines = lay(parts.map(([p]) => p)).map(({ gap, ...l }, i): Interval => {
            const pods = parts[i]?.[1] ?? { stable: {}, canary: {} };
            if (i >= before) return gap === undefined ? { ...l, pods } : { ...l, gap };
            const stable = Object.entries(l.metrics ?? {}).map(([name, arms]) => [name, { ...arms, canary: null }]);
            return { ...l, step: null, weight: 0, metrics: Object.fromEntries(stable), pods };
          });
          const at = new Set(cuts.map((cut) => cut % lines.length));
          expect(inRuns(lines, at, true, rules)).toEqual(inRuns(lines, new Set(), true, rules));
        },
      ),
      { seed: 9, numRuns: 15 },
    );
  });

  test('asking for the verdict, or for the evidence, changes nothing', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 15 }), (parts) => {
        const [asked, silent] = [createJudge(endless), createJudge(endless)];
        for (const l of lay(parts)) {
          asked.verdict();
          asked.evidence();
          expect(asked.observe(l)).toEqual(silent.observe(l));
        }
        expect(asked.verdict()).toEqual(asked.verdict());
        expect(asked.verdict()).toEqual(silent.verdict());
      }),
      { seed: 4, numRuns: 40 },
    );
  });
});

describe('T41 how time is cut does not matter', () => {
  test('an interval in parts of equal rho inside one minute gives the same evidence', () => {
    const halves = fc.record({
      events: fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { minLength: 1, maxLength: 6 }),
      rho: fc.constantFrom([19, 1], [3, 1], [1, 1]),
    });
    fc.assert(
      fc.property(fc.array(halves, { minLength: 1, maxLength: 12 }), (minutes) => {
        const [whole, parts] = [createJudge(endless), createJudge(endless)];
        minutes.forEach(({ events, rho }, minute) => {
          const [stable = 0, canary = 0] = rho;
          const each = 60 / events.length;
          const start = 1000 + minute * 60;
          const one = (from: number, seconds: number, times: number, e0: number, e1: number): Interval => ({
            v: 1,
            step: '5',
            weight: 5,
            start: from,
            end: from + seconds,
            metrics: {
              errors: { stable: { n: stable * times, e: e0 }, canary: { n: canary * times, e: e1 } },
              latency: {
                stable: { n: stable * times, le: { '0.5': stable * times - e0 } },
                canary: { n: canary * times, le: { '0.5': canary * times - e1 } },
              },
            },
          });
          const sum = (which: 0 | 1) => events.reduce((total, e) => total + e[which], 0);
          whole.observe(one(start, 60, 20 * events.length, sum(0), sum(1)));
          events.forEach(([e0, e1], i) => {
            parts.observe(one(start + i * each, each, 20, e0, e1));
          });
        });
        const [a, b] = [whole.evidence(), parts.evidence()];
        [...a.fail, ...a.pass].forEach((log, i) => {
          const other = [...b.fail, ...b.pass][i] ?? null;
          if (log === null) expect(other).toBeNull();
          else expect(Math.abs(log - (other ?? Number.NaN))).toBeLessThanOrEqual(1e-9);
        });
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});
