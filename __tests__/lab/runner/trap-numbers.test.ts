/** No trap of a delivery is lost: each of 1 to 44 stands in the name of a test; and the versions that a check leans on stay. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from '../../support/bundle.ts';

/** Folders whose traps are those of a delivery; other actions count their own. */
const FOLDERS = ['audit', 'examples', 'lab', 'plan-delivery', 'report-delivery', 'report-tests', 'tools'];
/** Under another name where the trap is another action's too. */
const ELSEWHERE: Readonly<Record<number, [file: string, name: string]>> = {
  35: ['__tests__/scan-deps/api.test.ts', 'pages are read to the end, also those that hold only a token'],
};
const SERVICE = 'examples/histogram-eq/tests';

function textsOf(folder: string, end: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => readFileSync(join(root, folder, name), 'utf8'));
}

function numbersIn(texts: readonly string[], name: RegExp): number[] {
  return texts.flatMap((text) => [...text.matchAll(name)].map((m) => Number(m[1])));
}

test('every trap has its test', () => {
  // In names alone, which are string literals: a comment proves nothing.
  const ours = FOLDERS.flatMap((folder) => textsOf(`__tests__/${folder}`, '.test.ts'));
  const numbers = [
    ...numbersIn(ours, /^[^/\n]*['"`]trap (\d+)(?: \(|: | in )/gm),
    ...numbersIn(textsOf(SERVICE, '.py'), /^(?:async )?def test_(\d{1,2})_/gm),
  ];
  for (const [number, [file, name]] of Object.entries(ELSEWHERE)) {
    expect(readFileSync(join(root, file), 'utf8')).toContain(`test('${name}'`);
    numbers.push(Number(number));
  }
  const all = Array.from({ length: 44 }, (_, i) => i + 1);
  expect([...new Set(numbers)].filter((n) => all.includes(n)).sort((a, b) => a - b)).toEqual(all);
});

test('trap 44: the models of the chart are locked at the versions that are pinned, whatever Node installs them', () => {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
  const { devDependencies } = read('package.json') as { devDependencies: Record<string, string> };
  const { packages } = read('package-lock.json') as { packages: Record<string, { version: string }> };
  const models = Object.entries(devDependencies).filter(([name]) => name.includes('kubernetes-models'));
  const majors = models.map(([name, pinned]) => [name, Number.parseInt(pinned, 10)]);
  expect(Object.fromEntries(majors)).toEqual({
    'kubernetes-models': 5,
    '@kubernetes-models/gateway-api': 2,
    '@kubernetes-models/argo-cd': 4,
    '@kubernetes-models/argo-rollouts': 2,
    '@kubernetes-models/prometheus-operator': 6,
  });
  for (const [name, pinned] of models) {
    // A range would let an older Node choose narrower models.
    expect(pinned).toMatch(/^\d+\.\d+\.\d+$/);
    expect(packages[`node_modules/${name}`]?.version).toBe(pinned);
    const installed = read(`node_modules/${name}/package.json`) as { version: string };
    expect(installed.version).toBe(pinned);
  }
});
