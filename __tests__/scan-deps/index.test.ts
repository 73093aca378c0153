/** The index: the same answers as the archive, wherever it is kept and whatever happened to it. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { Deadline, systemClock } from '../../src/runner/index.ts';
import { judge } from '../../src/scan-deps/judge.ts';
import { databaseSource } from '../../src/scan-deps/osv/database.ts';
import { buildIndex } from '../../src/scan-deps/osv/index-build.ts';
import { normaliseName } from '../../src/scan-deps/osv/names.ts';
import type { AdvisorySource } from '../../src/scan-deps/osv/source.ts';
import type { Answer, Dep, Ecosystem, OsvAffected, OsvRecord } from '../../src/scan-deps/types.ts';
import { orderOf } from '../../src/scan-deps/version/index.ts';
import { advisory, CRITICAL, checkout, zipOf } from './support.ts';

const data = process.env.CONFORMANCE_DATA ?? '';
const real = data === '' ? test.skip : test;
const events = [{ introduced: '0' }, { fixed: '2.0' }];
const NOW = Date.parse('2026-06-01T00:00:00Z') / 1000;

let folder = mkdtempSync(join(tmpdir(), 'scan-index-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  folder = mkdtempSync(join(tmpdir(), 'scan-index-'));
});

function put(eco: Ecosystem, records: object[]): string {
  mkdirSync(join(folder, 'db', eco), { recursive: true });
  const path = join(folder, 'db', eco, 'all.zip');
  writeFileSync(path, zipOf(records as { id: string }[]));
  return path;
}

function source(options: { cache?: string; maxAge?: number; now?: number; db?: string } = {}): AdvisorySource {
  const clock = { ...systemClock, now: () => options.now ?? NOW };
  const deadline = new Deadline(600, systemClock);
  const { cache, maxAge, db = join(folder, 'db') } = options;
  return databaseSource({ folder: db, maxAge, clock, deadline, ...(cache === undefined ? {} : { cache }) });
}

async function ids(from: AdvisorySource, key: string, eco: Ecosystem = 'PyPI'): Promise<string[] | string> {
  const [answer] = await from.lookup([{ eco, key }]);
  if (answer !== undefined && 'unanswered' in answer) return answer.unanswered.code;
  return (answer?.records ?? []).map((record) => record.id);
}

/** The one index of an ecosystem in the cache. */
function stored(cache: string, eco = 'PyPI'): string {
  const [version = ''] = readdirSync(join(cache, `scan-deps-index-${eco}`));
  return join(cache, `scan-deps-index-${eco}`, version, arch(), 'index.bin');
}

test('an index is laid out as the tool cache of the runner, with its marker, and nothing else is left', async () => {
  put('PyPI', [advisory('PYSEC-1', { name: 'A.b', events })]);
  const cache = join(folder, 'tools');
  expect(await ids(source({ cache }), 'a-b')).toEqual(['PYSEC-1']);
  const [version = ''] = readdirSync(join(cache, 'scan-deps-index-PyPI'));
  expect(version).toMatch(/^1\.0\.0-h[0-9a-f]{16}$/);
  const at = join(cache, 'scan-deps-index-PyPI', version);
  expect([readdirSync(at).sort(), readdirSync(join(at, arch()))]).toEqual([
    [arch(), `${arch()}.complete`].sort(),
    ['index.bin'],
  ]);
});

test('the index answers while the archive stays as it is, and is built again when that changes', async () => {
  put('PyPI', [advisory('PYSEC-1', { name: 'a', events })]);
  const cache = join(folder, 'tools');
  await ids(source({ cache }), 'a');
  const made = statSync(stored(cache)).mtimeMs;
  expect(await ids(source({ cache }), 'a')).toEqual(['PYSEC-1']);
  expect(statSync(stored(cache)).mtimeMs).toBe(made);
  put('PyPI', [advisory('PYSEC-2', { name: 'a', events })]);
  expect(await ids(source({ cache }), 'a')).toEqual(['PYSEC-2']);
  expect(readdirSync(join(cache, 'scan-deps-index-PyPI'))).toHaveLength(2);
});

test('whatever byte of an index is damaged, the answer is that of the archive', async () => {
  const records = Array.from({ length: 12 }, (_, i) => advisory(`PYSEC-${i}`, { name: `p${i % 4}`, events }));
  put('PyPI', records);
  const cache = join(folder, 'tools');
  const expected = await ids(source({ cache }), 'p1');
  const path = stored(cache);
  const good = readFileSync(path);
  const places = [0, 8, 12, 16, 40, 4096, ...Array.from({ length: 60 }, (_, i) => Math.floor((i * good.length) / 60))];
  for (const at of places) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 0x55;
    writeFileSync(path, bad);
    expect([at, await ids(source({ cache }), 'p1')]).toEqual([at, expected]);
  }
  for (const bytes of [
    Buffer.alloc(0),
    good.subarray(0, 10),
    good.subarray(0, good.length - 1),
    Buffer.concat([good, good]),
  ]) {
    writeFileSync(path, bytes);
    expect(await ids(source({ cache }), 'p1')).toEqual(expected);
    expect(readFileSync(path).length).toBe(good.length);
  }
});

test('without the marker, and of another source, an index is not believed', async () => {
  put('PyPI', [advisory('PYSEC-1', { name: 'a', events })]);
  put('npm', [advisory('GHSA-1', { name: 'a', eco: 'npm', events })]);
  const cache = join(folder, 'tools');
  await ids(source({ cache }), 'a');
  const path = stored(cache);
  rmSync(`${join(path, '..')}.complete`);
  writeFileSync(path, 'half');
  expect(await ids(source({ cache }), 'a')).toEqual(['PYSEC-1']);
  await ids(source({ cache }), 'a', 'npm');
  writeFileSync(path, readFileSync(stored(cache, 'npm')));
  expect(await ids(source({ cache }), 'a')).toEqual(['PYSEC-1']);
});

test('a cache that cannot be written costs nothing but the index', async () => {
  put('PyPI', [advisory('PYSEC-1', { name: 'a', events })]);
  writeFileSync(join(folder, 'file'), '');
  expect(await ids(source({ cache: join(folder, 'file') }), 'a')).toEqual(['PYSEC-1']);
});

test('builders that race leave one whole index', async () => {
  const archive = put(
    'PyPI',
    Array.from({ length: 600 }, (_, i) => advisory(`PYSEC-${i}`, { name: `p${i}`, events })),
  );
  const target = join(folder, 'race/index.bin');
  const options = { eco: 'PyPI', source: 'x', now: NOW } as const;
  await Promise.all([1, 2, 3].map(() => buildIndex(archive, target, options)));
  expect(readdirSync(join(folder, 'race'))).toEqual(['index.bin']);
});

test('a build that is stopped leaves nothing behind', async () => {
  const archive = put('PyPI', [advisory('PYSEC-1', { name: 'a', events })]);
  const stop = new Error('stop');
  const onMember = (): never => {
    throw stop;
  };
  const options = { eco: 'PyPI', source: 'x', now: NOW, onMember } as const;
  await expect(buildIndex(archive, join(folder, 'stop/index.bin'), options)).rejects.toBe(stop);
  expect(readdirSync(join(folder, 'stop'))).toEqual([]);
});

describe('what is left over in the cache', () => {
  const old = NOW - 2 * 86_400;
  const leave = (path: string, bytes: string | Uint8Array, seconds: number): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    utimesSync(path, seconds, seconds);
    return path;
  };

  test('indexes of another format and unfinished files go when they are older than a day; nothing else does', async () => {
    const archive = put('PyPI', [advisory('PYSEC-1', { name: 'a', events })]);
    const cache = join(folder, 'tools');
    const all = join(cache, 'scan-deps-index-PyPI');
    const at = (version: string, file: string): string => join(all, version, arch(), file);
    await ids(source({ cache }), 'a');
    const good = readFileSync(stored(cache));
    rmSync(cache, { recursive: true });
    const gone = [
      leave(at('1.0.0-hold', 'index.bin'), 'SDINDEX0 of a version before', old),
      leave(join(all, '1.0.0-hold', `${arch()}.complete`), '', old),
      leave(at('1.0.0-hkilled', 'index.bin.7-x.tmp'), 'half', old),
      leave(at('1.0.0-hother', 'index.bin.7-x.spool'), 'half', old),
    ];
    const kept = [
      leave(at('1.0.0-hother', 'index.bin'), good, old),
      leave(at('1.0.0-hbeside', 'index.bin'), 'of a newer version, in use', NOW),
      leave(at('1.0.0-hbeside', 'index.bin.8-x.tmp'), 'just being written', NOW),
      leave(at('1.0.0-hother', 'of somebody else'), 'x', old),
      leave(join(cache, 'scan-deps-index-npm/1.0.0-h1', arch(), 'index.bin'), 'of another ecosystem', old),
    ];
    mkdirSync(dirname(at('1.0.0-hempty', 'x')), { recursive: true });
    expect(await ids(source({ cache }), 'a')).toEqual(['PYSEC-1']);
    expect([...gone.filter(existsSync), ...kept.filter((path) => !existsSync(path))]).toEqual([]);
    expect(readdirSync(all).filter((name) => ['1.0.0-hold', '1.0.0-hkilled'].includes(name))).toEqual([]);
    expect(existsSync(dirname(at('1.0.0-hempty', 'x')))).toBe(true);
    expect(existsSync(archive)).toBe(true);
  });

  test('runs beside each other that build and clean all answer', async () => {
    put('PyPI', [advisory('PYSEC-1', { name: 'a', events })]);
    const cache = join(folder, 'tools');
    await ids(source({ cache }), 'a');
    // Damaged and old: each run finds it unreadable, builds anew, and cleans.
    leave(stored(cache), 'damaged', old);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ids(source({ cache }), 'a')));
    expect(answers).toEqual(Array(8).fill(['PYSEC-1']));
    expect(readdirSync(dirname(stored(cache)))).toEqual(['index.bin']);
    expect(await ids(source({ cache }), 'a')).toEqual(['PYSEC-1']);
  });
});

test('a package that nobody asked for when the index was made is found as well', async () => {
  put('PyPI', [
    advisory('PYSEC-1', { name: 'a', events }),
    advisory('PYSEC-2', { name: 'b', events, versions: ['1.0', '3.0'] }),
    { ...advisory('PYSEC-3', { name: 'b', events }), withdrawn: '2026-02-01T00:00:00Z' },
  ]);
  const cache = join(folder, 'tools');
  await ids(source({ cache }), 'a');
  const made = statSync(stored(cache)).mtimeMs;
  const [later] = await source({ cache }).lookup([{ eco: 'PyPI', key: 'b' }]);
  const [plain] = await source().lookup([{ eco: 'PyPI', key: 'b' }]);
  expect(later).toEqual(plain);
  expect(later).toMatchObject({ records: [{ id: 'PYSEC-2', affected: [{ versions: ['3.0'] }] }] });
  expect(statSync(stored(cache)).mtimeMs).toBe(made);
});

test('trap 19: a date that lay in the future when the index was made counts once it has come', async () => {
  const dated = (id: string, modified: string): object => ({ ...advisory(id, { name: 'a', events }), modified });
  put('PyPI', [
    dated('PYSEC-1', '2026-05-01T00:00:00Z'),
    dated('PYSEC-2', '2027-07-09T00:00:00Z'),
    dated('PYSEC-3', '0001-01-01T00:00:00Z'),
  ]);
  const cache = join(folder, 'tools');
  const first = source({ cache });
  await ids(first, 'a');
  expect(first.freshness()).toBe('2026-05-01T00:00:00.000Z');
  const later = source({ cache, now: Date.parse('2027-08-01T00:00:00Z') / 1000 });
  await ids(later, 'a');
  expect(later.freshness()).toBe('2027-07-09T00:00:00.000Z');
  expect(await ids(source({ cache, maxAge: 86_400 }), 'a')).toBe('E_DB_STALE');
});

test('a record that cannot be read is red for who asks for its package, and for nobody else', async () => {
  put('PyPI', [
    { ...advisory('PYSEC-1', { name: 'a', events }), aliases: 7 },
    advisory('PYSEC-2', { name: 'b', events }),
  ]);
  for (const options of [{}, { cache: join(folder, 'tools') }, { cache: join(folder, 'tools') }]) {
    expect([await ids(source(options), 'a'), await ids(source(options), 'b')]).toEqual(['E_DB_CORRUPT', ['PYSEC-2']]);
  }
});

test('names that are no names, and names of prototypes, are found as what they are', async () => {
  const names = ['__proto__', 'constructor', 'toString', '\u0000', '\ud800', 'ä', 'a'.repeat(5000)];
  put(
    'npm',
    names.map((name, i) => advisory(`GHSA-${i}`, { name, eco: 'npm', events })),
  );
  const cache = join(folder, 'tools');
  for (const [i, name] of names.entries()) {
    const asWritten = JSON.parse(JSON.stringify(name)) as string;
    expect([name, await ids(source({ cache }), asWritten, 'npm')]).toEqual([name, [`GHSA-${i}`]]);
  }
  expect(await ids(source({ cache }), 'valueOf', 'npm')).toEqual([]);
});

test('what a range implies is not kept, what it does not is judged as before', async () => {
  const entry = {
    name: 'a',
    events: [{ introduced: '1.0' }, { fixed: '2.0' }],
    versions: ['1.0', '1.5', '3.0', 'odd-one-!'],
  };
  put('PyPI', [advisory('PYSEC-1', entry)]);
  const cache = join(folder, 'tools');
  for (const options of [{}, { cache }, { cache }]) {
    const [answer] = await source(options).lookup([{ eco: 'PyPI', key: 'a' }]);
    expect(answer).toMatchObject({ records: [{ affected: [{ versions: ['3.0', 'odd-one-!'] }] }] });
  }
});

const dep = (eco: Ecosystem, name: string, spec: { version?: string; range?: string }): Dep => ({
  eco,
  name,
  key: normaliseName(eco, name),
  ...spec,
  file: 'x',
  line: 1,
  endLine: 1,
  exact: true,
  scope: 'runtime',
  via: [],
  source: 'registry',
});

async function findings(deps: Dep[], from: AdvisorySource): Promise<unknown> {
  const answers: Answer[] = await from.lookup(deps.map(({ eco, key }) => ({ eco, key })));
  return await judge(deps, answers, from);
}

test('property: index and archive give equal findings', async () => {
  const version = fc.constantFrom(
    '0',
    '0.9',
    '1.0',
    '1.0.0',
    '1.5',
    '2.0',
    '2.0rc1',
    '3',
    'bad!',
    '99999999999999999991',
  );
  const event = fc.oneof(
    fc.record({ introduced: version }),
    fc.record({ fixed: version }),
    fc.record({ last_affected: version }),
    fc.record({ limit: version }),
  );
  const range = fc.record({
    type: fc.constantFrom('ECOSYSTEM', 'SEMVER', 'GIT'),
    events: fc.array(event, { maxLength: 4 }),
  });
  const entry = fc.record({
    package: fc.record({ ecosystem: fc.constantFrom('PyPI', 'PyPI:x', 'npm'), name: fc.constantFrom('a', 'A', 'b') }),
    ranges: fc.array(range, { maxLength: 2 }),
    versions: fc.array(version, { maxLength: 4 }),
    severity: fc.option(fc.constant([{ type: 'CVSS_V3', score: CRITICAL }]), { nil: null }),
    ecosystem_specific: fc.option(fc.record({ custom_ranges: fc.array(range, { maxLength: 1 }) }), { nil: null }),
  });
  const record = fc.record({
    aliases: fc.array(fc.constantFrom('CVE-1', 'CVE-2', 'X-1', 'X-2'), { maxLength: 2 }),
    summary: fc.constantFrom('', 'short', 'long '.repeat(200)),
    details: fc.option(fc.constant('told '.repeat(200)), { nil: null }),
    withdrawn: fc.option(fc.constant('2026-01-01T00:00:00Z'), { nil: null, freq: 5 }),
    affected: fc.array(entry, { maxLength: 3 }),
    database_specific: fc.constantFrom(null, { severity: 'HIGH' }, { cwe_ids: ['CWE-506'] }, { other: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 5 }), async (list) => {
      put(
        'PyPI',
        list.map((one, i) => ({ id: `X-${i}`, modified: '2026-01-01T00:00:00Z', ...one })),
      );
      const texts = ['0.9', '1.0', '1.0.0', '2.0', 'bad!', '99999999999999999991'];
      const deps = ['a', 'b'].flatMap((name) => [
        ...texts.map((text) => dep('PyPI', name, { version: text })),
        ...['', '>=1.0', '<2', '==1.*'].map((text) => dep('PyPI', name, { range: text })),
      ]);
      const cache = join(folder, 'tools');
      const expected = await findings(deps, source());
      expect(await findings(deps, source({ cache }))).toEqual(expected);
      expect(await findings(deps, source({ cache }))).toEqual(expected);
    }),
    { numRuns: 60, seed: 7 },
  );
});

describe('real advisories', () => {
  real.each(['PyPI', 'npm', 'Go', 'crates.io'] as const)(
    'acceptance 13: index and archive give equal findings for 2,000 random packages of %s',
    async (eco) => {
      const archive = readFileSync(join(data, 'osv', eco, 'all.zip'));
      const records = Object.values(unzipSync(archive)).map(
        (bytes) => JSON.parse(Buffer.from(bytes).toString()) as OsvRecord,
      );
      const packages = new Map<string, OsvAffected[]>();
      for (const entry of records.flatMap((r) => r.affected ?? [])) {
        if (entry.package?.ecosystem.split(':')[0] !== eco) continue;
        const key = normaliseName(eco, entry.package.name);
        packages.set(key, [...(packages.get(key) ?? []), entry]);
      }
      // By package, not by advisory: else most of the draws are of the few that have hundreds.
      const all = [...packages.values()];
      let state = 20260801;
      const random = (n: number): number => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return Math.floor((state / 2 ** 32) * n);
      };
      const deps = Array.from({ length: 2000 }, () => {
        const entries = all[random(all.length)] ?? [];
        const entry = entries[random(entries.length)];
        const fixed =
          entry?.ranges?.flatMap((range) => range.events.flatMap((e) => e.fixed ?? e.introduced ?? [])) ?? [];
        const versions = [...(entry?.versions ?? []), ...fixed, '0.0.1', '1.2.3'];
        const version = versions[random(versions.length)] ?? '1';
        const text = orderOf(eco).parse(version) === undefined ? '1.0.0' : version;
        return dep(eco, entry?.package?.name ?? '', random(5) === 0 ? { range: `>=${text}` } : { version: text });
      });
      const [db, cache] = [join(data, 'osv'), join(folder, 'tools')];
      const expected = (await findings(deps, source({ db }))) as { findings: unknown[] };
      expect(expected.findings.length).toBeGreaterThan(300);
      // As text: a comparison of two trees of this size takes longer than to make them.
      expect(JSON.stringify(await findings(deps, source({ db, cache }))) === JSON.stringify(expected)).toBe(true);
    },
    10 * 60_000,
  );
});

test('the action finds the same with and without a tool cache', async () => {
  using work = checkout({ 'requirements.txt': 'a==1.0\nb>=1\n' });
  const pypi = [
    advisory('PYSEC-1', { name: 'a', events, vector: CRITICAL }),
    advisory('PYSEC-2', { name: 'b', events }),
  ];
  work.write('../db/PyPI/all.zip', zipOf(pypi));
  const inputs = { database: '../db', 'max-database-age': 'none' };
  const plain = await work.scan(inputs);
  const cached = await work.scan(inputs, { RUNNER_TOOL_CACHE: join(folder, 'tools') });
  expect(plain.report.findings).toHaveLength(2);
  expect(JSON.stringify(cached.report)).toBe(JSON.stringify(plain.report));
});
