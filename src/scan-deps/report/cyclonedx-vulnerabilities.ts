import { oneLine } from '../../text/index.ts';
import { compareText } from '../osv/groups.ts';
import { parseVector } from '../policy/cvss.ts';
import type { Finding } from '../types.ts';
import { adviceOf } from './advice.ts';
import { siteOf } from './links.ts';
import { refOf } from './purl.ts';

/** One entry a vulnerability, package and verdict: the same one may be accepted here and open there. */
export function vulnerabilitiesOf(findings: readonly Finding[]): object[] {
  const groups = new Map<string, [Finding, ...Finding[]]>();
  for (const f of findings) {
    const id = JSON.stringify([
      f.id,
      f.eco,
      f.key,
      f.verdict,
      f.state === 'ignored' ? f.reason : '',
      f.fixed ?? '',
      f.ids,
    ]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [f]);
    else group.push(f);
  }
  const entries = [...groups].sort(([a], [b]) => compareText(a, b)).map(([, group]) => vulnerabilityOf(group));
  // Ids that differ only in what is not printed give equal entries, and the format wants each once.
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}

function vulnerabilityOf(group: readonly [Finding, ...Finding[]]): object {
  const [f] = group;
  const source = (id: string): object => {
    const site = siteOf(id);
    return site === undefined ? { name: 'OSV' } : { name: site.name, url: site.url };
  };
  const others = f.ids.filter((id) => id !== f.id);
  const affects = new Map(group.map((one) => [refOf({ ...one, name: one.package }), one]));
  return {
    id: oneLine(f.id, 200),
    source: source(f.id),
    ...(others.length === 0 ? {} : { references: others.map((id) => ({ id: oneLine(id, 200), source: source(id) })) }),
    ratings: ratingsOf(f),
    ...(f.summary === '' ? {} : { description: oneLine(f.summary, 1000) }),
    recommendation: oneLine(adviceOf(f), 1000),
    ...analysisOf(f),
    affects: [...affects]
      .sort(([a], [b]) => compareText(a, b))
      .map(([ref, { version }]) => ({
        ref,
        ...(version === undefined
          ? {}
          : {
              versions: [{ version: oneLine(version, 300), status: f.verdict === 'certain' ? 'affected' : 'unknown' }],
            }),
      })),
  };
}

/** An accepted risk is no claim that nothing is affected: the reason is told, no state is asserted. */
function analysisOf(f: Finding): { analysis?: object } {
  if (f.state === 'ignored') return { analysis: { response: ['will_not_fix'], detail: oneLine(f.reason, 1000) } };
  if (f.verdict === 'possible') return { analysis: { state: 'in_triage', detail: oneLine(f.reason, 1000) } };
  return {};
}

/** The highest score judges, the newest vector is shown: two ratings when they are not of one vector. */
function ratingsOf(f: Finding): object[] {
  const severity = f.level;
  const own = f.vector === undefined ? undefined : parseVector(f.vector);
  if (own === undefined || f.vector === undefined)
    return [{ severity, ...(f.score === undefined ? {} : { score: f.score }) }];
  const methods: Readonly<Record<string, string>> = {
    '2.0': 'CVSSv2',
    '3.0': 'CVSSv3',
    '3.1': 'CVSSv31',
    '4.0': 'CVSSv4',
  };
  const method = methods[own.version] ?? 'other';
  const vector = oneLine(f.vector, 300);
  if (own.score === f.score) return [{ score: own.score, severity, method, vector }];
  return [
    { severity, ...(f.score === undefined ? {} : { score: f.score }) },
    { score: own.score, method, vector },
  ];
}
