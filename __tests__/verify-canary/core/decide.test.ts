import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Decision, decide, type Evidence } from '../../../src/verify-canary/core/decide.ts';
import { EVENTS, GAPS } from '../../../src/verify-canary/core/types.ts';

/** Nothing wrong, nothing proven, not late. */
const quiet: Evidence = {
  event: null,
  inStep: true,
  passed: false,
  logE: 0,
  logLimit: Math.log(100),
  worst: 'errors',
  noisy: { now: false, ever: false },
  lonePod: false,
  noBaseline: false,
  gap: null,
  gaps: { seconds: 0, kind: 'mixed' },
  canaryAbsentSeconds: 0,
  canarySeen: true,
  silent: 120,
  blind: 300,
  share: { rejects: false, settling: false, cause: 'routing-wrong-share' },
  warm: false,
  elapsed: 200,
  min: 120,
  sinceRun: 200,
  max: 1200,
  usableLines: 3,
  absent: 'mixed',
  requests: 1000,
  coverage: 1,
  coverages: [{ name: 'errors', coverage: 1 }],
  required: [false],
  violated: null,
  onInconclusive: 'hold',
};

const passing: Partial<Evidence> = { required: [true] };
const goOn: Decision = { kind: 'go-on' };
const say = (verdict: string, reason: string) => ({ kind: 'verdict', verdict, reason });

interface Row {
  row: string;
  evidence: Partial<Evidence>;
  result: unknown;
}

const absentGap = (kind: 'both-absent' | 'canary-absent', seconds: number): Partial<Evidence> => ({
  gap: kind,
  gaps: { seconds, kind },
});

const rejects = (settling: boolean, cause: Evidence['share']['cause']): Partial<Evidence> => ({
  share: { rejects: true, settling, cause },
});

/** In the order of the table; a row's evidence sets only what its condition speaks of. */
const rows: Row[] = [
  { row: '1 event superseded', evidence: { event: 'superseded' }, result: say('superseded', 'superseded') },
  { row: '2 event cancelled', evidence: { event: 'cancelled' }, result: say('hold', 'cancelled') },
  {
    row: '3 E at the limit, the stable version differed from itself',
    evidence: { logE: Math.log(100), noisy: { now: false, ever: true } },
    result: say('hold', 'noisy-baseline'),
  },
  {
    row: '3 E at the limit, all of it on one pod',
    evidence: { logE: Math.log(100), lonePod: true },
    result: say('hold', 'single-pod'),
  },
  { row: '3 E at the limit', evidence: { logE: Math.log(100) }, result: say('fail', 'worse:errors') },
  {
    row: '4 canary absent for as long as silent',
    evidence: { gap: 'canary-absent', canaryAbsentSeconds: 120, canarySeen: true },
    result: say('fail', 'canary-silent'),
  },
  {
    row: '5 both absent for as long as blind',
    evidence: absentGap('both-absent', 300),
    result: say('no-data', 'absent'),
  },
  {
    row: '5 canary absent for as long as blind, never seen',
    evidence: { ...absentGap('canary-absent', 300), canarySeen: false },
    result: say('hold', 'canary-silent'),
  },
  {
    row: '5 gaps of several kinds for as long as blind',
    evidence: { gap: 'query-error', gaps: { seconds: 300, kind: 'mixed' } },
    result: say('hold', 'blind'),
  },
  { row: '5 no baseline where it is all there is', evidence: { noBaseline: true }, result: say('no-data', 'absent') },
  {
    row: '5 the stable version differs from itself',
    evidence: { noisy: { now: true, ever: false } },
    result: say('hold', 'noisy-baseline'),
  },
  { row: '6 share rejected while settling', evidence: rejects(true, 'routing-not-applied'), result: { kind: 'reset' } },
  {
    row: '7 share rejected, the old weight',
    evidence: rejects(false, 'routing-not-applied'),
    result: say('hold', 'routing-not-applied'),
  },
  {
    row: '7 share rejected, another weight',
    evidence: rejects(false, 'routing-wrong-share'),
    result: say('hold', 'routing-wrong-share'),
  },
  { row: '8 everything for a pass', evidence: passing, result: say('pass', 'healthy') },
  { row: '9 max is over', evidence: { sinceRun: 1200 }, result: say('hold', 'deadline') },
  { row: '10 otherwise', evidence: {}, result: goOn },
];

const others: readonly [string, Partial<Evidence>, unknown][] = [
  ['event run says nothing', { event: 'run', ...passing }, goOn],
  ['event degraded holds', { event: 'degraded' }, say('hold', 'degraded')],
  ['event crashloop fails', { event: 'crashloop' }, say('fail', 'crashloop')],
  ['event sync-timeout holds', { event: 'sync-timeout' }, say('hold', 'sync-timeout')],
  ['noise that is over holds nothing', { noisy: { now: false, ever: true }, ...passing }, say('pass', 'healthy')],
  ['one pod is looked at only at the limit', { lonePod: true, ...passing }, say('pass', 'healthy')],
  ['between two runs noise is no fail', { inStep: false, noisy: { now: true, ever: true } }, goOn],
  ['just below the limit no fail', { logE: Math.log(100) - 1e-9 }, goOn],
  ['the worst metric names the fail', { logE: 5, worst: 'latency' }, say('fail', 'worse:latency')],
  ['between two runs a fail is a fail', { inStep: false, logE: 5 }, say('fail', 'worse:errors')],
  ['between two runs nothing else is looked at', { inStep: false, ...passing, sinceRun: 5000 }, goOn],
  ['a passed step can still fail', { passed: true, logE: 5 }, say('fail', 'worse:errors')],
  ['a passed step has no deadline', { passed: true, sinceRun: 5000 }, goOn],
  ['a canary silent for less than silent', { gap: 'canary-absent', canaryAbsentSeconds: 119 }, goOn],
  ['a silent canary that was never seen', { canarySeen: false, canaryAbsentSeconds: 120 }, goOn],
  ['gaps for less than blind', { gap: 'query-error', gaps: { seconds: 299, kind: 'mixed' } }, goOn],
  ['long gaps that are over', { gap: null, gaps: { seconds: 300, kind: 'mixed' } }, goOn],
  ['max is not over', { sinceRun: 1199 }, goOn],
];

describe('decision table', () => {
  test.each(rows)('row $row', ({ evidence, result }) => {
    expect(decide({ ...quiet, ...evidence })).toEqual(result);
  });

  const pairs = rows.flatMap((early, i) => rows.slice(i + 1).map((late) => ({ early, late })));
  test.each(pairs)('row $early.row comes before row $late.row', ({ early, late }) => {
    expect(decide({ ...quiet, ...late.evidence, ...early.evidence })).toEqual(early.result);
  });

  test.each(others)('%s', (_, evidence, result) => {
    expect(decide({ ...quiet, ...evidence })).toEqual(result);
  });
});

const withheld: readonly [string, Partial<Evidence>][] = [
  ['on a gap line', { gap: 'partial', gaps: { seconds: 15, kind: 'mixed' } }],
  ['in warm-up', { warm: true }],
  ['before min', { elapsed: 119 }],
  ['with too little coverage', { coverage: 0.79 }],
  ['with too little coverage of one metric', { coverages: [...quiet.coverages, { name: 'b', coverage: 0.79 }] }],
  ['with one metric without evidence', { required: [true, false] }],
  ['with no metric asked', { required: [] }],
  ['with an objective violated', { violated: 'errors' }],
  ['T14 with E at 10', { logE: Math.log(10) }],
];

describe('a pass needs all of row 8', () => {
  test.each(withheld)('no pass %s', (_, evidence) => {
    expect(decide({ ...quiet, ...passing, ...evidence })).toEqual(goOn);
  });

  test('a pass at the very edge of every condition', () => {
    const coverages = [{ name: 'errors', coverage: 0.8 }];
    const edge = { ...passing, elapsed: 120, coverage: 0.8, coverages, logE: Math.log(10) - 1e-9 };
    expect(decide({ ...quiet, ...edge })).toEqual(say('pass', 'healthy'));
  });
});

const late: Partial<Evidence> = { sinceRun: 1200 };
const noLine: Partial<Evidence> = { usableLines: 0, coverage: 0, requests: 0 };

const deadlines: Row[] = [
  { row: 'both arms absent', evidence: { ...noLine, absent: 'both' }, result: ['no-data', 'absent'] },
  { row: 'only the canary absent', evidence: { ...noLine, absent: 'canary' }, result: ['hold', 'canary-silent'] },
  { row: 'no request on either arm', evidence: { requests: 0 }, result: ['no-data', 'no-traffic'] },
  { row: 'little coverage', evidence: { coverage: 0.79 }, result: ['inconclusive', 'coverage-low'] },
  {
    row: 'little coverage of one metric',
    evidence: { coverages: [...quiet.coverages, { name: 'latency', coverage: 0.79 }] },
    result: ['inconclusive', 'absent:latency'],
  },
  { row: 'objective violated', evidence: { violated: 'errors' }, result: ['inconclusive', 'slo:errors'] },
  { row: 'no evidence', evidence: {}, result: ['inconclusive', 'deadline'] },
];

describe.each(['hold', 'fail'] as const)('deadline table, on-inconclusive: %s', (onInconclusive) => {
  const expected = ([word, reason]: string[]) => say(word === 'inconclusive' ? onInconclusive : `${word}`, `${reason}`);

  test.each(deadlines)('$row', ({ evidence, result }) => {
    expect(decide({ ...quiet, ...late, onInconclusive, ...evidence })).toEqual(expected(result as string[]));
  });

  const pairs = deadlines.flatMap((early, i) => deadlines.slice(i + 1).map((later) => ({ early, later })));
  test.each(pairs)('$early.row comes before $later.row', ({ early, later }) => {
    const evidence = { ...quiet, ...late, onInconclusive, ...later.evidence, ...early.evidence };
    expect(decide(evidence)).toEqual(expected(early.result as string[]));
  });

  test('lines that only show failed readings are low coverage, not absence', () => {
    expect(decide({ ...quiet, ...late, ...noLine, onInconclusive })).toEqual(say(onInconclusive, 'coverage-low'));
  });
});

describe('decide is total', () => {
  const number = fc.oneof(fc.constantFrom(0, 1, 120, 300, 1200), fc.double({ noNaN: true, min: -10, max: 2000 }));
  const flag = fc.boolean();
  const evidence: fc.Arbitrary<Evidence> = fc.record({
    event: fc.option(fc.constantFrom(...EVENTS)),
    inStep: flag,
    passed: flag,
    logE: fc.double({ noNaN: true, min: -5, max: 8 }),
    logLimit: fc.constant(Math.log(100)),
    worst: fc.constant('errors'),
    noisy: fc.record({ now: flag, ever: flag }),
    lonePod: flag,
    noBaseline: flag,
    gap: fc.option(fc.constantFrom(...GAPS)),
    gaps: fc.record({ seconds: number, kind: fc.constantFrom('both-absent', 'canary-absent', 'mixed') }),
    canaryAbsentSeconds: number,
    canarySeen: flag,
    silent: fc.constant(120),
    blind: fc.constant(300),
    share: fc.record({
      rejects: flag,
      settling: flag,
      cause: fc.constantFrom('routing-not-applied', 'routing-wrong-share'),
    }),
    warm: flag,
    elapsed: number,
    min: fc.constant(120),
    sinceRun: number,
    max: fc.constant(1200),
    usableLines: fc.nat(3),
    absent: fc.constantFrom('both', 'canary', 'mixed'),
    requests: fc.nat(3),
    coverage: fc.double({ noNaN: true, min: 0, max: 1 }),
    coverages: fc.array(
      fc.record({ name: fc.constant('errors'), coverage: fc.double({ noNaN: true, min: 0, max: 1 }) }),
    ),
    required: fc.array(flag, { maxLength: 3 }),
    violated: fc.option(fc.constant('errors')),
    onInconclusive: fc.constantFrom('hold', 'fail'),
  });

  test('whatever the evidence, an answer; silence and harm never pass', () => {
    const answers = new Set<string>();
    fc.assert(
      fc.property(evidence, (e) => {
        const decision = decide(e);
        answers.add(decision.kind === 'verdict' ? decision.verdict : decision.kind);
        if (decision.kind !== 'verdict' || decision.verdict !== 'pass') return;
        expect(e.gap).toBeNull();
        expect(e.required).toContain(true);
        expect(e.logE).toBeLessThan(Math.log(10));
      }),
      { seed: 1, numRuns: 5000, examples: [[{ ...quiet, ...passing }]] },
    );
    expect([...answers].sort()).toEqual(['fail', 'go-on', 'hold', 'no-data', 'pass', 'reset', 'superseded']);
  });
});

describe('no part of the tables can be left out', () => {
  const source = readFileSync(new URL('../../../src/verify-canary/core/decide.ts', import.meta.url), 'utf8');
  const lines = source.split('\n');
  const body = lines.findIndex((line) => line.startsWith('export function decide('));
  // A row is one line, a case of an event with the line below it; or one of the conditions of a pass.
  const parts = lines.flatMap((line, at) => {
    if (at < body) return [];
    if (/^ +(if .*return .*;|return e\.lonePod.*|e\.\w.* &&)$/.test(line)) return [{ line, at, count: 1 }];
    return /^ +case /.test(line) ? [{ line, at, count: 2 }] : [];
  });
  const cases: [Partial<Evidence>, unknown][] = [
    ...rows.map(({ evidence, result }): [Partial<Evidence>, unknown] => [evidence, result]),
    ...others.map(([, evidence, result]): [Partial<Evidence>, unknown] => [evidence, result]),
    ...withheld.map(([, evidence]): [Partial<Evidence>, unknown] => [{ ...passing, ...evidence }, goOn]),
    ...deadlines.map(({ evidence, result }): [Partial<Evidence>, unknown] => {
      const [word, reason] = result as [string, string];
      return [{ ...late, ...evidence }, say(word === 'inconclusive' ? 'hold' : word, reason)];
    }),
  ];
  const wrong = async (text: string): Promise<number> => {
    const code = encodeURIComponent(stripTypeScriptTypes(text));
    const mutant = (await import(`data:text/javascript,${code}`)) as { decide: typeof decide };
    return cases.filter(([evidence, result]) => !isDeepStrictEqual(mutant.decide({ ...quiet, ...evidence }), result))
      .length;
  };

  test('as it is, nothing is wrong; every part is found', async () => {
    expect(await wrong(source)).toBe(0);
    expect(parts).toHaveLength(31);
  });

  test.each(parts)('line $at: $line', async ({ at, count }) => {
    expect(await wrong(lines.toSpliced(at, count).join('\n'))).toBeGreaterThan(0);
  });
});
