/** The chart of the step summary: log10 of the evidence over minutes, and the limit. */
import { minuteOf, type ReportFacts, thin } from './facts.ts';
import { short } from './numbers.ts';

const POINTS = 60;
const [LOWEST, HIGHEST] = [-2, 3];

/** '' without at least two intervals. */
export function evidenceChart(facts: ReportFacts): string {
  const points = thin(facts.moments, POINTS);
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return '';
  const from = minuteOf(first, facts.moments);
  const to = Math.max(minuteOf(last, facts.moments), from + 0.01);
  const clip = (log: number): number => Number(Math.min(HIGHEST, Math.max(LOWEST, log / Math.LN10)).toFixed(3));
  const limit = clip(Math.log(1 / facts.verdict.alpha));
  return [
    'xychart-beta',
    '  title "Evidence that the canary is worse (log10), and the limit"',
    `  x-axis "minutes" ${short(from)} --> ${short(to)}`,
    `  y-axis "log10 E" ${LOWEST} --> ${HIGHEST}`,
    `  line [${points.map((m) => clip(m.logE)).join(', ')}]`,
    `  line [${points.map(() => limit).join(', ')}]`,
    '',
  ].join('\n');
}
