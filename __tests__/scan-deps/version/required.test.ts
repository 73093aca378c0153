/** Requirements without one version, through the action. */
import { expect, test } from '@jest/globals';
import { judge } from '../../../src/scan-deps/judge.ts';
import type { AdvisorySource } from '../../../src/scan-deps/osv/source.ts';
import { decide } from '../../../src/scan-deps/policy/decide.ts';
import type { Dep, OsvRecord } from '../../../src/scan-deps/types.ts';
import { advisory, CRITICAL, checkout, type Scan, zipOf } from '../support.ts';

const DATABASE = { database: 'db', 'max-database-age': 'none', exclude: 'db/**' };

async function scan(requirements: string, records: ReturnType<typeof advisory>[], inputs = {}): Promise<Scan> {
  using work = checkout({ 'requirements.txt': requirements, 'db/PyPI/all.zip': zipOf(records) });
  return await work.scan({ ...DATABASE, paths: 'requirements.txt', ...inputs });
}

const OLD = advisory('PYSEC-1', {
  name: 'requests',
  aliases: ['CVE-2023-32681'],
  events: [{ introduced: '2.3.0' }, { fixed: '2.31.0' }],
  versions: ['2.3.0', '2.30.0', 'odd one!'],
  vector: CRITICAL,
});
const NEW = advisory('PYSEC-2', {
  name: 'requests',
  events: [{ introduced: '0' }, { fixed: '2.33.0' }],
  vector: CRITICAL,
});

test('trap 28: a range that is affected as a whole blocks like a pin', async () => {
  const { code, report } = await scan('requests>=2.3.0,<2.31.0\n', [OLD]);
  expect([code, report.findings.map((f) => [f.verdict, f.state, f.fixed, f.freshInstall])]).toEqual([
    1,
    [['certain', 'block', '2.31.0', 'affected']],
  ]);
});

test('trap 28: a range that is affected in part warns, one finding a vulnerability, and says what to write', async () => {
  const { code, report, log } = await scan('requests>=2.0\n', [OLD, NEW]);
  expect([code, report.findings.map((f) => [f.id, f.verdict, f.state, f.fixed, f.safeRange])]).toEqual([
    0,
    [
      ['CVE-2023-32681', 'possible', 'warn', '2.31.0', '>=2.33.0'],
      ['PYSEC-2', 'possible', 'warn', '2.33.0', '>=2.33.0'],
    ],
  ]);
  expect(log).toContain('A fresh install gets a version that is not affected');
  expect(log).toContain('Write requests>=2.33.0.');
  expect(log).toContain('not every version that the requirement allows is affected');
});

test('trap 28: a range that no advisory touches is clear, and a pin in it would not have been', async () => {
  expect((await scan('requests>=2.33.0\n', [OLD, NEW])).report.findings).toEqual([]);
  expect((await scan('requests==2.30.0\n', [OLD, NEW])).report.findings).toHaveLength(2);
});

test('no fix at all: certain for every range, and nothing to write', async () => {
  const { report, log } = await scan('requests>=2.0\n', [
    advisory('PYSEC-3', { name: 'requests', events: [{ introduced: '0' }], vector: CRITICAL }),
  ]);
  expect(report.findings.map((f) => [f.verdict, f.state, f.safeRange])).toEqual([['certain', 'block', undefined]]);
  expect(log).toContain('Also the newest version that it allows is affected. No fixed version is known.');
});

test('Go: outside of the limits that an advisory keeps elsewhere, a pin is only possibly affected', async () => {
  const record: OsvRecord = {
    id: 'GO-2024-1',
    affected: [
      {
        package: { ecosystem: 'Go', name: 'example.com/m' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }],
        ecosystem_specific: {
          custom_ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '3.3.1' }] }],
        },
      },
    ],
  };
  const dep: Dep = {
    eco: 'Go',
    name: 'example.com/m',
    key: 'example.com/m',
    version: 'v3.3.1',
    file: 'go.mod',
    line: 3,
    endLine: 3,
    exact: true,
    scope: 'unknown',
    via: [],
    source: 'registry',
  };
  const source: AdvisorySource = {
    kind: 'database',
    url: 'db',
    lookup: async () => [],
    byIds: async () => new Map(),
    freshness: () => undefined,
  };
  const policy = {
    failOn: 'low',
    unknownSeverity: 'fail',
    unpinned: 'warn',
    devDependencies: 'warn',
    onlyFixed: false,
  } as const;
  const outcome = async (version: string): Promise<unknown[]> => {
    const { findings } = await judge([{ ...dep, version }], [{ records: [record] }], source);
    return findings.map((f) => [f.verdict, f.fixed, decide(f, policy, undefined)]);
  };
  expect(await outcome('v3.3.1')).toEqual([
    [
      'possible',
      undefined,
      { state: 'warn', reason: expect.stringContaining('fixed in 3.3.1; v3.3.1 is outside of that') },
    ],
  ]);
  expect(await outcome('v3.3.0')).toEqual([['certain', '3.3.1', expect.objectContaining({ state: 'block' })]]);
});
