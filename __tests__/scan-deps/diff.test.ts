/** A change against its base, on real refs of the lab's forge, in the shallow checkouts that runners have. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startOsv } from '../../lab/osv/server.ts';
import { type Files, type Scan, type Service, startService } from './diff-kit.ts';
import { advisory, CRITICAL, lockOf } from './support.ts';

const lodash = advisory('GHSA-35jh-r3h4-6jhm', {
  name: 'lodash',
  eco: 'npm',
  events: [{ introduced: '0' }, { fixed: '4.17.21' }],
  vector: CRITICAL,
  aliases: ['CVE-2021-23337'],
});
const minimist = advisory('GHSA-xvch-5gv4-984h', {
  name: 'minimist',
  eco: 'npm',
  events: [{ introduced: '0' }, { fixed: '1.2.6' }],
  vector: CRITICAL,
});
const requests = advisory('PYSEC-2023-74', {
  name: 'requests',
  events: [{ introduced: '2.3.0' }, { fixed: '2.31.0' }],
  vector: CRITICAL,
});
const npm = [lodash, minimist];

const lock = (versions: Record<string, string>): string =>
  lockOf(Object.fromEntries(Object.entries(versions).map(([name, version]) => [`node_modules/${name}`, { version }])), {
    dependencies: { mkdirp: '^0.5.0' },
  });
const start: Files = { 'package-lock.json': lock({ lodash: '4.17.19' }), 'README.md': 'a service\n' };
const states = (scan: Scan): string[] => scan.report.findings.map((f) => `${f.package} ${f.version} ${f.state}`);

let service: Service;
beforeEach(async () => {
  service = await startService(start);
  await service.database('npm', npm);
  await service.database('PyPI', [requests]);
});
afterEach(async () => service[Symbol.asyncDispose]());

const fetches = (): number => service.forge.requests().filter((r) => r.path.endsWith('git-upload-pack')).length;

async function pullOf(files: Files, branch = 'change'): Promise<Scan> {
  await service.commit(branch, files);
  const { event } = await service.pull(branch);
  return service.scan(await service.checkout(event.sha), event);
}

describe('a pull request, as a shallow clone of its merge commit', () => {
  test('trap 24: a bump that keeps a hole is not new; the base is the first parent, fetched once', async () => {
    await service.commit('change', { 'package-lock.json': lock({ lodash: '4.17.20' }) });
    const base = await service.git(`${service.folder}/author`, 'rev-parse', 'origin/main');
    const { event } = await service.pull('change');
    const root = await service.checkout(event.sha);
    service.forge.clearRequests();
    const scan = await service.scan(root, event);
    expect([scan.code, scan.outputs.new, scan.outputs.blocking, states(scan)]).toEqual([
      0,
      '0',
      '0',
      ['lodash 4.17.20 existing'],
    ]);
    expect(scan.report).toMatchObject({ mode: 'diff', base, complete: true });
    expect(scan.log).toContain(`judges what is new since ${base} (first parent of the merge commit)`);
    expect(scan.log).toMatch(
      new RegExp(`^::notice .*0 blocking, 0 new since ${base.slice(0, 12)} \\(mode diff\\)`, 'm'),
    );
    expect(scan.summary).toContain(`0 new since \`${base}\` (mode diff).`);
    expect(JSON.parse(scan.outputs.json ?? '')).toMatchObject({ mode: 'diff', base, new: 0 });
    expect(fetches()).toBe(1);
    expect(await service.git(root, 'status', '--porcelain')).toBe('');
    await service.git(root, 'fsck', '--connectivity-only');
    service.forge.clearRequests();
    expect([(await service.scan(root, event)).outputs.new, fetches()]).toEqual(['0', 0]);
  });

  test('a vulnerable transitive package that comes in is new, and blocks', async () => {
    const scan = await pullOf({ 'package-lock.json': lock({ lodash: '4.17.19', mkdirp: '0.5.1', minimist: '0.0.8' }) });
    expect([scan.code, scan.outputs.new, states(scan)]).toEqual([
      1,
      '1',
      ['minimist 0.0.8 block', 'lodash 4.17.19 existing'],
    ]);
    expect(scan.log).toMatch(/^::error title=minimist 0.0.8.*package-lock.json/m);
    expect(scan.log).not.toMatch(/^::(?:error|warning) title=lodash/m);
  });

  test('a fix is judged like the rest: nothing is left', async () => {
    const scan = await pullOf({ 'package-lock.json': lock({ lodash: '4.17.21' }) });
    expect([scan.code, scan.outputs.new, scan.outputs.findings]).toEqual([0, '0', '0']);
  });

  test('a renamed lock keeps its findings, a copied one does not', async () => {
    const moved = await pullOf({ 'package-lock.json': null, 'web/package-lock.json': lock({ lodash: '4.17.20' }) });
    expect([moved.outputs.new, states(moved)]).toEqual(['0', ['lodash 4.17.20 existing']]);
    const copied = await pullOf({ 'web/package-lock.json': lock({ lodash: '4.17.19' }) }, 'copy');
    expect([copied.code, copied.report.findings.map((f) => [f.file, f.state])]).toEqual([
      1,
      [
        ['web/package-lock.json', 'block'],
        ['package-lock.json', 'existing'],
      ],
    ]);
  });

  test('a renamed lock keeps its findings also when only the new folder is scanned', async () => {
    await service.commit('change', { 'package-lock.json': null, 'web/package-lock.json': lock({ lodash: '4.17.20' }) });
    const { event } = await service.pull('change');
    const root = await service.checkout(event.sha);
    for (const paths of ['web', 'web/package-lock.json']) {
      expect((await service.scan(root, event, { paths })).outputs.new).toBe('0');
    }
  });

  test('a partial clone, as of a sparse checkout: what is missing comes by one connection, renames too', async () => {
    await service.commit('main', {
      'requirements.txt': 'requests==2.30.0\n',
      'more/requirements.txt': 'requests==2.30.0\n',
    });
    await service.commit('change', {
      'package-lock.json': null,
      'web/package-lock.json': lock({ lodash: '4.17.20' }),
      'requirements.txt': 'requests==2.29.0\n',
      'more/requirements.txt': 'requests==2.28.0\n',
    });
    const { event } = await service.pull('change');
    const root = await service.checkout(event.sha, { filter: 'blob:none' });
    service.forge.clearRequests();
    const scan = await service.scan(root, event);
    expect([scan.code, scan.outputs.new, scan.outputs.findings, scan.report.notices]).toEqual([0, '0', '3', []]);
    // The commit, the lock that moved, and the two files that changed.
    expect(fetches()).toBe(3);
  });

  test('a base file that cannot be read makes all its findings new, and is named', async () => {
    await service.commit('main', { 'package-lock.json': '{ "lockfileVersion": 3, "packages": ' });
    const scan = await pullOf({ 'package-lock.json': lock({ lodash: '4.17.19' }) });
    expect([scan.code, scan.outputs.new, scan.outputs.complete]).toEqual([1, '1', 'true']);
    expect(scan.log).toMatch(/^::warning .*the base's package-lock.json could not be read.*\[W_BASE_UNREAD\]$/m);
  });

  test('includes of the base are read too, whatever they are called', async () => {
    await service.commit('main', { 'requirements.txt': '-r deps/base.pip\n', 'deps/base.pip': 'requests==2.30.0\n' });
    const scan = await pullOf({ 'deps/base.pip': 'requests==2.29.0\n' });
    expect([scan.code, scan.outputs.new, scan.report.findings.map((f) => f.file)]).toEqual([
      0,
      '0',
      ['deps/base.pip', 'package-lock.json'],
    ]);
  });

  test('a hole gets no pass from one that weighed less: possible before, certain now', async () => {
    await service.commit('main', { 'requirements.txt': 'requests>=2.0\n' });
    const scan = await pullOf({ 'requirements.txt': 'requests==2.30.0\n' });
    expect([scan.code, states(scan)[0]]).toEqual([1, 'requests 2.30.0 block']);
    const same = await pullOf({ 'requirements.txt': 'requests>=2.1\n' }, 'other');
    expect(states(same)).toContain('requests undefined existing');
  });

  test('a base equal to the checkout means everything, never an empty diff', async () => {
    const sha = await service.commit('change', { 'README.md': 'changed\n' });
    const root = await service.checkout(sha);
    const scan = await service.scan(root, { name: 'workflow_dispatch', sha, payload: {} }, { mode: 'diff', base: sha });
    expect([scan.code, scan.report.mode, states(scan)]).toEqual([1, 'full', ['lodash 4.17.19 block']]);
    expect(scan.log).toMatch(/^::warning .*\[W_FULL_SCAN\]$/m);
    // Who did not ask for a diff by name is told in the log.
    const payload = { pull_request: { base: { sha }, head: { sha } } };
    const auto = await service.scan(root, { name: 'pull_request', sha, payload });
    expect([auto.code, auto.report.mode, auto.report.notices]).toEqual([1, 'full', []]);
    expect(auto.log).toMatch(/^judges everything: the base .* is the commit that is checked out$/m);
    expect(auto.log).not.toContain('W_FULL_SCAN');
  });
});

describe('trap 23: where the base comes from', () => {
  test('the head branch is checked out, and its tip is itself a merge: base.sha', async () => {
    const first = await service.commit('change', {
      'package-lock.json': lock({ lodash: '4.17.20', minimist: '1.2.5' }),
    });
    const main = await service.commit('main', { 'README.md': 'main went on\n' });
    const head = await service.commit('change', {}, { merge: 'origin/main' });
    const { event } = await service.pull('change');
    const root = await service.checkout(head, { depth: 3 });
    // Compared with its own first parent, the new package would not be new.
    expect(await service.git(root, 'rev-parse', 'HEAD^1')).not.toBe(main);
    for (const sha of [event.sha, head]) {
      const scan = await service.scan(root, { ...event, sha });
      expect([scan.report.base, scan.outputs.new, states(scan)[0]]).toEqual([main, '1', 'minimist 1.2.5 block']);
    }
    expect(first).not.toBe(main);
  });

  test('the merge queue: merge_group.base_sha, not main', async () => {
    const ahead = await service.commit('gh-readonly-queue/main/pr-1', {
      'package-lock.json': lock({ lodash: '4.17.19', minimist: '1.2.5' }),
    });
    const tip = await service.commit(
      'gh-readonly-queue/main/pr-2',
      { 'package-lock.json': lock({ lodash: '4.17.20', minimist: '1.2.5' }), 'requirements.txt': 'requests==2.30.0\n' },
      { from: ahead },
    );
    const event = { name: 'merge_group', sha: tip, payload: { merge_group: { base_sha: ahead, head_sha: tip } } };
    const scan = await service.scan(await service.checkout(tip), event);
    expect([scan.report.base, scan.outputs.new, states(scan)]).toEqual([
      ahead,
      '1',
      ['requests 2.30.0 block', 'lodash 4.17.20 existing', 'minimist 1.2.5 existing'],
    ]);
  });

  test('a push judges everything; with mode: diff before, unless it is zeros, gone or forced', async () => {
    const before = await service.commit('change', { 'README.md': 'one\n' });
    const sha = await service.commit('change', { 'package-lock.json': lock({ lodash: '4.17.20', minimist: '1.2.5' }) });
    const root = await service.checkout(sha);
    const push = (payload: object, inputs = {}) => service.scan(root, { name: 'push', sha, payload }, inputs);
    const facts = (scan: Scan) => [scan.report.mode, scan.outputs.new];
    expect(facts(await push({ before }))).toEqual(['full', '2']);
    expect(facts(await push({ before }, { mode: 'diff' }))).toEqual(['diff', '1']);
    service.forge.clearRequests();
    for (const payload of [{ before: '0'.repeat(40) }, { before: 'a'.repeat(40) }, { before, forced: true }]) {
      const scan = await push(payload, { mode: 'diff' });
      expect(facts(scan)).toEqual(['full', '2']);
      expect(scan.log).toMatch(/^::warning .*everything is judged.*\[W_FULL_SCAN\]$/m);
    }
    // Only the commit that might have been there was asked for.
    expect(fetches()).toBeLessThanOrEqual(2);
  });

  test('pull_request_target: base.sha, and a warning when the head is checked out', async () => {
    const head = await service.commit('change', { 'package-lock.json': lock({ minimist: '1.2.5' }) });
    const { event } = await service.pull('change');
    const base = (event.payload as { pull_request: { base: { sha: string } } }).pull_request.base.sha;
    const target = { ...event, name: 'pull_request_target', sha: base };
    const risky = await service.scan(await service.checkout(head), target);
    expect([risky.report.base, risky.outputs.new]).toEqual([base, '1']);
    expect(risky.log).toMatch(/^::warning .*\[W_UNTRUSTED_CHECKOUT\]$/m);
    const merge = await service.scan(await service.checkout(event.sha), target, { mode: 'full' });
    expect(merge.log).toMatch(/^::warning .*\[W_UNTRUSTED_CHECKOUT\]$/m);
    const safe = await service.scan(await service.checkout(base), target);
    expect([safe.report.mode, safe.log]).toEqual(['full', expect.not.stringContaining('W_UNTRUSTED_CHECKOUT')]);
  });

  test('a base that is not to be had is red: neither everything nor nothing passes for the change', async () => {
    await service.commit('change', { 'README.md': 'changed\n' });
    const { event } = await service.pull('change');
    const root = await service.checkout(event.sha);
    await service.git(root, 'remote', 'set-url', 'origin', `${service.forge.url}/org/gone.git`);
    const scan = await service.scan(root, event);
    expect([scan.code, scan.outputs.passed, scan.report]).toEqual([1, 'false', null]);
    expect(scan.log).toMatch(/^::error .*first parent of the merge commit.*could not be fetched.*\[E_DIFF_BASE\]$/m);
    expect((await service.scan(root, event, { mode: 'full' })).report.mode).toBe('full');
  });
});

test('a private repository: the base comes by what the checkout keeps to log in, and only so', async () => {
  await using secret = await startService(start, { private: true });
  await secret.database('npm', npm);
  await secret.commit('change', { 'package-lock.json': lock({ lodash: '4.17.20' }) });
  const { event } = await secret.pull('change');
  const root = await secret.checkout(event.sha);
  const key = `http.${secret.forge.url}/.extraheader`;
  const header = await secret.git(root, 'config', key);
  await secret.git(root, 'config', '--unset', key);
  const without = await secret.scan(root, event, { 'on-error': 'warn' });
  expect([without.code, without.outputs.passed]).toEqual([1, 'false']);
  expect(without.log).toMatch(/\[E_DIFF_BASE\]$/m);
  await secret.git(root, 'config', key, header);
  const scan = await secret.scan(root, event);
  expect([scan.code, scan.outputs.new]).toEqual([0, '0']);
  const deep = await secret.checkout(event.sha, { depth: 2 });
  await secret.git(deep, 'config', '--unset', key);
  secret.forge.clearRequests();
  const local = await secret.scan(deep, event);
  expect([local.report.base, secret.forge.requests()]).toEqual([scan.report.base, []]);
  for (const { log } of [scan, without]) expect(log).not.toContain(header.split(' ').at(-1));
});

test('a checkout below the workspace (path), and a lock in a folder of it', async () => {
  await service.commit('change', { 'web/package-lock.json': lock({ minimist: '1.2.5' }) });
  const { event } = await service.pull('change');
  const root = await service.checkout(event.sha, { path: 'service' });
  const scan = await service.scan(root, event, { paths: 'service' });
  expect([scan.code, scan.outputs.new, scan.report.findings.map((f) => [f.file, f.state])]).toEqual([
    1,
    '1',
    [
      ['service/web/package-lock.json', 'block'],
      ['service/package-lock.json', 'existing'],
    ],
  ]);
});

test('trap 27: both sides are asked in one round, nothing twice, nothing that is gone or private', async () => {
  const packages = (extra: Record<string, string>): string =>
    lock({ ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`p${i}`, '1.0.0'])), ...extra });
  await service.commit('main', {
    'package-lock.json': packages({ lodash: '4.17.19', gone: '1.0.0', '@acme/hidden': '1.0.0', '@acme/old': '1.0.0' }),
  });
  await service.commit('change', {
    'package-lock.json': packages({ lodash: '4.17.20', minimist: '1.2.5', '@acme/hidden': '1.1.0' }),
  });
  const { event } = await service.pull('change');
  const root = await service.checkout(event.sha);
  await using osv = await startOsv({ advisories: npm });
  const scan = await service.scan(root, event, { 'osv-url': osv.url, 'private-packages': '@acme/*' });
  expect([scan.outputs.new, states(scan)]).toEqual(['1', ['minimist 1.2.5 block', 'lodash 4.17.20 existing']]);
  const requests = osv.requests();
  expect(requests.map((r) => r.path)).toEqual(['/v1/querybatch', '/v1/query', '/v1/query', '/v1/query']);
  const { queries } = JSON.parse(requests[0]?.body ?? '') as {
    queries: { package: { name: string }; version: string }[];
  };
  // 20 that did not change, minimist, and lodash as it is and as it was.
  expect([queries.length, new Set(queries.map((q) => JSON.stringify(q))).size]).toEqual([23, 23]);
  expect(queries.filter((q) => q.package.name === 'lodash').map((q) => q.version)).toEqual(['4.17.20', '4.17.19']);
  expect(requests.map((r) => r.body).join()).not.toMatch(/acme|gone/);
  const offline = await service.scan(root, event, { 'private-packages': '@acme/*' });
  expect(JSON.stringify(offline.report.findings)).toBe(JSON.stringify(scan.report.findings));
});

test('trap 26: malware blocks in a diff too, also when the base has it', async () => {
  const evil = advisory('GHSA-pjwm-rvh2-c87w', {
    name: 'ua-parser-js',
    eco: 'npm',
    versions: ['0.7.29'],
    more: { database_specific: { cwe_ids: ['CWE-506'] } },
  });
  await service.database('npm', [evil]);
  await service.commit('main', { 'package-lock.json': lock({ 'ua-parser-js': '0.7.29' }) });
  const scan = await pullOf({ 'README.md': 'changed\n' });
  expect([scan.code, scan.outputs.blocking, scan.report.mode]).toEqual([1, '1', 'diff']);
});

test('trap 22: entries of the ignore file that the base lacks apply, and are marked as new in this change', async () => {
  const expires = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  const entry = (id: string, reason: string): string => `  - { id: ${id}, reason: ${reason}, expires: ${expires} }\n`;
  const old = entry('CVE-2021-23337', 'templates are never used here');
  const head = 'version: 1\nignore:\n';
  await service.commit('main', { '.github/scan-deps.yml': head + old });
  const scan = await pullOf({
    '.github/scan-deps.yml': head + entry('GHSA-xvch-5gv4-984h', 'only used to build the docs') + old,
    'package-lock.json': lock({ lodash: '4.17.19', minimist: '1.2.5' }),
  });
  expect([scan.code, scan.outputs.new, states(scan)]).toEqual([
    0,
    '0',
    ['lodash 4.17.19 ignored', 'minimist 1.2.5 ignored'],
  ]);
  expect(scan.summary).toMatch(/xvch-5gv4-984h.*new in this change/);
  expect(scan.summary.match(/new in this change/g)).toHaveLength(1);
  expect(scan.report.ignores.map((i) => [i.id, i.newInChange])).toEqual([
    ['GHSA-xvch-5gv4-984h', true],
    ['CVE-2021-23337', undefined],
  ]);
});
