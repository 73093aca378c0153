/** The delivery report: one self-contained HTML file that needs no script to be read. Pure. */
import { formatSeconds, html, manyLines, truncateBytes } from '../../src/text/index.ts';
import { timeline, trafficShare } from './charts.ts';
import type { AuditFact, CommitFact, DeliveryFacts, DriftFact } from './facts.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--line:#d0d7de;--ground:#fff;--good:#1a7f37;--bad:#cf222e;--calm:#0969da;--warn:#9a6700}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9ea7b3;--line:#30363d;--ground:#0d1117;--good:#3fb950;--bad:#f85149;--calm:#58a6ff;--warn:#d29922}}
body{margin:0 auto;max-width:900px;padding:24px 20px 60px;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 10px;border-bottom:1px solid var(--line)}
.verdict{font-weight:700;padding:2px 10px;border-radius:12px;color:var(--ground);background:var(--warn)}.pass,.superseded{background:var(--good)}.fail,.refused{background:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
.scroll{overflow-x:auto}code,pre{font:13px ui-monospace,monospace}pre{overflow-x:auto;padding:10px;border:1px solid var(--line);border-radius:6px}
td code{white-space:nowrap}td code.long{white-space:normal;overflow-wrap:anywhere}.soft{color:var(--soft)}dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}.grid{stroke:var(--line)}.wanted{fill:none;stroke:var(--calm);stroke-width:2}.dot{fill:var(--ink);opacity:.6}.failed{stroke:var(--bad);stroke-width:3}
.bar{fill:var(--warn)}.bar.success{fill:var(--good)}.bar.failure{fill:var(--bad)}.bar.skipped{fill:var(--line)}
summary{cursor:pointer}@media print{details{break-inside:avoid}body{max-width:none}}
`;

/** Most bytes of one diff that are shown; the whole stands in Git. */
const MAX_DIFF = 8 * 1024;

export function renderReport(facts: DeliveryFacts): string {
  const { text } = html;
  const verdict = ['pass', 'fail', 'hold', 'no-data', 'superseded', 'refused'].includes(facts.verdict)
    ? facts.verdict
    : 'hold';
  const r = facts.requests;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Delivery of ${text(facts.app)}: ${verdict}</title><style>${STYLE.trim()}</style></head><body>
<h1>${text(facts.app)} <span class="verdict ${verdict}">${verdict}</span></h1>
<p>${text(facts.message)}</p>
<dl><dt>revision</dt><dd><code>${text(facts.revision)}</code></dd><dt>image</dt><dd><code>${text(facts.image.ref)}</code>${facts.image.reused ? ' (reused)' : ''}</dd>
<dt>running</dt><dd>${facts.image.running.map((d) => `<code>${text(d)}</code>`).join('<br>') || 'nothing'}</dd>
<dt>requests</dt><dd>${r.sent} sent, ${r.toCanary} answered by the canary, ${r.failed} failed (${percent(r.failed, r.sent)})</dd>
<dt>strategy</dt><dd>${text(facts.strategy)}</dd><dt>downtime</dt><dd>${text(downtimeText(facts.downtime))}</dd></dl>
${traffic(facts)}${stages(facts)}<h2>Jobs</h2>${timeline(facts.jobs)}
${commits(facts)}${drift(facts.drift)}${audit(facts.audit)}<h2>Machine</h2><p>${text(facts.machine)}</p>
<table><tbody>${facts.timings.map((t) => `<tr><td>${text(t.name)}</td><td>${formatSeconds(t.seconds)}</td></tr>`).join('')}</tbody></table>
</body></html>
`;
}

function traffic(facts: DeliveryFacts): string {
  if (facts.traffic.length === 0) return '';
  return `<h2>Traffic</h2>${trafficShare(facts.traffic, facts.wanted)}
<p class="soft">Dots: share of requests that the new version answered, second by second. Line: the weight in Git. Red bars: failed requests.</p>
`;
}

function stages(facts: DeliveryFacts): string {
  const { text } = html;
  if (facts.stages.length === 0) return '';
  return `<h2>Stages</h2><div class="scroll"><table><thead><tr><th>stage</th><th>verdict</th><th>judged for</th><th>commit</th><th>why</th></tr></thead><tbody>
${facts.stages
  .map(
    (s) =>
      `<tr><td>${text(s.name)}</td><td>${s.report === undefined ? text(s.verdict) : `<a href="${html.attribute(encodeURI(s.report))}">${text(s.verdict)}</a>`}</td><td>${s.seconds === undefined ? '' : formatSeconds(s.seconds)}</td><td><code>${text(s.commit.slice(0, 12))}</code></td><td>${text(s.message)}</td></tr>`,
  )
  .join('\n')}
</tbody></table></div>
`;
}

function commits(facts: DeliveryFacts): string {
  if (facts.commits.length === 0) return '';
  return `<h2>Commits of the config repository</h2>
${facts.commits.map(commit).join('\n')}
`;
}

/** "0 failed requests", or how many and in how many seconds. */
export function downtimeText({ failed, byCode, seconds }: DeliveryFacts['downtime']): string {
  if (failed === 0) return '0 failed requests';
  const codes = Object.entries(byCode).map(([code, count]) => `${count} x ${code}`);
  return `${failed} failed request${failed === 1 ? '' : 's'} in ${seconds} second${seconds === 1 ? '' : 's'} (${codes.join(', ')})`;
}

function drift(fact: DriftFact | undefined): string {
  if (fact === undefined) return '';
  const { text } = html;
  const writes = fact.writes.map(([method, status]) => `${method} ${status}`).join(', ');
  return `<h2>Drift</h2><p>The Deployment <code>${text(fact.deployment)}</code> was changed by hand and ${fact.outOfSync ? 'found OutOfSync' : 'not noticed'}; it was as in Git again after ${fact.polls} poll${fact.polls === 1 ? '' : 's'} (${formatSeconds(fact.seconds)}), with ${fact.failed} failed requests. Writes to the API of the cluster: ${text(writes)}.</p>
`;
}

function audit(links: readonly AuditFact[]): string {
  if (links.length === 0) return '';
  const { text } = html;
  const row = ({ name, status, why, evidence }: AuditFact): string => {
    const seen = evidence
      .filter(({ value }) => value !== '')
      .map((e) => `${text(e.name)} <code class="long">${text(e.value)}</code>`)
      .join('<br>');
    return `<tr><td>${text(name)}</td><td>${text(status)}</td><td>${text(why)}</td><td>${seen}</td></tr>`;
  };
  return `<h2>From the pod back to the commit</h2><div class="scroll"><table><thead><tr><th>link</th><th>status</th><th>why</th><th>seen</th></tr></thead><tbody>
${links.map(row).join('\n')}
</tbody></table></div>
`;
}

function commit(c: CommitFact): string {
  const trailers = c.trailers
    .map(([key, value]) => `<dt>${html.text(key)}</dt><dd><code>${html.text(value)}</code></dd>`)
    .join('');
  // manyLines keeps line breaks; each line is escaped on its own.
  const diff = manyLines(truncateBytes(c.diff, MAX_DIFF))
    .split('\n')
    .map((line) => html.text(line))
    .join('\n');
  return `<details><summary><code>${html.text(c.sha.slice(0, 12))}</code> ${html.text(c.subject)}</summary><dl>${trailers}</dl><pre>${diff}</pre></details>`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(2)} %`;
}
