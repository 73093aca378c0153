import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const core = fileURLToPath(new URL('../../../src/verify-canary/core/', import.meta.url));
const files = readdirSync(core, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** Every module that a text names: static, re-exported, for its effects only, or loaded at run time. */
function modulesOf(text: string): string[] {
  const found = text.matchAll(/\b(?:from|import|require)\s*\(?\s*(['"`])(.+?)\1/g);
  return [...found].map((match) => match[2] ?? '');
}

test('the search for imports knows every form', () => {
  const text = `import { a } from './a.ts';
    export * from "../b.ts"; import 'node:fs';
    const c = await import(\`c\`); const d = require('d');`;
  expect(modulesOf(text)).toEqual(['./a.ts', '../b.ts', 'node:fs', 'c', 'd']);
});

test.each(files)('core/%s imports nothing outside core', (name) => {
  const file = join(core, name);
  const outside = modulesOf(readFileSync(file, 'utf8')).filter((module) => {
    if (!module.startsWith('.')) return true;
    return relative(core, join(dirname(file), module)).startsWith('..');
  });
  expect(outside).toEqual([]);
});

test.each(files)('core/%s has no clock, no chance and no I/O', (name) => {
  const code = readFileSync(join(core, name), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  expect(code).not.toMatch(/\b(?:Date|performance|process|globalThis|setTimeout|fetch|crypto|console)\b|Math\.random/);
});
