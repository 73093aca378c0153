/** The delivery report in a real browser without a network: it shows, in every light, and says nothing on the console. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { DeliveryFacts } from '../../../lab/report/facts.ts';
import { renderReport } from '../../../lab/report/report.ts';
import { systemExec } from '../../../src/runner/index.ts';

const facts: DeliveryFacts = {
  app: 'histogram-eq',
  strategy: 'canary',
  revision: 'a'.repeat(40),
  verdict: 'fail',
  message: 'The canary is worse than stable: errors 20 % against 0 %.',
  jobs: [
    { name: 'deliver / test / lint', conclusion: 'success', start: 0, end: 4 },
    { name: 'deliver / rollout / stage (5 %)', conclusion: 'failure', start: 4, end: 20 },
  ],
  stages: [
    {
      name: '5 %',
      weight: 5,
      verdict: 'fail',
      message: 'errors',
      seconds: 9,
      commit: 'c'.repeat(40),
      report: undefined,
    },
  ],
  traffic: Array.from({ length: 20 }, (_, second) => ({ second, stable: 57, canary: 3, failed: second > 15 ? 1 : 0 })),
  wanted: [
    { second: 0, weight: 0 },
    { second: 8, weight: 5 },
  ],
  requests: { sent: 1200, failed: 4, toCanary: 60 },
  downtime: { failed: 4, byCode: { '500': 4 }, seconds: 4 },
  drift: undefined,
  audit: [
    { name: 'digest', status: 'ok', why: '', evidence: [{ name: 'digest', value: `sha256:${'b'.repeat(64)}` }] },
    { name: 'attestation', status: 'unverified', why: 'nobody vouches for it', evidence: [] },
  ],
  image: { ref: `127.0.0.1:1/histogram-eq:sha-1@sha256:${'b'.repeat(64)}`, reused: false, running: ['sha256:1'] },
  commits: [
    { sha: 'c'.repeat(40), subject: 'histogram-eq 5 %', trailers: [['Bump-Id', '1']], diff: '-weight: 0\n+weight: 5' },
  ],
  machine: '2 cores',
  timings: [{ name: 'build', seconds: 61 }],
};

let place: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'picture-'));
  await writeFile(join(place, 'report.html'), renderReport(facts));
});
afterAll(() => rm(place, { recursive: true, force: true }));

/** One start of the browser; no name resolves in it, so that whatever is fetched fails and is logged. */
const browse = (...args: readonly string[]) => browsePage('report.html', args);

async function browsePage(page: string, args: readonly string[]): Promise<{ out: string; log: string }> {
  const done = await systemExec(
    'chromium',
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--enable-logging=stderr', '--v=0'],
      ...['--host-resolver-rules=MAP * ~NOTFOUND', `--user-data-dir=${join(place, 'profile')}`],
      ...args,
      pathToFileURL(join(place, page)).href,
    ],
    { env: { PATH: process.env.PATH, HOME: place }, timeout: 120 },
  );
  expect(done.code).toBe(0);
  return { out: done.stdoutTail, log: done.stderrTail };
}

const sizeOf = (png: Buffer): [number, number] => [png.readUInt32BE(16), png.readUInt32BE(20)];

test.each([
  ['light', ['--window-size=1000,1600'], [1000, 1600]],
  ['dark', ['--window-size=1000,1600', '--blink-settings=preferredColorScheme=0'], [1000, 1600]],
  ['narrow', ['--window-size=500,1600'], [500, 1600]],
] as const)('a picture, %s, and a silent console', async (name, args, size) => {
  const path = join(place, `${name}.png`);
  const { log } = await browse(...args, `--screenshot=${path}`);
  expect(log).not.toMatch(/CONSOLE/);
  const png = await readFile(path);
  expect(sizeOf(png)).toEqual(size);
  // A page of one colour packs to a few kilobytes.
  expect(png.length).toBeGreaterThan(20_000);
});

test('a page that fetches, or breaks its own policy, is not silent', async () => {
  await writeFile(
    join(place, 'loud.html'),
    renderReport(facts).replace('<h1>', '<img src="https://example.org/x.png"><h1>'),
  );
  expect((await browsePage('loud.html', ['--dump-dom'])).log).toMatch(/CONSOLE/);
});

test('light and dark are different pictures', async () => {
  const [light, dark] = await Promise.all(['light', 'dark'].map((name) => readFile(join(place, `${name}.png`))));
  expect(light?.equals(dark ?? Buffer.alloc(0))).toBe(false);
});

test('it prints', async () => {
  const path = join(place, 'report.pdf');
  await browse('--no-pdf-header-footer', `--print-to-pdf=${path}`);
  expect((await readFile(path)).subarray(0, 5).toString()).toBe('%PDF-');
});

test('what a browser makes of it has all parts, and only native elements take the keyboard', async () => {
  const { out } = await browse('--dump-dom');
  expect([...out.matchAll(/<h2>([^<]*)/g)].map((match) => match[1])).toEqual(
    expect.arrayContaining(['Traffic', 'Stages', 'Jobs']),
  );
  expect(out).toMatch(/<details><summary>/);
  expect(out).not.toMatch(/tabindex|onclick/);
});
