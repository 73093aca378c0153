/** From packages and answers to findings, without any policy. Pure but for the lookup of missing scores. */

import { compareText, groupAliases, idsOf, primaryId } from './osv/groups.ts';
import { affects, higher, publicOf } from './osv/match.ts';
import { isCaseless } from './osv/names.ts';
import { judgeRange, type RangeHit } from './osv/required.ts';
import type { AdvisorySource } from './osv/source.ts';
import type { Known } from './policy/diff.ts';
import { informationalOf, isMalicious, scoreGroup } from './policy/severity.ts';
import type { Answer, Dep, Finding, Match, OsvRecord, PackageKey, Problem } from './types.ts';
import { judged as judgedVersion, orderOf } from './version/index.ts';
import { wayIn } from './way.ts';

export type Judged = Omit<Finding, 'state' | 'reason' | 'baseline'>;

export interface Judgements {
  findings: Judged[];
  problems: Problem[];
  /** Server said yes, the local matcher no: they stay findings. */
  disagreements: number;
  unjudged: number;
}

/**
 * What to ask for a package. A range, a version that no order knows, or a local build (the API has it above the version it is
 * built from) is asked without a version and judged here.
 */
export function keyOf({ eco, key, name, version }: Dep): PackageKey {
  const known = version !== undefined && judgedVersion(orderOf(eco), version) !== undefined;
  return {
    eco,
    key,
    ...(isCaseless(eco) && name !== key ? { name } : {}),
    ...(known && publicOf(eco, version) === undefined ? { version } : {}),
  };
}

interface Hit {
  dep: Dep;
  group: OsvRecord[];
  matches: Match[];
  verdict: Finding['verdict'];
  /** For a requirement without one version. */
  range?: Pick<RangeHit, 'freshInstall' | 'safeRange'>;
}

/** @param answers one a dep, in order */
export async function judge(
  deps: readonly Dep[],
  answers: readonly Answer[],
  source: AdvisorySource,
): Promise<Judgements> {
  const result: Judgements = { findings: [], problems: [], disagreements: 0, unjudged: 0 };
  const hits = deps.flatMap((dep, i) => {
    const answer = answers[i];
    return answer !== undefined && 'records' in answer ? hitsOf(dep, answer.records, source.kind, result) : [];
  });
  const extra = await missingScores(hits, source);
  const way = wayIn(deps);
  result.findings = hits.map((hit) => findingOf(hit, extra, way(hit.dep)));
  return result;
}

/**
 * The findings of the base, as far as a change is compared with them: nobody is asked for their scores. What was not
 * answered, or cannot be judged, is no finding: then the change's own is new.
 */
export function knownIn(deps: readonly Dep[], answers: readonly Answer[], kind: AdvisorySource['kind']): Known[] {
  const aside: Judgements = { findings: [], problems: [], disagreements: 0, unjudged: 0 };
  return deps.flatMap((dep, i) => {
    const answer = answers[i];
    const hits = answer !== undefined && 'records' in answer ? hitsOf(dep, answer.records, kind, aside) : [];
    return hits.map(({ group, verdict }) => ({
      file: dep.file,
      eco: dep.eco,
      key: dep.key,
      ids: idsOf(group),
      verdict,
      scope: dep.scope,
      constraintOnly: dep.constraintOnly === true,
    }));
  });
}

function hitsOf(dep: Dep, records: readonly OsvRecord[], kind: AdvisorySource['kind'], result: Judgements): Hit[] {
  const live = records.filter((r) => r.withdrawn === undefined).sort((a, b) => compareText(a.id, b.id));
  const { version } = dep;
  if (version === undefined) {
    return judgeRange(dep, live).map(({ group, verdict, fixed, ...range }): Hit => {
      return { dep, group, matches: [{ by: 'range', ...(fixed === undefined ? {} : { fixed }) }], verdict, range };
    });
  }
  const serverJudged = kind === 'api' && keyOf(dep).version !== undefined;
  const matched = new Map<OsvRecord, Match>();
  let unjudged = false;
  for (const record of live) {
    const judged = affects(dep.eco, record, dep.key, version);
    if (typeof judged === 'object') matched.set(record, judged);
    else if (serverJudged) {
      result.disagreements += 1;
      matched.set(record, { by: 'server' });
    } else if (judged === 'unjudged') unjudged = true;
  }
  if (unjudged) {
    result.unjudged += 1;
    const message = `advisories exist for ${dep.name}, but its version ${version} is in no order of ${dep.eco}`;
    result.problems.push({ code: 'E_UNJUDGED', message, file: dep.file, line: dep.line });
  }
  return groupAliases([...matched.keys()]).map((group) => {
    const matches = group.flatMap((record) => matched.get(record) ?? []);
    const verdict = matches.every((match) => match.doubt !== undefined) ? 'possible' : 'certain';
    return { dep, group, matches, verdict };
  });
}

/** Records of the aliases of groups that nobody scored: GHSA first, CVE only for what is then still unscored. */
async function missingScores(hits: readonly Hit[], source: AdvisorySource): Promise<Map<string, OsvRecord>> {
  const extra = new Map<string, OsvRecord>();
  for (const prefix of ['GHSA-', 'CVE-']) {
    const ids = hits
      .filter((hit) => severityOf(hit, extra).level === 'unknown')
      .flatMap((hit) => idsOf(hit.group).filter((id) => id.startsWith(prefix) && !hit.group.some((r) => r.id === id)));
    if (ids.length === 0) continue;
    for (const [id, record] of await source.byIds(ids)) if (record.withdrawn === undefined) extra.set(id, record);
  }
  return extra;
}

function severityOf({ dep, group }: Hit, extra: ReadonlyMap<string, OsvRecord>): ReturnType<typeof scoreGroup> {
  const own = scoreGroup(group, dep.eco, dep.key);
  if (own.level !== 'unknown') return own;
  return scoreGroup([...group, ...idsOf(group).flatMap((id) => extra.get(id) ?? [])], dep.eco, dep.key);
}

function findingOf(hit: Hit, extra: ReadonlyMap<string, OsvRecord>, way: string[]): Judged {
  const { dep, group, matches, verdict, range } = hit;
  const best = matches.reduce((a, b) => higher(orderOf(dep.eco), a, b));
  const id = primaryId(group);
  const summary = group.map((r) => r.summary ?? '').find((text) => text !== '') ?? group[0]?.details ?? '';
  const severity = severityOf(hit, extra);
  const informational = informationalOf(group, dep.eco, dep.key);
  return {
    eco: dep.eco,
    package: dep.name,
    key: dep.key,
    ...(dep.version === undefined ? {} : { version: dep.version }),
    ...(dep.range === undefined ? {} : { range: dep.range }),
    file: dep.file,
    line: dep.line,
    endLine: dep.endLine,
    exact: dep.exact,
    scope: dep.scope,
    ...(dep.direct === undefined ? {} : { direct: dep.direct }),
    constraintOnly: dep.constraintOnly === true,
    way,
    verdict,
    id,
    ids: idsOf(group),
    summary: summary.slice(0, 500),
    ...severity,
    malicious: isMalicious(group),
    ...(informational === undefined ? {} : { informational }),
    ...(best.fixed === undefined ? {} : { fixed: best.fixed }),
    by: matches.some((m) => m.by === 'range') ? 'range' : best.by,
    ...(best.doubt === undefined ? {} : { doubt: best.doubt }),
    ...range,
  };
}
