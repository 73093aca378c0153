/** actionlint and zizmor over the rendered workflows: clean, but for what they do not know of GitHub yet. */
import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { systemExec } from '../../src/runner/index.ts';
import { root } from '../support/bundle.ts';

const workflows = join(root, '.github/workflows');
const cache = join(root, '.lab/lint');

async function must(file: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const done = await systemExec(file, args, { env: { ...process.env, ...env }, timeout: 280 });
  if (done.code !== 0) throw new Error(`${file} ${args.join(' ')}: ${done.stderrTail.slice(-500)}`);
}
const there = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

test('actionlint', async () => {
  const tool = join(cache, 'actionlint');
  if (!(await there(tool))) {
    const path = `${process.env.PATH}:/usr/local/go/bin`;
    await mkdir(cache, { recursive: true });
    await must('env', ['go', 'install', 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'], {
      GOBIN: cache,
      PATH: path,
    });
  }
  const files = (await readdir(workflows)).map((name) => join(workflows, name));
  // References to the running repository ($/) and concurrency.queue are newer than it.
  const ignore = ['"\\$/', 'unexpected key "queue" for "concurrency"'];
  const done = await systemExec(tool, [
    '-no-color',
    '-shellcheck=',
    ...ignore.flatMap((text) => ['-ignore', text]),
    ...files,
  ]);
  expect([done.stdoutTail, done.code]).toEqual(['', 0]);
});

test('zizmor', async () => {
  const tool = join(cache, 'zizmor/bin/zizmor');
  if (!(await there(tool))) {
    await must('python3', ['-m', 'venv', join(cache, 'zizmor')]);
    await must(join(cache, 'zizmor/bin/pip'), ['install', '--quiet', 'zizmor==1.32.0']);
  }
  const done = await systemExec(tool, ['--offline', '--no-progress', '--format=plain', workflows], { timeout: 60 });
  expect(done.stdoutTail).toMatch(/No findings to report/);
  expect(done.code).toBe(0);
});
