/** What is generated and committed must match its sources. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { systemExec } from '../../src/runner/index.ts';
import { root } from '../support/bundle.ts';

const tool = (name: string, ...args: string[]) =>
  systemExec(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'tools', name, 'main.ts'), ...args],
    { cwd: root },
  );

test.each([
  ['dist/ matches src/, and no bundle is over 1.0 MB', 'build', ['--check']],
  ['.github/workflows/ matches workflows/', 'render', ['--check']],
  ['docs/delivery.svg matches its tool', 'picture', ['--check']],
  ['the tables of the READMEs match action.yml and the workflows', 'docs', ['--check']],
  ['every third-party action is pinned', 'pins', []],
  ['every workflow, rendering, example and snippet keeps the rules', 'check-workflows', []],
])('%s', async (_name, name, args) => {
  const result = await tool(name, ...args);
  expect(result.stderrTail).toBe('');
  expect(result.code).toBe(0);
});
