import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseFlake8 } from '../../src/report-tests/flake8.ts';
import { parseJUnit } from '../../src/report-tests/junit.ts';
import { runAction } from '../support/bundle.ts';

const dir = mkdtempSync(join(tmpdir(), 'reports-'));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const JUNIT = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="1" tests="5" time="1.5">
<testcase classname="tests.test_a" name="test_ok" time="0.5" />
<testcase classname="tests.test_a" name="test_bad[a-b]" time="0.25"><failure message="AssertionError: assert 1 &lt; 0&#10;second">def test_bad():
&gt;       assert 1 &lt; 0

src/app.py:7: in helper
    check()
tests/test_a.py:12: AssertionError</failure></testcase>
<testcase classname="tests.test_a" name="test_old" file="tests/test_a.py" line="30" time="0"><failure message="no place">nothing here</failure></testcase>
<testcase classname="tests.test_b" name="test_err" time="0"><error message="failed on setup">/usr/lib/python3/x.py:3: OSError</error></testcase>
<testcase classname="tests.test_b" name="test_skip" time="0"><skipped type="pytest.skip" message="later"/></testcase>
</testsuite></testsuites>`;

describe('JUnit', () => {
  test('counts, names, reasons, and the place inside the repository where it happened', () => {
    const junit = parseJUnit(JUNIT, 'service');
    expect(junit).toMatchObject({ tests: 5, failures: 3, skipped: 1, seconds: 0.75 });
    expect(junit.failed[0]).toEqual({
      name: 'tests.test_a.test_bad[a-b]',
      why: 'AssertionError: assert 1 < 0\nsecond',
    });
    expect(junit.findings.map((finding) => finding.at)).toEqual([
      { file: 'service/tests/test_a.py', line: 12 },
      { file: 'service/tests/test_a.py', line: 31 },
      undefined,
    ]);
  });

  test.each([
    ['no XML', 'FAILED tests/test_a.py'],
    ['cut off', JUNIT.slice(0, 400)],
    ['another XML', '<html><body/></html>'],
    ['nothing', ''],
  ])('%s is refused', (_name, text) => {
    expect(() => parseJUnit(text, '')).toThrow(expect.objectContaining({ code: 'E_REPORT_FILE' }));
  });

  test('a run without tests is a report', () => {
    expect(parseJUnit('<testsuites><testsuite name="pytest" tests="0"></testsuite></testsuites>', '')).toMatchObject({
      tests: 0,
      failures: 0,
    });
  });

  test('entities of its own stay text: a bomb is none, a file is not read', () => {
    const bomb = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="t"><failure message="&b;&b; &f;">x</failure></testcase></testsuite>`;
    const read = (): string => parseJUnit(bomb, '').failed[0]?.why ?? '';
    let why: string;
    try {
      why = read();
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_REPORT_FILE' });
      return;
    }
    expect(why).toBe('&b;&b; &f;');
  });

  test('names like those of prototypes are names', () => {
    const text =
      '<testsuite><testcase name="__proto__" classname="constructor"><failure message="x"/></testcase></testsuite>';
    expect(parseJUnit(text, '').failed[0]?.name).toBe('constructor.__proto__');
  });

  test('any text: a report or one error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.boolean(), (text, wrap) => {
        const xml = wrap ? `<testsuite><testcase name="a"><failure>${text}</failure></testcase></testsuite>` : text;
        try {
          expect(parseJUnit(xml, '').tests).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toMatchObject({ code: 'E_REPORT_FILE' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('flake8', () => {
  test('findings with place and code; other lines are counted', () => {
    const text =
      "./a b.py:1:80: E501 line too long (90 > 79 characters)\nsrc/x.py:3:1: F401 'os' imported but unused\nTraceback\n";
    const { findings, codes, others } = parseFlake8(text, 'svc');
    expect(findings.map(({ at, title, level }) => [at, title, level])).toEqual([
      [{ file: 'svc/a b.py', line: 1, column: 80 }, 'E501', 'warning'],
      [{ file: 'svc/src/x.py', line: 3, column: 1 }, 'F401', 'error'],
    ]);
    expect(codes).toEqual([
      { code: 'E501', count: 1 },
      { code: 'F401', count: 1 },
    ]);
    expect(others).toBe(1);
  });
});

describe('the action', () => {
  test('failed tests first, then F, E9, C9, E, W; ten a level', async () => {
    const lines = ['W291 w', 'E501 e', 'C901 c', 'E999 syntax', 'F401 f'].map((rest, n) => `a.py:${n + 1}:1: ${rest}`);
    const many = Array.from({ length: 12 }, (_, n) => `b.py:${n + 1}:1: F811 again`);
    const run = await runAction('report-tests', {
      'junit-xml': file('junit.xml', JUNIT),
      flake8: file('flake8.txt', [...lines, ...many].join('\n')),
    });
    expect([run.code, run.outputs]).toEqual([0, { tests: '5', failures: '3' }]);
    const errors = run.log.match(/^::error[ :].*$/gm) ?? [];
    expect(errors).toHaveLength(10);
    expect(errors.slice(0, 3).every((line) => line.includes('title=tests.test_'))).toBe(true);
    expect(errors[3]).toContain('title=F401');
    expect(errors[9]).toContain('8 more errors');
    const warnings = (run.log.match(/^::warning .*$/gm) ?? []).map((line) => /title=(\w+)/.exec(line)?.[1]);
    expect(warnings).toEqual(['C901', 'E501', 'W291']);
    expect(run.summary).toContain('### 5 tests, 3 failed, 1 skipped');
    expect(run.summary).toContain('| `F811` | 12 |');
    expect(run.log).toContain('5 tests, 3 failed, 1 skipped, 17 findings of flake8');
  });

  test('trap 20: text of tests and paths issues no command and leaves its cell', async () => {
    const nasty = '::error file=x::gotcha&#10;::stop-commands::t&#10;| a | &lt;script&gt; %0A::add-mask::x';
    const xml = `<testsuite><testcase classname="c" name="${nasty}"><failure message="${nasty}">x</failure></testcase></testsuite>`;
    const run = await runAction('report-tests', {
      'junit-xml': file('nasty.xml', xml),
      flake8: file('nasty.txt', 'a,line=1::error::x.py:1:1: F401 ::warning::x\n::error::fake\n'),
    });
    const commands = run.log.split('\n').filter((line) => line.startsWith('::'));
    expect(commands.map((line) => line.split(/[ :]/)[2])).toEqual(['error', 'error', 'notice']);
    expect(run.log).not.toMatch(/^::(stop-commands|add-mask)/m);
    // In a code span it is text; in plain text it is escaped.
    expect(run.summary.replaceAll(/`[^`\n]*`/g, '')).not.toContain('<script>');
    const row = run.summary.split('\n').find((line) => line.includes('gotcha')) ?? '';
    expect(row.replaceAll('\\|', '').split('|')).toHaveLength(4);
  });

  test.each([
    ['a report that is not there', { flake8: '/nowhere/flake8.txt' }, 'E_REPORT_FILE'],
    ['a folder', { flake8: dir }, 'E_REPORT_FILE'],
    ['no report at all', {}, 'E_INPUT'],
    ['a folder outside', { flake8: 'x', 'working-directory': '../x' }, 'E_INPUT'],
  ])('%s is red', async (_name, inputs, code) => {
    const run = await runAction('report-tests', inputs as unknown as Record<string, string>);
    expect([run.code, run.log.match(/\[(E_[A-Z_]+)\]/)?.[1]]).toEqual([1, code]);
  });
});
