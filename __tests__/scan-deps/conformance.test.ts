/** Real advisories, from the folder named by CONFORMANCE_DATA. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse as pep440 } from '@renovatebot/pep440';
import { unzipSync } from 'fflate';
import { groupAliases, primaryId } from '../../src/scan-deps/osv/groups.ts';
import { rememberingJudge } from '../../src/scan-deps/osv/index-slice.ts';
import { affects } from '../../src/scan-deps/osv/match.ts';
import { normaliseName } from '../../src/scan-deps/osv/names.ts';
import { isProblem, parseRecord } from '../../src/scan-deps/osv/record.ts';
import { judgeRange } from '../../src/scan-deps/osv/required.ts';
import type { Ecosystem, OsvAffected, OsvRecord } from '../../src/scan-deps/types.ts';
import { orderOf } from '../../src/scan-deps/version/index.ts';
import { contains, fromAffected } from '../../src/scan-deps/version/intervals.ts';
import { checkout, lockOf, type Scan } from './support.ts';

const data = process.env.CONFORMANCE_DATA ?? '';
const real = data === '' ? test.skip : test;

async function scan(files: Record<string, string>, inputs: Record<string, string> = {}): Promise<Scan> {
  using work = checkout(files);
  return await work.scan({ database: join(data, 'osv'), 'max-database-age': 'none', ...inputs });
}

const counts = ({ report }: Scan): Record<string, number> => {
  const result: Record<string, number> = {};
  for (const { package: name } of report.findings) result[name] = (result[name] ?? 0) + 1;
  return result;
};

describe('acceptance', () => {
  real('11.1: requests 2.30.0 has four findings, all medium', async () => {
    const green = await scan({ 'requirements.txt': 'requests==2.30.0\n' });
    expect([green.code, green.report.findings.map((f) => [f.level, f.state])]).toEqual([
      0,
      Array(4).fill(['medium', 'warn']),
    ]);
    const red = await scan({ 'requirements.txt': 'requests==2.30.0\n' }, { 'fail-on': 'medium' });
    expect([red.code, red.outputs.blocking]).toEqual([1, '4']);
  });

  real('11.1: the counts of six further pins', async () => {
    const pins = 'Pillow==9.0.0\nFlask==2.2.2\nurllib3==1.26.4\nPyYAML==5.3\nJinja2==2.11.2\nnumpy==1.20.0\n';
    const expected = { Pillow: 22, Flask: 2, urllib3: 9, PyYAML: 2, Jinja2: 5, numpy: 1 };
    expect(counts(await scan({ 'requirements.txt': pins }))).toEqual(expected);
  });

  const packages = {
    lodash: '4.17.20',
    minimist: '1.2.5',
    axios: '0.21.0',
    ws: '7.4.5',
    undici: '5.26.1',
    'ua-parser-js': '0.7.29',
    debug: '3.1.0',
  };
  const flat = Object.fromEntries(
    Object.entries(packages).map(([name, version]) => [`node_modules/${name}`, { version }]),
  );
  const nested = Object.fromEntries(Object.entries(packages).map(([name, version]) => [name, { version }]));
  real.each([
    [
      1,
      JSON.stringify(
        {
          lockfileVersion: 1,
          dependencies: { ...nested, a: { version: '1.0.0', dependencies: { lodash: { version: '4.17.21' } } } },
        },
        null,
        2,
      ),
    ],
    [2, JSON.stringify({ lockfileVersion: 2, packages: { '': {}, ...flat }, dependencies: nested }, null, 2)],
    [3, lockOf({ ...flat, 'node_modules/a/node_modules/lodash': { version: '4.17.21' } })],
  ])('11.2: lock version %d', async (_version, lock) => {
    const result = await scan({ 'package-lock.json': lock });
    expect(counts(result)).toEqual({ lodash: 2, minimist: 1, axios: 3, ws: 2, undici: 3, 'ua-parser-js': 1 });
    const lines = lock.split('\n');
    for (const f of result.report.findings) expect(lines[f.line - 1]).toContain(f.version);
  });

  const lists = [
    ['PyPI', 'pypi', 37],
    ['npm', 'semver', 86],
    ['Go', 'semver', 86],
    ['crates.io', 'semver', 86],
    ['Maven', 'maven', 102],
    ['RubyGems', 'rubygems', 25],
    ['Packagist', 'packagist', 95],
    ['NuGet', 'nuget', 35],
  ] as const;
  real.each(lists)('11.4: every line of the order list of %s (%s, %d lines)', (eco, list, total) => {
    const order = orderOf(eco);
    const signs = { '<': -1, '=': 0, '>': 1 } as Record<string, number>;
    const lines = readFileSync(join(data, 'osv/version-order', `${list}-versions.txt`), 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !/^(?:\/\/|#)/.test(line));
    const wrong = lines.filter((line) => {
      const [a = '', sign = '', b = ''] = line.split(' ');
      const [x, y] = [order.parse(a), order.parse(b)];
      return x === undefined || y === undefined || order.compare(x, y) !== signs[sign];
    });
    expect([wrong, lines.length]).toEqual([[], total]);
  });
});

// Half of the tests read the same archive, and none of them writes to a record.
const archives = new Map<Ecosystem, OsvRecord[]>();

function recordsOf(eco: Ecosystem): OsvRecord[] {
  const records = archives.get(eco) ?? readRecords(eco);
  archives.set(eco, records);
  return records;
}

function readRecords(eco: Ecosystem): OsvRecord[] {
  const members = Object.values(unzipSync(readFileSync(join(data, 'osv', eco, 'all.zip'))));
  return members.map((bytes) => {
    const record = parseRecord(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (isProblem(record)) throw new Error(record.message);
    return record;
  });
}

/** What a record says of one of its packages, as a record of its own, so that no other entry answers for it. */
function* entriesOf(eco: Ecosystem): Generator<{ record: OsvRecord; entry: OsvAffected; key: string }> {
  for (const record of recordsOf(eco)) {
    if (record.withdrawn !== undefined) continue;
    for (const entry of record.affected ?? []) {
      if (entry.package?.ecosystem !== eco) continue;
      yield { record: { ...record, affected: [entry] }, entry, key: normaliseName(eco, entry.package.name) };
    }
  }
}

describe('the matcher on every active record', () => {
  // The same versions come back in thousands of records.
  const known = new Map<string, string[]>();
  const respellings = (version: string): string[] => {
    const made = known.get(version) ?? respelt(version);
    known.set(version, made);
    return made;
  };
  const respelt = (version: string): string[] => {
    if (pep440(version) === null) return [];
    const release = /^v?(?:\d+!)?\d+(?:\.\d+)*/i.exec(version)?.[0] ?? '';
    return [`v${version}`, `${release}.0${version.slice(release.length)}`, version.toUpperCase()];
  };

  real(
    '11.3: 579,427 listed versions of PyPI are affected by their own record, 579,276 of them also respelt',
    () => {
      const seen = { pairs: 0, respelt: 0 };
      const missed: string[] = [];
      for (const { record, entry, key } of entriesOf('PyPI')) {
        if (!record.id.startsWith('PYSEC-')) continue;
        // Two records list one version twice.
        for (const version of new Set(entry.versions)) {
          const spellings = respellings(version);
          seen.pairs += 1;
          if (spellings.length > 0) seen.respelt += 1;
          for (const text of [version, ...spellings])
            if (typeof affects('PyPI', record, key, text) !== 'object') missed.push(`${record.id} ${text}`);
        }
      }
      expect([missed, seen]).toEqual([[], { pairs: 579_427, respelt: 579_276 }]);
    },
    600_000,
  );

  real.each([
    // Scrapy's record fixes and introduces at 2.0.0 in one list: the later word stands.
    ['PyPI', 9_582, ['PYSEC-2024-258 2.0.0']],
    ['Go', 5_309, []],
    ['crates.io', 994, []],
    ['npm', 207, []],
  ] as const)(
    '11.3: fixed versions of %s (%d) are not affected by their own range',
    (eco, total, known) => {
      let fixes = 0;
      const affected: string[] = [];
      for (const { record, entry, key } of entriesOf(eco)) {
        for (const range of (entry.ranges ?? []).filter(({ type }) => type !== 'GIT')) {
          const alone = { ...record, affected: [{ ...entry, ranges: [range], versions: [] }] };
          for (const { fixed } of range.events) {
            if (fixed === undefined) continue;
            fixes += 1;
            if (affects(eco, alone, key, fixed) !== 'clear') affected.push(`${record.id} ${fixed}`);
          }
        }
      }
      expect([affected, fixes]).toEqual([known, total]);
    },
    600_000,
  );
});

describe('11.13: ranges and further ecosystems', () => {
  const about = (eco: Ecosystem, key: string): OsvRecord[] =>
    recordsOf(eco).filter((r) => r.affected?.some((e) => normaliseName(eco, e.package?.name ?? '') === key));

  real('requests: certain, possible with a safe fresh install, clear', () => {
    const records = about('PyPI', 'requests');
    const hits = (range: string): unknown[] =>
      judgeRange({ eco: 'PyPI', key: 'requests', range }, records).map((hit) => {
        const { verdict, freshInstall, fixed, safeRange } = hit;
        return [primaryId(hit.group), verdict, freshInstall, fixed, safeRange];
      });
    expect(hits('>=2.33.0')).toEqual([]);
    expect(hits('>=2.3.0,<2.31.0')).toContainEqual(['CVE-2023-32681', 'certain', 'affected', '2.31.0', '>=2.33.0']);
    expect(hits('>=2.0')).toContainEqual(['CVE-2023-32681', 'possible', 'safe', '2.31.0', '>=2.33.0']);
    expect(hits('~=2.30')).toContainEqual(['CVE-2023-32681', 'possible', 'safe', '2.31.0', '~=2.33']);
  });

  real('lodash: ^4.17.20 is possible, and ^4.17.21 clears it', () => {
    const records = about('npm', 'lodash');
    const found = judgeRange({ eco: 'npm', key: 'lodash', range: '^4.17.20' }, records);
    expect(found.map((hit) => [hit.verdict, hit.freshInstall, hit.safeRange])).toEqual(
      found.map(() => ['possible', 'safe', '^4.17.21']),
    );
    expect(found.length).toBe(2);
    expect(judgeRange({ eco: 'npm', key: 'lodash', range: '^4.17.21' }, records)).toEqual([]);
  });

  real.each([
    ['Go', 'golang.org/x/text', '0.3.7', 2],
    ['Go', 'golang.org/x/net', '0.7.0', 16],
    ['crates.io', 'tokio', '1.8.0', 5],
    ['crates.io', 'smallvec', '0.6.9', 4],
    ['crates.io', 'libusb', '0.3.0', 1],
  ] as const)('%s %s %s: %d findings', (eco, key, version, total) => {
    const hits = about(eco, key).filter((record) => typeof affects(eco, record, key, version) === 'object');
    expect(groupAliases(hits)).toHaveLength(total);
  });

  real(
    'the pinned matcher and the set agree about every listed version and every event of every record',
    () => {
      const seen = { affected: 0, not: 0 };
      const differences: string[] = [];
      for (const eco of ['PyPI', 'npm', 'Go', 'crates.io'] as const) {
        const read = rememberingJudge(orderOf(eco));
        for (const { record, entry, key } of entriesOf(eco)) {
          // Limits outside the ranges are judged apart.
          if (entry.ecosystem_specific?.custom_ranges !== undefined) continue;
          const set = fromAffected(eco, [entry], read);
          const events = (entry.ranges ?? []).flatMap((range) =>
            range.events.flatMap((e) => Object.values(e) as string[]),
          );
          for (const version of [...(entry.versions ?? []).slice(0, 5), ...events]) {
            const at = orderOf(eco).parse(version);
            if (at === undefined) continue;
            const matched = typeof affects(eco, record, key, version) === 'object';
            seen[matched ? 'affected' : 'not'] += 1;
            if (contains(set, at) !== matched) differences.push(`${record.id} ${version}`);
          }
        }
      }
      expect(differences).toEqual([]);
      expect(seen.affected).toBeGreaterThan(15_000);
      expect(seen.not).toBeGreaterThan(10_000);
    },
    600_000,
  );
});
