/** Rules about what stands beside the workflows: bundles, secrets of a run, sources, downloads, updates. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkBundle, checkLoad } from '../../tools/check-workflows/bundle.ts';
import { checkDependabot } from '../../tools/check-workflows/dependabot.ts';
import { findLeaks, sampleArgv } from '../../tools/check-workflows/leaks.ts';
import { checkDockerfile, checkNpmLock, checkRequirements } from '../../tools/check-workflows/rules/downloads.ts';
import { checkSource } from '../../tools/check-workflows/sources.ts';
import { run as runInLab } from '../lab/runner/harness.ts';

describe('W09', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bundle-'));
    await writeFile(join(dir, 'licenses.txt'), 'MIT');
    await writeFile(join(dir, 'package.json'), '{"type":"module"}');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));
  const bundle = (code: string): Promise<void> => writeFile(join(dir, 'index.js'), code);

  test('passing fixture: licences, no evaluated text, no network', async () => {
    await bundle('class A { eval(x) { return x } } new A().eval(1); process.exitCode = 1;');
    expect(checkBundle('b', dir)).toEqual([]);
    expect(await checkLoad('b', dir)).toEqual([]);
  });
  test.each(['eval("1")', 'new Function("return 1")()'])('failing fixture: %s', async (code) => {
    await bundle(code);
    expect(checkBundle('b', dir).map((p) => p.rule)).toEqual(['W09']);
  });
  test('failing fixture: no licences', async () => {
    await bundle('');
    await rm(join(dir, 'licenses.txt'));
    expect(checkBundle('b', dir)).toHaveLength(1);
  });
  test.each([
    ['connect', 'import net from "node:net"; net.connect(9, "127.0.0.1").on("error", () => {})'],
    ['fetch', 'fetch("http://127.0.0.1:9").catch(() => {})'],
    ['lookup', 'import { lookup } from "node:dns"; try { lookup("localhost", () => {}) } catch {}'],
  ])('failing fixture: %s while it loads', async (what, code) => {
    await bundle(code);
    expect((await checkLoad('b', dir)).map((p) => p.message)).toEqual([`${what} while it loads`]);
  });
  test('failing fixture: a module that is not in the bundle', async () => {
    await bundle('import "left-pad"');
    expect(await checkLoad('b', dir)).toHaveLength(1);
  });
});

describe('W10', () => {
  const secret = 's3cret/value+1';
  const jobs = (script: string): string =>
    `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - env: { S: "\${{ secrets.S }}" }\n        run: |\n${script
      .split('\n')
      .map((line) => `          ${line}\n`)
      .join('')}`;
  const sampled = async (script: string): Promise<string[]> => {
    await using sampler = await sampleArgv(1);
    const events: string[] = [];
    const done = await runInLab(jobs(script), {
      secrets: { S: secret },
      onEvent: (event) => events.push(JSON.stringify(event)),
    });
    const samples = [
      { place: 'run', text: JSON.stringify(done) },
      { place: 'log', text: events.join('\n') },
    ];
    return findLeaks({ S: secret }, [...samples, ...sampler.samples()]).map((leak) => leak.place);
  };

  test('passing fixture: a secret in the environment and in a pipe', async () => {
    expect(await sampled('printf %s "$S" | sha256sum\nnode -e "setTimeout(() => {}, 300)"\necho "$S"')).toEqual([]);
  });
  test('failing fixture: a secret among the arguments of a program', async () => {
    const places = await sampled('node -e "setTimeout(() => {}, 1000)" "$S"');
    expect(new Set(places)).toEqual(new Set(['argv of node']));
  });
  test('it is found in every encoding, wherever it begins', () => {
    const text = fc.string({ minLength: 8, maxLength: 40 });
    fc.assert(
      fc.property(text, fc.string(), fc.string(), (value, before, after) => {
        const encoded = Buffer.from(before + value + after).toString('base64');
        for (const form of [
          before + value + after,
          encodeURIComponent(value),
          encoded,
          Buffer.from(value).toString('hex'),
        ])
          expect(findLeaks({ T: value }, [{ place: 'log', text: form }])).not.toEqual([]);
      }),
    );
  });
  test('other text is none, and the value itself is never in the answer', () => {
    expect(findLeaks({ T: 'abcdefgh' }, [{ place: 'log', text: 'abcdefg h' }])).toEqual([]);
    expect(JSON.stringify(findLeaks({ T: 'abcdefgh' }, [{ place: 'log', text: 'xabcdefgh' }]))).not.toContain(
      'abcdefgh',
    );
  });
});

test.each([
  ["spawn('git', ['log', '--', ref])", []],
  ['// shell: true\nconst a = 1', []],
  ["spawn('x', { shell: true })", ['W11']],
  ["import { exec } from 'node:child_process';", ['W11']],
  ["systemExec('sh', ['-c', `make ${target}`])", ['W11']],
  ["core.exportVariable('A', title)", ['W16']],
])('sources: %s', (code, rules) => {
  expect(checkSource('f.ts', code).map((p) => p.rule)).toEqual(rules);
});

const HASH = 'a'.repeat(64);
test.each([
  [checkDockerfile, `ARG B=x@sha256:${HASH}\nFROM $B AS one\nFROM --platform=x one\nFROM scratch\n`, 0],
  [checkDockerfile, 'FROM python:3.12\n', 1],
  [checkDockerfile, 'ARG B\nFROM ${B}\n', 1],
  [checkNpmLock, '{"packages":{"":{},"node_modules/a":{"integrity":"sha512-x"},"node_modules/l":{"link":true}}}', 0],
  [checkNpmLock, '{"packages":{"node_modules/a":{"resolved":"https://x.test/a.tgz"}}}', 1],
  [checkRequirements, `a==1 \\\n  --hash=sha256:${HASH}\n# note\n-r other.txt\n`, 0],
  [checkRequirements, 'a==1\n', 1],
])('W12 of files: %p', (check, text, problems) => {
  expect(check('f', text)).toHaveLength(problems);
});

describe('W15', () => {
  const file = (days: string): string =>
    `updates:\n${['npm', 'github-actions', 'pip', 'docker'].map((e) => `  - package-ecosystem: ${e}\n    cooldown: { ${days} }\n`).join('')}`;
  test('passing fixture', () => {
    expect(checkDependabot('d', file('default-days: 3'))).toEqual([]);
  });
  test.each(['default-days: 2', 'semver-major-days: 9', 'default-days: 5, semver-patch-days: 1', ''])(
    'failing fixture: %s',
    (days) => {
      expect(checkDependabot('d', file(days))).toHaveLength(4);
    },
  );
  test('failing fixture: an ecosystem without updates', () => {
    const text = file('default-days: 3').replace('package-ecosystem: pip', 'package-ecosystem: cargo');
    expect(checkDependabot('d', text).map((p) => p.message)).toEqual(['pip gets no updates']);
  });
});
