import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkout } from './support.ts';

test.each([
  ['paths outside', { paths: '../..' }, 'E_INPUT', 'outside of the workspace'],
  ['paths missing', { paths: 'gone' }, 'E_INPUT', 'is not there'],
  ['a named file of no format', { paths: 'README.md' }, 'E_INPUT', 'no format'],
  ['empty paths', { paths: '' }, 'E_INPUT', 'is empty'],
  ['plain http to a host', { 'osv-url': 'http://osv.example.com' }, 'E_INPUT', 'https'],
  ['a URL with a password', { 'osv-url': 'https://u:p@osv.example.com' }, 'E_INPUT', 'https'],
  ['a bad glob', { exclude: 'a(b' }, 'E_INPUT', 'not a glob'],
  [
    'a bad level, and a bad word beside it',
    { 'fail-on': 'grave', unpinned: 'maybe' },
    'E_INPUT',
    'inputs fail-on, unpinned',
  ],
  ['a bad age', { 'max-database-age': 'old' }, 'E_INPUT', 'not a duration'],
  ['another mode', { mode: 'delta' }, 'E_INPUT', 'not one of auto, full, diff'],
  ['a database by another protocol', { database: 'ftp://example.com/osv' }, 'E_INPUT', 'not a plain https URL'],
  ['an option as base', { base: '--upload-pack=x' }, 'E_INPUT', 'not a branch, a tag or a commit id'],
  ['an expression as base', { base: 'main..dev' }, 'E_INPUT', 'not a branch, a tag or a commit id'],
  ['a timeout too long', { timeout: '901' }, 'E_INPUT', 'from 10 to 900'],
  ['everything private', { 'private-packages': '*' }, 'E_INPUT', 'prefix-*'],
  ['reports in .git', { 'report-dir': '.git/x' }, 'E_INPUT', 'inside .git'],
  ['a named ignore file that is absent', { 'ignore-file': 'gone.yml' }, 'E_IGNORE_FILE', 'is not there'],
  ['nothing to scan', { exclude: '**' }, 'E_NOTHING_TO_SCAN', 'no lockfile and no manifest'],
])('%s: one clear message, red, nothing written', async (_name, inputs, code, why) => {
  using work = checkout({ 'requirements.txt': 'a==1\n', 'README.md': 'x' });
  const scan = await work.scan({ 'osv-url': 'http://127.0.0.1:1', ...inputs });
  expect([scan.code, scan.outputs.passed]).toEqual([1, 'false']);
  const errors = scan.log.match(/^::error .*$/gm) ?? [];
  expect(errors).toEqual([expect.stringContaining(`[${code}]`)]);
  expect(errors[0]).toContain(why);
  expect([scan.report, existsSync(join(work.root, '.git/x'))]).toEqual([undefined, false]);
});

test('allow-empty is green without any question', async () => {
  using work = checkout({ 'README.md': 'x' });
  const scan = await work.scan({ 'allow-empty': 'true', 'osv-url': 'http://127.0.0.1:1' });
  expect([scan.code, scan.outputs.passed, scan.outputs.packages]).toEqual([0, 'true', '0']);
});
