/** What a reader of the repository may rely on: no work left behind, no test that is not run, both fixtures for each rule. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { systemExec } from '../../src/runner/index.ts';
import { root } from '../support/bundle.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
// Tests that need what a machine may not have. Where it is missing they are named as skipped, and npm test counts them.
const CONDITIONAL = ["data === '' ? test.skip : test", 'check === undefined ? test.skip : test'];

async function sources(...patterns: string[]): Promise<string[]> {
  const listed = await systemExec('git', ['ls-files', '-z', '--', ...patterns], { cwd: root });
  expect(listed.code).toBe(0);
  const files = listed.stdout.toString('utf8').split('\0');
  return files.filter((file) => file !== '' && existsSync(join(root, file)));
}

test('no note of work that is left to do', async () => {
  // In two parts: this very file is looked at too.
  const notes = new RegExp(`\\b(${['TO', 'FIX'].map((w, i) => w + ['DO', 'ME'][i]).join('|')}|XX${'X'})\\b`);
  const files = await sources(':!dist', ':!**/fixtures/**', ':!package-lock.json');
  expect(files.length).toBeGreaterThan(500);
  expect(files.filter((file) => notes.test(read(file)))).toEqual([]);
});

test('no test is switched off, and none stands alone', async () => {
  const off = /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|todo|only|failing)\b|\b(?:xit|xtest|xdescribe|fdescribe)\(/g;
  const files = await sources('__tests__/**/*.ts');
  const found = files.flatMap((file) => {
    const text = CONDITIONAL.reduce((rest, known) => rest.replaceAll(known, ''), read(file));
    return [...text.matchAll(off)].map((match) => `${file}: ${match[0]}`);
  });
  expect(found).toEqual([]);
});

test('W01 to W18: each has a passing and a failing fixture', () => {
  const inTable = read('__tests__/tools/check-workflows.test.ts');
  const beside = read('__tests__/tools/check-workflows-beside.test.ts');
  const missing = Array.from({ length: 18 }, (_, i) => `W${String(i + 1).padStart(2, '0')}`).filter((rule) => {
    const [, row = ''] = new RegExp(`^  ${rule}: \\{\\n([\\s\\S]*?)^  \\},$`, 'm').exec(inTable) ?? [];
    const [, own = ''] = new RegExp(`^describe\\('${rule}'([\\s\\S]*?)^\\}\\);$`, 'm').exec(beside) ?? [];
    const paired = (text: string, good: RegExp, bad: RegExp): boolean => good.test(text) && bad.test(text);
    return !paired(row, /good: \[\s*\w/, /bad: \[\s*\w/) && !paired(own, /'passing fixture/, /'failing fixture/);
  });
  expect(missing).toEqual([]);
});
