/** No trap is lost: each of 1 to 43 stands in the name of a test. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from '../support/bundle.ts';

const sourcesOf = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== 'traps.test.ts')
    .map((entry) => readFileSync(join(root, folder, entry.name), 'utf8'));

test('every trap has its test', () => {
  const tests = ['__tests__/bump-helm-tag', '__tests__/yaml', '__tests__/git', '__tests__/github'].flatMap(sourcesOf);
  // In names alone, which are string literals: a comment proves nothing.
  const names = tests.flatMap((text) =>
    [...text.matchAll(/['"`]([^'"`\n]*\btraps? \d[^'"`\n]*)/g)].map((m) => String(m[1])),
  );
  const numbers = names.flatMap((name) =>
    [...name.matchAll(/\btraps? (\d+(?:(?:, | and )\d+)*)/g)].flatMap((m) =>
      String(m[1])
        .split(/, | and /)
        .map(Number),
    ),
  );
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: 43 }, (_, i) => i + 1));
});

test('every code that can be thrown stands in a test, and has its place in the README', () => {
  const code = /'([EW]_[A-Z0-9_]+)'/g;
  const folders = ['src/bump-helm-tag', 'src/yaml', 'src/git', 'src/github', 'src/argocd'];
  const thrown = new Set(
    folders.flatMap(sourcesOf).flatMap((text) => [...text.matchAll(code)].map((m) => String(m[1]))),
  );
  const tested = ['__tests__/bump-helm-tag', '__tests__/yaml', '__tests__/git', '__tests__/github', '__tests__/argocd']
    .flatMap((folder) => {
      try {
        return sourcesOf(folder);
      } catch {
        return [];
      }
    })
    .join('\n');
  const readme = readFileSync(join(root, 'actions/bump-helm-tag/README.md'), 'utf8');
  expect([...thrown].filter((name) => !new RegExp(`${name}\\b`).test(tested))).toEqual([]);
  expect([...thrown].filter((name) => !readme.includes(`#### ${name}\n`))).toEqual([]);
});
