/** Inline SVG charts with a title and a description; the colours come from the page's style. Pure. */
import { html } from '../../src/text/index.ts';
import type { JobFact, TrafficFact } from './facts.ts';

const WIDTH = 860;

/** One bar a job, in order of their start. */
export function timeline(jobs: readonly JobFact[]): string {
  const end = Math.max(1, ...jobs.map((job) => job.end));
  const left = 230;
  const scale = (second: number): number => left + ((WIDTH - left - 60) * second) / end;
  const rows = [...jobs].sort((a, b) => a.start - b.start || a.end - b.end);
  const bars = rows.map((job, i) => {
    const y = 8 + i * 22;
    const x = scale(job.start);
    const width = Math.max(2, scale(job.end) - x);
    return [
      `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${html.text(job.name, 36)}</text>`,
      `<rect class="bar ${barClass(job.conclusion)}" x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="16" rx="3"/>`,
      `<text x="${(x + width + 5).toFixed(1)}" y="${y + 12}">${(job.end - job.start).toFixed(1)} s</text>`,
    ].join('');
  });
  return svg(
    rows.length * 22 + 16,
    'Timeline of the jobs',
    `${rows.length} jobs in ${end.toFixed(0)} seconds`,
    bars.join('\n'),
  );
}

/** Share of the requests that reached the canary, second by second, against the weight that Git asked for. */
export function trafficShare(
  traffic: readonly TrafficFact[],
  wanted: readonly { second: number; weight: number }[],
): string {
  const height = 220;
  const end = Math.max(1, ...traffic.map((t) => t.second + 1));
  const x = (second: number): number => 44 + ((WIDTH - 60) * Math.min(second, end)) / end;
  const y = (percent: number): number => height - 28 - ((height - 44) * percent) / 100;
  const grid = [0, 25, 50, 75, 100].map(
    (p) =>
      `<line class="grid" x1="44" x2="${WIDTH - 16}" y1="${y(p)}" y2="${y(p)}"/><text x="38" y="${y(p) + 4}" text-anchor="end">${p}%</text>`,
  );
  const steps = wanted.map((w, i) => {
    const until = wanted[i + 1]?.second ?? end;
    return `${i === 0 ? 'M' : 'L'}${x(w.second).toFixed(1)} ${y(w.weight).toFixed(1)}L${x(until).toFixed(1)} ${y(w.weight).toFixed(1)}`;
  });
  const dots = traffic
    .filter((t) => t.stable + t.canary > 0)
    .map(
      (t) =>
        `<circle class="dot" cx="${x(t.second + 0.5).toFixed(1)}" cy="${y((100 * t.canary) / (t.stable + t.canary)).toFixed(1)}" r="2.5"/>`,
    );
  const failures = traffic
    .filter((t) => t.failed > 0)
    .map(
      (t) =>
        `<line class="failed" x1="${x(t.second + 0.5).toFixed(1)}" x2="${x(t.second + 0.5).toFixed(1)}" y1="${height - 28}" y2="${height - 28 - Math.min(40, 4 * t.failed)}"/>`,
    );
  const axis = [0, 0.25, 0.5, 0.75, 1].map(
    (f) => `<text x="${x(end * f)}" y="${height - 8}" text-anchor="middle">${(end * f).toFixed(0)} s</text>`,
  );
  const body = [...grid, ...axis, ...failures, ...dots, `<path class="wanted" d="${steps.join('')}"/>`];
  return svg(
    height,
    'Traffic of the canary',
    'Dots: share of requests that the canary answered. Line: the weight in Git. Bars below: failed requests',
    body.join('\n'),
  );
}

function svg(height: number, title: string, description: string, body: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img"><title>${html.text(title)}</title><desc>${html.text(description)}</desc>\n${body}\n</svg>`;
}

function barClass(conclusion: string): string {
  return ['success', 'failure', 'cancelled', 'skipped'].includes(conclusion) ? conclusion : 'other';
}
