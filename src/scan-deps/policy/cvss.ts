/**
 * Base scores of CVSS vectors. Temporal, threat and environmental metrics must be legal and are not counted: they speak
 * of another time or place than this checkout. Formulas: FIRST, CVSS v2 guide 3.2.1, v3.0 and v3.1 specification 7.1, v4.0 section 8.
 */
import { scoreV4 } from './cvss4.ts';
import { type CvssVersion, readVector, type Vector } from './vector.ts';

type Scored = { version: CvssVersion; score: number } | undefined;

/** Vectors remembered: the same few stand in many advisories, and each is asked for by judgement and by reports. */
const MAX_KNOWN = 10_000;
const known = new Map<string, Scored>();

/** @returns undefined when the text is not exactly a vector of a known version */
export function parseVector(text: string): Scored {
  const before = known.get(text);
  if (before !== undefined || known.has(text)) return before;
  if (known.size >= MAX_KNOWN) known.clear();
  const scored = score(text);
  known.set(text, scored);
  return scored;
}

function score(text: string): Scored {
  const vector = readVector(text);
  if (vector === undefined) return undefined;
  const { version } = vector;
  return {
    version,
    score: version === '2.0' ? scoreV2(vector) : version === '4.0' ? scoreV4(vector) : scoreV3(vector),
  };
}

type Weights = Readonly<Record<string, number>>;

const weigh = (vector: Vector, name: string, weights: Weights): number =>
  weights[vector.metrics.get(name) ?? ''] ?? Number.NaN;

function scoreV2(v: Vector): number {
  const impactOf = (name: string): number => 1 - weigh(v, name, { N: 0, P: 0.275, C: 0.66 });
  const impact = 10.41 * (1 - impactOf('C') * impactOf('I') * impactOf('A'));
  const exploitability =
    20 *
    weigh(v, 'AV', { L: 0.395, A: 0.646, N: 1 }) *
    weigh(v, 'AC', { H: 0.35, M: 0.61, L: 0.71 }) *
    weigh(v, 'Au', { M: 0.45, S: 0.56, N: 0.704 });
  const score = (0.6 * impact + 0.4 * exploitability - 1.5) * (impact === 0 ? 0 : 1.176);
  return Math.max(0, Math.round(score * 10) / 10);
}

function scoreV3(v: Vector): number {
  const changed = v.metrics.get('S') === 'C';
  const impactOf = (name: string): number => 1 - weigh(v, name, { N: 0, L: 0.22, H: 0.56 });
  const base = 1 - impactOf('C') * impactOf('I') * impactOf('A');
  const impact = changed ? 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 : 6.42 * base;
  if (impact <= 0) return 0;
  const exploitability =
    8.22 *
    weigh(v, 'AV', { N: 0.85, A: 0.62, L: 0.55, P: 0.2 }) *
    weigh(v, 'AC', { L: 0.77, H: 0.44 }) *
    weigh(v, 'PR', changed ? { N: 0.85, L: 0.68, H: 0.5 } : { N: 0.85, L: 0.62, H: 0.27 }) *
    weigh(v, 'UI', { N: 0.85, R: 0.62 });
  const sum = Math.min(10, (changed ? 1.08 : 1) * (impact + exploitability));
  // 3.1 rounds up on whole hundred-thousandths, so that 4.02 does not become 4.1 by the way machines store it.
  if (v.version === '3.0') return Math.ceil(sum * 10) / 10;
  const whole = Math.round(sum * 100_000);
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10;
}
