/**
 * CVSS v4.0 base score (CVSS-B): section 8.2 of the specification by FIRST. Without threat and environmental metrics
 * EQ4 is never 0, EQ5 is always 0 (E:X counts as E:A) and CR, IR, AR count as high, so 60 of the 270 macro vectors are in reach.
 */
import type { Vector } from './vector.ts';

/** Scores by EQ1 and EQ2; in a row EQ4 = 1 then EQ4 = 2, each for EQ3 and EQ6 = 00, 01, 10, 11, 21. */
const SCORES: Readonly<Record<string, readonly number[]>> = {
  '00': [10, 9.6, 9.3, 9.2, 7.9, 9.3, 9, 8.8, 8, 6.9],
  '01': [9.5, 9.1, 9.2, 8.2, 7.1, 9.2, 8.1, 8.4, 7, 6.3],
  '10': [9.4, 8.9, 8.6, 7.6, 6.5, 8.7, 7.5, 7.2, 5.7, 5.3],
  '11': [9, 7.7, 7.4, 5.9, 5.8, 7.7, 6.6, 6.1, 5.2, 2.3],
  '20': [8.6, 7.4, 7.2, 5.7, 4.7, 7, 5.4, 5.3, 3.6, 2.4],
  '21': [7.3, 5.5, 6.1, 5.1, 2.4, 5.4, 4.3, 4.6, 1.8, 1],
};
const IMPACTS = ['00', '01', '10', '11', '21'];

/** Steps of a value below the worst one of its metric. */
const STEPS: Readonly<Record<string, string>> = {
  AV: 'NALP',
  PR: 'NLH',
  UI: 'NPA',
  AC: 'LH',
  AT: 'NP',
  VC: 'HLN',
  VI: 'HLN',
  VA: 'HLN',
  SC: 'HLN',
  SI: 'HLN',
  SA: 'HLN',
};

interface Class {
  level: number;
  /** The worst vectors of this class, tried in order. */
  worst: readonly Readonly<Record<string, string>>[];
  /** Steps from the worst vector to the mildest one of the class. */
  depth: number;
}

export function scoreV4(v: Vector): number {
  const is = (name: string, value: string): boolean => v.metrics.get(name) === value;
  const impacts = ['VC', 'VI', 'VA', 'SC', 'SI', 'SA'];
  if (impacts.every((name) => is(name, 'N'))) return 0;
  const eq1 = reach(is);
  const eq2 = is('AC', 'L') && is('AT', 'N') ? EQ2[0] : EQ2[1];
  const { impact, key } = harm(is);
  const eq4 = ['SC', 'SI', 'SA'].some((name) => is(name, 'H')) ? EQ4[0] : EQ4[1];
  const score = (a: number, b: number, c: string, d: number): number | undefined =>
    IMPACTS.includes(c)
      ? SCORES[`${a}${b}`]?.[IMPACTS.indexOf(c) + (d === 1 ? 0 : d === 2 ? 5 : Number.NaN)]
      : undefined;
  const at = score(eq1.level, eq2.level, key, eq4.level) ?? 0;
  const lowerImpact = (LOWER[key] ?? []).map((next) => score(eq1.level, eq2.level, next, eq4.level) ?? 0);
  const steps: [Class, number | undefined][] = [
    [eq1, score(eq1.level + 1, eq2.level, key, eq4.level)],
    [eq2, score(eq1.level, eq2.level + 1, key, eq4.level)],
    [impact, lowerImpact.length === 0 ? undefined : Math.max(...lowerImpact)],
    [eq4, score(eq1.level, eq2.level, key, eq4.level + 1)],
  ];
  let sum = 0;
  // EQ5 always has a next lower macro vector and a distance of zero: it counts in the mean and adds nothing.
  let count = 1;
  for (const [one, next] of steps) {
    if (next === undefined) continue;
    count += 1;
    sum += (at - next) * (distance(v, one) / one.depth);
  }
  return Math.round((Math.min(10, Math.max(0, at - sum / count)) + 1e-6) * 10) / 10;
}

type Is = (name: string, value: string) => boolean;

function reach(is: Is): Class {
  const open = [is('AV', 'N'), is('PR', 'N'), is('UI', 'N')];
  if (open.every(Boolean)) return { level: 0, worst: [{ AV: 'N', PR: 'N', UI: 'N' }], depth: 1 };
  if (is('AV', 'P') || !open.some(Boolean)) {
    return {
      level: 2,
      worst: [
        { AV: 'P', PR: 'N', UI: 'N' },
        { AV: 'A', PR: 'L', UI: 'P' },
      ],
      depth: 5,
    };
  }
  const worst = [
    { AV: 'A', PR: 'N', UI: 'N' },
    { AV: 'N', PR: 'L', UI: 'N' },
    { AV: 'N', PR: 'N', UI: 'P' },
  ];
  return { level: 1, worst, depth: 4 };
}

const EQ2 = [
  { level: 0, worst: [{ AC: 'L', AT: 'N' }], depth: 1 },
  {
    level: 1,
    worst: [
      { AC: 'H', AT: 'N' },
      { AC: 'L', AT: 'P' },
    ],
    depth: 2,
  },
] as const satisfies readonly Class[];

const EQ4 = [
  { level: 1, worst: [{ SC: 'H', SI: 'H', SA: 'H' }], depth: 5 },
  { level: 2, worst: [{ SC: 'L', SI: 'L', SA: 'L' }], depth: 4 },
] as const satisfies readonly Class[];

const LOWER: Readonly<Record<string, readonly string[]>> = { '00': ['01', '10'], '10': ['11'] };

/** EQ3 and EQ6 are not independent and are judged as one. */
function harm(is: Is): { impact: Class; key: string } {
  if (is('VC', 'H') && is('VI', 'H')) {
    return { key: '00', impact: { level: 0, worst: [{ VC: 'H', VI: 'H', VA: 'H' }], depth: 7 } };
  }
  if (is('VC', 'H') || is('VI', 'H') || is('VA', 'H')) {
    const worst = [
      { VC: 'L', VI: 'H', VA: 'H' },
      { VC: 'H', VI: 'L', VA: 'H' },
    ];
    return { key: '10', impact: { level: 1, worst, depth: 8 } };
  }
  return { key: '21', impact: { level: 2, worst: [{ VC: 'L', VI: 'L', VA: 'L' }], depth: 10 } };
}

/** Steps below the first worst vector of the class that is nowhere milder than this one. */
function distance(v: Vector, one: Class): number {
  for (const worst of one.worst) {
    const steps = Object.entries(worst).map(([name, value]) => {
      const order = STEPS[name] ?? '';
      return order.indexOf(v.metrics.get(name) ?? '') - order.indexOf(value);
    });
    if (steps.every((n) => n >= 0)) return steps.reduce((a, b) => a + b, 0);
  }
  return 0;
}
