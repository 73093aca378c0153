/** What happens to one finding: the whole table, row by row, and each row against those above and below it. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Judged } from '../../src/scan-deps/judge.ts';
import { decide, type Policy } from '../../src/scan-deps/policy/decide.ts';
import { baselineOf, type Known } from '../../src/scan-deps/policy/diff.ts';
import { informationalOf } from '../../src/scan-deps/policy/severity.ts';
import type { Finding, OsvRecord, State } from '../../src/scan-deps/types.ts';

const finding: Judged = {
  eco: 'npm',
  package: 'pkg',
  key: 'pkg',
  version: '1.0.0',
  file: 'package-lock.json',
  line: 1,
  endLine: 1,
  exact: true,
  scope: 'runtime',
  constraintOnly: false,
  way: ['pkg'],
  verdict: 'certain',
  id: 'CVE-2020-1',
  ids: ['CVE-2020-1', 'GHSA-a'],
  summary: '',
  level: 'critical',
  malicious: false,
  fixed: '2.0.0',
  by: 'range',
};
const policy: Policy = {
  failOn: 'high',
  unknownSeverity: 'fail',
  unpinned: 'warn',
  devDependencies: 'warn',
  onlyFixed: false,
};
type Facts = Partial<Judged & Pick<Finding, 'baseline'>>;
const state = (facts: Facts, over: Partial<Policy> = {}, ignored?: string): State =>
  decide({ ...finding, ...facts }, { ...policy, ...over }, ignored).state;

/** What makes each rule fit, in the order of the rules, with the state it then gives. */
const RULES: readonly { rule: string; facts: Facts; over: Partial<Policy>; ignored?: string; state: State }[] = [
  { rule: '1 ignored', facts: {}, over: {}, ignored: 'a reason', state: 'ignored' },
  { rule: '3 malicious', facts: { malicious: true }, over: {}, state: 'block' },
  { rule: '5 informational', facts: { informational: 'unsound' }, over: {}, state: 'info' },
  { rule: '6 existing', facts: { baseline: 'existing' }, over: {}, state: 'existing' },
  { rule: '7 possible', facts: { verdict: 'possible' }, over: { unpinned: 'ignore' }, state: 'info' },
  { rule: '7 constraints file', facts: { constraintOnly: true }, over: { unpinned: 'ignore' }, state: 'info' },
  { rule: '8 development', facts: { scope: 'dev' }, over: { devDependencies: 'warn' }, state: 'warn' },
  { rule: '9 no fix', facts: { fixed: undefined } as unknown as Facts, over: { onlyFixed: true }, state: 'warn' },
  { rule: '10 unknown', facts: { level: 'unknown' }, over: { unknownSeverity: 'ignore' }, state: 'info' },
  { rule: '11 level', facts: {}, over: {}, state: 'block' },
];

describe('the first rule that fits', () => {
  test.each(RULES)('$rule', (row) => {
    expect(state(row.facts, row.over, row.ignored)).toBe(row.state);
  });

  test.each(
    RULES.flatMap((upper, i) => RULES.slice(i + 1).map((lower) => [upper.rule, lower.rule, upper, lower] as const)),
  )('%s stands above %s', (_a, _b, upper, lower) => {
    const facts = { ...lower.facts, ...upper.facts };
    const over = { ...lower.over, ...upper.over };
    expect(state(facts, over, upper.ignored)).toBe(upper.state);
  });

  test.each<[string, Facts, Partial<Policy>, State]>([
    ['possible, unpinned: warn', { verdict: 'possible' }, {}, 'warn'],
    ['possible, unpinned: fail is judged by its level', { verdict: 'possible' }, { unpinned: 'fail' }, 'block'],
    ['constraints file, unpinned: fail', { constraintOnly: true }, { unpinned: 'fail' }, 'block'],
    ['development, ignore', { scope: 'dev' }, { devDependencies: 'ignore' }, 'info'],
    ['development, fail', { scope: 'dev' }, { devDependencies: 'fail' }, 'block'],
    ['a scope that nobody tells is production', { scope: 'unknown' }, {}, 'block'],
    ['no fix without only-fixed', { fixed: undefined } as unknown as Facts, {}, 'block'],
    ['unknown, fail', { level: 'unknown' }, {}, 'block'],
    ['unknown, warn', { level: 'unknown' }, { unknownSeverity: 'warn' }, 'warn'],
    ['unknown, fail, although fail-on is none', { level: 'unknown' }, { failOn: 'none' }, 'block'],
    ['new in the change', { baseline: 'new' }, {}, 'block'],
    ['trap 26: malware that the base has', { malicious: true, baseline: 'existing' }, { failOn: 'none' }, 'block'],
  ])('%s', (_name, facts, over, wanted) => {
    expect(state(facts, over)).toBe(wanted);
  });

  test('trap 26: malware that may not be there blocks like any other, and the reason says both', () => {
    const soft: Policy = { ...policy, unpinned: 'ignore', devDependencies: 'ignore', failOn: 'none', onlyFixed: true };
    const reason = (facts: Facts): string => {
      const decision = decide(
        { ...finding, malicious: true, verdict: 'possible', scope: 'dev', ...facts },
        soft,
        undefined,
      );
      expect(decision.state).toBe('block');
      return decision.reason;
    };
    const blocks = 'malicious package: it blocks whatever the settings say';
    expect(reason({})).toBe(`${blocks}, although not every version that the requirement allows is affected`);
    expect(reason({ doubt: 'only below 1.2.0' })).toBe(`${blocks}, although only below 1.2.0`);
    expect(reason({ verdict: 'certain', constraintOnly: true })).toBe(blocks);
  });

  test('every level against every fail-on', () => {
    const levels = ['low', 'medium', 'high', 'critical'] as const;
    for (const [i, level] of levels.entries()) {
      for (const [j, failOn] of levels.entries()) expect(state({ level }, { failOn })).toBe(i >= j ? 'block' : 'warn');
      expect(state({ level }, { failOn: 'none' })).toBe('warn');
    }
  });
});

describe('what the base has', () => {
  const known: Known = { ...finding, file: 'web/package-lock.json' };
  test.each<[string, Partial<Known>, 'new' | 'existing']>([
    ['trap 24: the same package, any version', {}, 'existing'],
    ['another file of the folder', { file: 'web/yarn.lock' }, 'existing'],
    ['one id in common', { ids: ['GHSA-a', 'PYSEC-9'] }, 'existing'],
    ['no id in common', { ids: ['CVE-2020-2'] }, 'new'],
    ['another folder', { file: 'package-lock.json' }, 'new'],
    ['a folder below', { file: 'web/a/package-lock.json' }, 'new'],
    ['another ecosystem', { eco: 'PyPI' }, 'new'],
    ['another package', { key: 'pkg2' }, 'new'],
  ])('%s', (_name, over, wanted) => {
    expect(baselineOf([known])({ ...known, ...over })).toBe(wanted);
  });

  test.each<[string, Partial<Known>, Partial<Known>, 'new' | 'existing']>([
    ['possible, now certain', { verdict: 'possible' }, {}, 'new'],
    ['certain, now possible', {}, { verdict: 'possible' }, 'existing'],
    ['development, now production', { scope: 'dev' }, {}, 'new'],
    ['production, now development', {}, { scope: 'dev' }, 'existing'],
    ['constrained only, now required', { constraintOnly: true }, {}, 'new'],
  ])('%s', (_name, old, now, wanted) => {
    expect(baselineOf([{ ...known, ...old }])({ ...known, ...now })).toBe(wanted);
    // One of equal weight among several is enough.
    expect(baselineOf([{ ...known, ...old }, known])({ ...known, ...now })).toBe('existing');
  });

  test('names such as __proto__, and paths with quotes, are keys like others', () => {
    const text = fc.oneof(fc.constantFrom('__proto__', 'constructor', '"a', 'a","b'), fc.string({ maxLength: 8 }));
    const one = fc.record({ file: text, key: text, id: text });
    const full = ({ file, key, id }: { file: string; key: string; id: string }): Known => ({
      ...known,
      file,
      key,
      ids: [id],
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), one, (list, now) => {
        const folder = (file: string): string => file.split('/').slice(0, -1).join('/');
        const has = list.some(
          (old) => folder(old.file) === folder(now.file) && old.key === now.key && old.id === now.id,
        );
        expect(baselineOf(list.map(full))(full(now))).toBe(has ? 'existing' : 'new');
      }),
      { numRuns: 2000 },
    );
  });
});

test('a notice is one only when no advisory of the group is more', () => {
  const record = (id: string, informational?: unknown, name = 'pkg'): OsvRecord => ({
    id,
    affected: [{ package: { ecosystem: 'crates.io', name }, database_specific: { informational } }],
  });
  const of = (...group: OsvRecord[]): string | undefined => informationalOf(group, 'crates.io', 'pkg');
  expect(of(record('RUSTSEC-1', 'unmaintained'))).toBe('unmaintained');
  expect(of(record('RUSTSEC-1', 'unsound'), record('GHSA-1'))).toBeUndefined();
  expect(of(record('RUSTSEC-1', null))).toBeUndefined();
  expect(of(record('RUSTSEC-1', 'notice', 'other'), record('RUSTSEC-2'))).toBeUndefined();
  expect(of()).toBeUndefined();
});
