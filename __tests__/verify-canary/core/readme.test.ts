/** What the README of the judge shows is what runs, and its trace is one. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { canonicalLine, type Interval, parseLine } from '../../../src/verify-canary/core/index.ts';
import { minute } from '../golden.ts';

const folder = new URL('../../../src/verify-canary/core/', import.meta.url);
const readme = readFileSync(new URL('README.md', folder), 'utf8');
const code = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';

test('the judge of a stream takes at most ten lines', () => {
  const lines = code.split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.length).toBeLessThanOrEqual(10);
});

test.each<[string, Partial<Interval>, string]>([
  ['healthy', { traffic: { stable: 1900, canary: 100 } }, 'pass healthy\n'],
  ['without the canary', { traffic: { stable: 100, canary: 0 } }, 'hold routing-not-applied\n'],
])('it judges a stream: %s', (_, { traffic }, said) => {
  const { stable = 0, canary = 0 } = traffic ?? {};
  const metrics = { errors: { stable: { n: stable, e: 0 }, canary: { n: canary, e: 0 } } };
  const lines = Array.from({ length: 20 }, (_, i) => canonicalLine(minute(i, { metrics })));
  const place = mkdtempSync(join(tmpdir(), 'judge-'));
  try {
    const file = join(place, 'judge.mts');
    writeFileSync(file, code.replace('./index.ts', new URL('index.ts', folder).href));
    const ran = spawnSync(process.execPath, [file], { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
    expect([ran.stderr, ran.stdout]).toEqual(['', said]);
  } finally {
    rmSync(place, { recursive: true });
  }
});

test('the trace that it shows is in canonical form', () => {
  const block = /\n\n((?: {4}.*\n)+)/.exec(readme)?.[1] ?? '';
  const joined = block
    .replaceAll(/\n {6,}/g, '')
    .split('\n')
    .map((line) => line.trim());
  const lines = joined.filter((line) => line !== '' && !line.includes('…'));
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(canonicalLine(parseLine(line), ['errors', 'latency', 'cpu'])).toBe(line);
});
