import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Bench, bench } from './kit.ts';

/** Replaces the engine by a script. @returns PATH */
async function engine(b: Bench, script: string): Promise<{ PATH: string }> {
  const answers = 'case "$1" in version) echo "Version: 1.33.0"; exit 0;; info) exit 0;; esac';
  await writeFile(join(b.temp, '..', 'buildah'), `#!/bin/sh\n${answers}\n${script}\n`, { mode: 0o755 });
  await writeFile(join(b.temp, '..', 'docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  return { PATH: `${join(b.temp, '..')}:/usr/bin:/bin` };
}

const file = (name: string): string => `while [ "$1" != ${name} ]; do shift; done; printf %s`;
const id = 'a'.repeat(64);

test.each([
  ['T1 exit 1 with empty stderr', 'exit 1', 'E_BUILD'],
  ['T59 closed pipes', 'exec <&- >&- 2>&-; exit 1', 'E_BUILD'],
  ['T2 killed by a signal', 'kill -KILL $$', 'E_ENGINE_KILLED'],
  ['T3 exit 0 and no image ID', 'exit 0', 'E_ENGINE_OUTPUT'],
  [
    'T3 exit 0 and the digest of the config',
    `case "$1" in build) ${file('--iidfile')} sha256:${id} > "$2";; push) ${file('--digestfile')} sha256:${id} > "$2";; esac`,
    'E_ENGINE_OUTPUT',
  ],
  [
    'T4 exit 0 and a digest that the registry does not have',
    `case "$1" in build) ${file('--iidfile')} sha256:${id} > "$2";; push) ${file('--digestfile')} sha256:${'b'.repeat(64)} > "$2";; esac`,
    'E_DIGEST',
  ],
  ['T58 full disk', 'echo "Error: no space left on device" >&2; exit 1', 'E_DISK_FULL'],
])('%s is red, no final tag, nothing left', async (_name, script, code) => {
  await using b = await bench();
  const result = await b.run({}, await engine(b, script));
  expect(result.code).toBe(1);
  expect(result.log).toContain(`[${code}]`);
  expect(b.lab.tags('o/app')).toEqual([]);
  expect(await b.leftovers()).toEqual([]);
});

test('T50 engine output cannot issue commands', async () => {
  await using b = await bench();
  const result = await b.run(
    {},
    await engine(b, "echo '::set-output name=x::y'; echo '##[error]x'; echo '::add-mask::z'; exit 1"),
  );
  expect(result.log).not.toMatch(/^::(set-output|add-mask)/m);
  // A line that is a command already is not searched for the older form.
  const plain = result.log.split('\n').filter((line) => !line.startsWith('::'));
  expect(plain.join('\n')).not.toContain('##[error]');
});

test('T52 SIGTERM while the engine runs: red, directory gone', async () => {
  await using b = await bench();
  const stop = new AbortController();
  const env = await engine(b, 'exec sleep 30');
  const running = b.run({}, env, stop.signal);
  setTimeout(() => stop.abort(), 2500);
  const result = await running;
  expect(result.log).toContain('[E_CANCELLED]');
  expect(result.code).toBe(1);
  expect(await b.leftovers()).toEqual([]);
});

test('secrets appear nowhere but in the mask commands', async () => {
  await using b = await bench({ auth: { kind: 'basic', users: { u: 'canary-password' } } });
  const inputs = { username: 'u', password: 'canary-password', secrets: 'k=canary-value' };
  for (const env of [{}, await engine(b, 'echo canary-value canary-password; env; exit 1')]) {
    const result = await b.run({ ...inputs, reuse: 'off' }, env);
    const shown = result.log.split('\n').filter((l) => !l.startsWith('::add-mask::'));
    expect([...shown, JSON.stringify(result.outputs), result.summary].filter((l) => l.includes('canary-'))).toEqual([]);
    expect(await b.leftovers()).toEqual([]);
  }
});

test.each([
  [{ operation: 'head-manifest' as const, answer: { status: 503, headers: { 'retry-after': '0' } } }],
  [{ operation: 'start-upload' as const, reset: 'before' as const }],
  [{ operation: 'put-manifest' as const, skip: 1, answer: { status: 502, when: 'after' as const } }],
  [{ operation: 'get-blob' as const, cutBody: 0.5 }],
])('a passing fault of the registry, %j, is green in the end', async (fault) => {
  await using b = await bench();
  b.lab.faults.add(fault);
  const result = await b.run();
  // The stand-in pushes without retries of its own; the action runs it again.
  expect(result.log).not.toContain('::error');
  expect(b.lab.tag('o/app', result.outputs.tag ?? '')).toBe(result.outputs.digest);
});

test('T26 a tag that is served late is green', async () => {
  await using b = await bench({ habits: { staleTagMs: 1500 } });
  const result = await b.run();
  expect(result.code).toBe(0);
});
