import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { job, type Ran, run, said, step, suite } from './harness.ts';

const steps = (text: string, head = ''): string => `on: push\n${head}jobs:\n  a:\n    runs-on: x\n    steps:\n${text}`;

let dir = '';
/** Runs steps that may use the actions of the folder as `org/actions/…@v1`. */
const act = (text: string, o: Parameters<typeof run>[1] = {}): Promise<Ran> =>
  run(steps(text), { ...o, repositories: { 'org/actions': suite(dir) } });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runner-actions-'));
  const files: Record<string, string> = {
    'actions/node/action.yml': `
name: n
description: d
inputs:
  plain: { description: d, default: from-default }
  repo: { description: d, default: "\${{ github.repository }}" }
  two words: { description: d }
  old: { description: d, deprecationMessage: use plain }
outputs: { out: { description: d } }
runs: { using: node24, pre: pre.mjs, main: ../../dist/node/index.mjs, post: post.mjs, post-if: success() }
`,
    'actions/node/pre.mjs':
      "import { appendFileSync } from 'node:fs';\nappendFileSync(process.env.GITHUB_STATE, 'seen=pre\\n');\nconsole.log('pre', process.env.INPUT_PLAIN);\n",
    'dist/node/index.mjs': `
import { appendFileSync } from 'node:fs';
const { env } = process;
console.log(JSON.stringify({ plain: env.INPUT_PLAIN, repo: env.INPUT_REPO, words: env.INPUT_TWO_WORDS, extra: env.INPUT_EXTRA, seen: env.STATE_seen, node: process.execPath, cwd: process.cwd() === env.GITHUB_WORKSPACE }));
appendFileSync(env.GITHUB_STATE, 'seen=main ' + env.INPUT_PLAIN + '\\n');
appendFileSync(env.GITHUB_OUTPUT, 'out<<X\\na\\nb\\nX\\n');
if (env.INPUT_PLAIN === 'fail') process.exit(3);
`,
    'actions/node/post.mjs': "console.log('post', process.env.STATE_seen);\n",
    'actions/comp/action.yml': `
name: c
description: d
inputs: { n: { description: d, default: "1" } }
outputs: { got: { description: d, value: "\${{ steps.inner.outputs.v }}-\${{ steps.self.outputs.out }}" } }
runs:
  using: composite
  steps:
    - id: inner
      shell: bash
      env: { INNER: "\${{ inputs.n }}" }
      run: |
        echo "v=$INNER$OUTER" >> "$GITHUB_OUTPUT"
        echo "path:$(basename "$GITHUB_ACTION_PATH") \${{ github.action_path != '' }}"
    - id: self
      uses: $/actions/node
      with: { plain: nested }
    - if: failure()
      shell: bash
      run: echo handler
    - shell: bash
      if: inputs.n == 'fail'
      run: exit 4
    - if: failure()
      shell: bash
      run: echo handled
`,
    'actions/deep/action.yml':
      'name: d\ndescription: d\nruns: { using: composite, steps: [{ uses: $/actions/deep }] }\n',
    'actions/old/action.yml': 'name: o\ndescription: d\nruns: { using: node16, main: x.js }\n',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('run', () => {
  test('without a shell a broken pipe passes, with shell bash it does not', async () => {
    const done = await run(
      steps('      - { id: a, run: "false | true" }\n      - { id: b, shell: bash, run: "false | true" }\n'),
    );
    expect(step(job(done, 'a'), 'a').outcome).toBe('success');
    expect(step(job(done, 'a'), 'b').outcome).toBe('failure');
    expect(step(job(done, 'a'), 'b').annotations).toEqual([
      { level: 'error', message: 'Process completed with exit code 1.' },
    ]);
  });
  test('shells by name and by command, and one that is not known', async () => {
    const done = await run(
      steps(
        '      - { id: p, shell: "python3 {0}", run: "print(1 + 1)" }\n      - { id: s, shell: sh, run: "echo sh" }\n      - { id: x, shell: fish, run: "echo" }\n',
      ),
    );
    expect(said(step(job(done, 'a'), 'p'))).toEqual(['2']);
    expect(said(step(job(done, 'a'), 's'))).toEqual(['sh']);
    expect(step(job(done, 'a'), 'x').annotations[0]?.message).toMatch(/shell "fish" is not known/);
  });
  test('defaults and working-directory, relative to the workspace', async () => {
    const done = await run(
      steps(
        '      - run: mkdir -p sub/deep\n        working-directory: .\n      - { id: d, run: \'pwd | sed "s,$GITHUB_WORKSPACE,W,"; false | true\' }\n      - { id: w, working-directory: sub/deep, run: \'pwd | sed "s,$GITHUB_WORKSPACE,W,"\' }\n',
        'defaults: { run: { working-directory: sub } }\n',
      ),
    );
    expect(said(step(job(done, 'a'), 'd'))).toEqual(['W/sub']);
    expect(said(step(job(done, 'a'), 'w'))).toEqual(['W/sub/deep']);
  });
  test('if, outcome and conclusion', async () => {
    const done = await run(
      steps(
        '      - { id: soft, continue-on-error: true, run: "false" }\n      - { id: next, run: \'echo "${{ steps.soft.outcome }} ${{ steps.soft.conclusion }} ${{ job.status }}"\' }\n      - { id: hard, run: "exit 9" }\n      - { id: no, run: "true" }\n      - { id: yes, if: failure(), run: "echo ${{ steps.no.conclusion }} ${{ steps.hard.conclusion }}" }\n      - { id: odd, if: "always() && fromJSON(\'{\')", run: "true" }\n',
      ),
    );
    const a = job(done, 'a');
    expect(a.steps.map((s) => s.conclusion)).toEqual([
      'success',
      'success',
      'failure',
      'skipped',
      'success',
      'failure',
    ]);
    expect(said(step(a, 'next'))).toEqual(['failure success success']);
    expect(said(step(a, 'yes'))).toEqual(['skipped failure']);
  });
  test('timeout-minutes of a step fails it', async () => {
    const done = await run(
      steps(
        '      - { id: s, name: slow, timeout-minutes: 0.005, run: sleep 20 }\n      - { id: t, if: failure(), run: echo }\n',
      ),
    );
    expect(job(done, 'a').conclusion).toBe('failure');
    expect(step(job(done, 'a'), 's').annotations[0]?.message).toBe(
      "The action 'slow' has timed out after 0.005 minutes.",
    );
    expect(step(job(done, 'a'), 't').conclusion).toBe('success');
  });
  test('the environment: layers, what a step may and may not change, nothing of this process', async () => {
    process.env.LAB_TEST_LEAK = 'leak';
    try {
      const done = await run(
        steps(
          '      - run: |\n          echo "GITHUB_SHA=bad" >> "$GITHUB_ENV"\n          echo "RUNNER_OS=bad" >> "$GITHUB_ENV"\n          echo "CI=mine" >> "$GITHUB_ENV"\n          echo "A=env-file" >> "$GITHUB_ENV"\n      - { id: s, env: { B: "${{ env.A }}+" }, run: \'echo "$GITHUB_SHA $RUNNER_OS $CI $A $B $C [$LAB_TEST_LEAK]"\' }\n',
          'env: { A: top, C: c }\n',
        ),
        { env: { C: 'machine' } },
      );
      expect(said(step(job(done, 'a'), 's'))).toEqual([
        '0123456789abcdef0123456789abcdef01234567 Linux mine env-file env-file+ c []',
      ]);
    } finally {
      delete process.env.LAB_TEST_LEAK;
    }
  });
  test('hashFiles changes with the files and is empty without any', async () => {
    const done = await run(
      steps(
        "      - run: mkdir d && echo 1 > d/a.lock && echo 2 > d/b.txt\n      - { id: s, run: \"echo ${{ hashFiles('**/*.lock') }} [${{ hashFiles('*.none') }}] ${{ hashFiles('d/*', '!d/b.txt') == hashFiles('**/a.lock') }}\" }\n",
      ),
    );
    // sha256(sha256("1\n")): one digest over the digests of the files.
    expect(said(step(job(done, 'a'), 's'))).toEqual([
      expect.stringMatching(/^[0-9a-f]{64} \[\] true$/) as unknown as string,
    ]);
  });
});

describe('JavaScript actions', () => {
  test('pre, main and post with inputs, defaults, state and outputs; posts run backwards', async () => {
    const done = await act(
      '      - { id: one, uses: org/actions/actions/node@v1, with: { "two words": w, extra: e } }\n      - { id: two, uses: org/actions/actions/node@v1, with: { plain: second } }\n      - { id: s, env: { J: "${{ toJSON(steps.one.outputs.out) }}" }, run: \'echo "$J"\' }\n',
    );
    const a = job(done, 'a');
    expect(done.errors).toEqual([]);
    expect(a.steps.map((s) => [s.kind, s.id, said(s).at(-1)])).toEqual([
      ['pre', undefined, 'pre from-default'],
      ['pre', undefined, 'pre second'],
      ['main', 'one', expect.anything()],
      ['main', 'two', expect.anything()],
      ['main', 's', '"a\\nb"'],
      ['post', undefined, 'post main second'],
      ['post', undefined, 'post main from-default'],
    ]);
    expect(JSON.parse(said(step(a, 'one')).at(-1) ?? '')).toEqual({
      plain: 'from-default',
      repo: 'lab/service',
      words: 'w',
      extra: 'e',
      seen: 'pre',
      node: process.execPath,
      cwd: true,
    });
    expect(step(a, 'one').annotations[0]?.message).toMatch(/Unexpected input\(s\) 'extra', valid inputs are \['plain'/);
  });
  test('a failure keeps the outputs; a post-if of success() then skips the post part', async () => {
    const done = await act('      - { id: one, uses: org/actions/actions/node@v1, with: { plain: fail } }\n');
    const a = job(done, 'a');
    expect([a.conclusion, step(a, 'one').outputs, a.steps.at(-1)?.conclusion]).toEqual([
      'failure',
      { out: 'a\nb' },
      'skipped',
    ]);
  });
  test('an action of the workspace is found when its step runs', async () => {
    const done = await act(`
      - run: |
          mkdir -p my && printf 'name: m\\ndescription: d\\nruns: { using: node24, main: m.mjs }\\n' > my/action.yml
          echo 'console.log("mine")' > my/m.mjs
      - { id: s, uses: ./my }
`);
    expect(said(step(job(done, 'a'), 's'))).toEqual(['mine']);
  });
  test('what cannot be found or run fails the job before its first step', async () => {
    for (const [uses, text] of [
      ['org/actions/actions/none@v1', /no action.yml/],
      ['org/actions/actions/old@v1', /node16 is gone/],
    ] as const) {
      const a = job(await act(`      - run: echo first\n      - uses: ${uses}\n`), 'a');
      expect([a.conclusion, a.steps]).toEqual(['failure', []]);
      expect(a.reason).toMatch(text);
    }
  });
});

describe('composite actions', () => {
  test('own inputs, steps and outputs; $/ inside means their repository; posts of inner actions run', async () => {
    const done = await act(
      '      - { id: c, uses: org/actions/actions/comp@v1, env: { OUTER: "!" }, with: { n: 7 } }\n      - { id: s, env: { GOT: "${{ steps.c.outputs.got }}" }, run: echo $GOT }\n',
    );
    const a = job(done, 'a');
    expect(done.errors).toEqual([]);
    expect(said(step(a, 's'))).toEqual(['7!-a b']);
    expect(step(a, 'c').log.join('\n')).toMatch(/path:comp true/);
    expect(step(a, 'c').log.join('\n')).not.toMatch(/handle/);
    expect(a.steps.map((s) => s.kind)).toEqual(['pre', 'main', 'main', 'post']);
  });
  test('an inner failure is a failure of the step, seen by the inner steps after it', async () => {
    const done = await act('      - { id: c, uses: org/actions/actions/comp@v1, with: { n: fail } }\n');
    const c = step(job(done, 'a'), 'c');
    expect(c.outcome).toBe('failure');
    expect(c.log.join('\n')).toMatch(/handled/);
    expect(c.log.join('\n')).not.toMatch(/handler/);
  });
  test('they nest nine deep at most', async () => {
    const done = await act('      - uses: org/actions/actions/deep@v1\n');
    expect(job(done, 'a').reason).toMatch(/nest deeper than 9/);
  });
});
