/** No trap is lost: each of T1 to T60 stands in the name of a test. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from '../support/bundle.ts';

/** Suites that need nothing but Node: what only an engine shows is shown by its stand-in too. */
const sourcesOf = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.e2e.test.ts') && name !== 'trap-numbers.test.ts')
    .map((name) => readFileSync(join(root, folder, name), 'utf8'));

test('every trap has its test', () => {
  const tests = ['__tests__/build-image', '__tests__/oci'].flatMap(sourcesOf);
  // In names alone, which are string literals: a comment proves nothing.
  const names = tests.flatMap((text) => [...text.matchAll(/['"`]([^'"`\n]*\bT\d[^'"`\n]*)/g)].map((m) => String(m[1])));
  const numbers = names.flatMap((name) => [...name.matchAll(/\bT(\d+)\b/g)].map((m) => Number(m[1])));
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
});
