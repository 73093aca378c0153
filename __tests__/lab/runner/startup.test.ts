import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { directoryRepository } from '../../../lab/runner/index.ts';
import { job, memoryRepository, run, SHA, said, step } from './harness.ts';

const CALLEE = '.github/workflows/callee.yml';

/** A run whose workflow calls CALLEE with the given job body. */
const calling = (body: string, callee: string, o: Parameters<typeof run>[1] = {}) =>
  run(`on: push\njobs:\n  call:\n    uses: ./${CALLEE}\n${body}`, { ...o, files: { [CALLEE]: callee, ...o.files } });

const callee = (head: string, jobs = '  a:\n    runs-on: x\n    steps: [{ id: s, run: "true" }]\n'): string =>
  `on:\n  workflow_call:\n${head}jobs:\n${jobs}`;

async function expectRefused(started: ReturnType<typeof run>, ...texts: (string | RegExp)[]): Promise<void> {
  const done = await started;
  expect(done.conclusion).toBe('startup_failure');
  expect(done.jobs).toEqual([]);
  expect(done.minted).toEqual([]);
  for (const text of texts) expect(done.errors.join('\n')).toMatch(text);
}

describe('a run fails before its first job', () => {
  test('when the file breaks the schema', () =>
    expectRefused(run('on: push\njobs:\n  a:\n    runs-on: x\n    stepps: []\n'), /stepps/));
  test('when an expression uses a context that its place does not have', () =>
    expectRefused(
      run('on: push\njobs:\n  a:\n    runs-on: x\n    if: secrets.X != \'\'\n    steps: [{ run: "true" }]\n'),
      /secrets/,
    ));
  test('when needs names a job that is not there', () =>
    expectRefused(run('on: push\njobs:\n  a:\n    needs: b\n    runs-on: x\n    steps: [{ run: "true" }]\n')));
  test('when the event is not one of its events', () =>
    expectRefused(run('on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps: [{ run: "true" }]\n'), /push/));
  test('trap 37: when it has Windows line ends', () => expectRefused(run('on: push\r\njobs: {}\r\n'), /LF/));
  test('when a job wants a container or a docker action', async () => {
    await expectRefused(
      run('on: push\njobs:\n  a:\n    runs-on: x\n    container: alpine\n    steps: [{ run: "true" }]\n'),
      /container/,
    );
    await expectRefused(
      run('on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{ uses: "docker://alpine" }]\n'),
      /docker/,
    );
  });
  test('when the workflow or a called one is not there', async () => {
    await expectRefused(run('on: push\njobs: {}', { file: '.github/workflows/none.yml' }), /none\.yml/);
    await expectRefused(run('on: push\njobs:\n  a:\n    uses: ./.github/workflows/none.yml\n'), /called by .*w\.yml/);
    await expectRefused(
      run('on: push\njobs:\n  a:\n    uses: no/where/.github/workflows/x.yml@v1\n'),
      /no such repository/,
    );
  });
});

describe('inputs and secrets of a called workflow', () => {
  test('unknown input', () => expectRefused(calling('    with: { color: red }\n', callee('')), /unknown input color/));
  test('missing required input', () =>
    expectRefused(
      calling('', callee('    inputs: { image: { type: string, required: true } }\n')),
      /required input image is missing/,
      /w\.yml/,
      /callee\.yml/,
    ));
  test('wrong literal types', async () => {
    await expectRefused(
      calling('    with: { n: high }\n', callee('    inputs: { n: { type: number } }\n')),
      /input n: "high" is no number/,
    );
    await expectRefused(
      calling('    with: { b: 1 }\n', callee('    inputs: { b: { type: boolean } }\n')),
      /input b: 1 is no boolean/,
    );
  });
  test('a wrong type that only the run shows fails the job', async () => {
    const done = await calling(
      '    with: { b: "${{ github.ref_name }}" }\n',
      callee('    inputs: { b: { type: boolean } }\n'),
    );
    expect(done.conclusion).toBe('failure');
    expect(job(done, 'call').reason).toMatch(/input b: "main" is no boolean/);
  });
  test('undeclared and missing secrets', async () => {
    await expectRefused(calling('    secrets: { X: y }\n', callee('')), /secret X is not declared/);
    await expectRefused(
      calling('', callee('    secrets: { KEY: { required: true } }\n')),
      /required secret KEY is missing/,
    );
  });
  test('defaults, coercion to string and the empty string that is not the default', async () => {
    const done = await calling(
      '    with: { s: 5, e: "" }\n',
      callee(
        '    inputs:\n      s: { type: string }\n      e: { type: string, default: d }\n      n: { type: number, default: 7 }\n      b: { type: boolean }\n',
        '  a:\n    runs-on: x\n    steps:\n      - id: s\n        env: { ALL: "${{ toJSON(inputs) }}" }\n        run: echo $ALL\n',
      ),
    );
    expect(JSON.parse(said(step(job(done, 'call', 'a'), 's'))[0] ?? '')).toEqual({ s: '5', e: '', n: 7, b: false });
  });
  test('only declared secrets arrive; what nobody passes is empty', async () => {
    const done = await calling(
      '    secrets: { A: "${{ secrets.TOP }}" }\n',
      callee(
        '    secrets: { A: {}, B: {} }\n',
        '  a:\n    runs-on: x\n    steps:\n      - id: s\n        env: { GOT: "${{ secrets.A == \'value-of-top\' }} [${{ secrets.B }}] [${{ secrets.TOP }}]" }\n        run: echo "$GOT"\n',
      ),
      { secrets: { TOP: 'value-of-top' } },
    );
    expect(said(step(job(done, 'call', 'a'), 's'))).toEqual(['true [] []']);
  });
});

describe('levels of calls', () => {
  const link = (next: string): string =>
    `on: [push, workflow_call]\njobs:\n  a:\n    uses: ./.github/workflows/${next}.yml\n`;

  test('a circle names its files', () =>
    expectRefused(
      run(link('x'), { files: { '.github/workflows/x.yml': link('y'), '.github/workflows/y.yml': link('x') } }),
      /x\.yml@\w+ -> .*y\.yml@\w+ -> .*x\.yml/,
    ));
  test('ten levels work, eleven do not', async () => {
    const files = (levels: number): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length: levels }, (_, i) => [
          `.github/workflows/l${i}.yml`,
          i === levels - 1
            ? 'on: workflow_call\njobs:\n  a:\n    runs-on: x\n    steps: [{ run: "true" }]\n'
            : link(`l${i + 1}`),
        ]),
      );
    const deep = await run(link('l0'), { files: files(9) });
    expect(deep.errors).toEqual([]);
    expect(deep.checks.at(-1)?.name).toBe('a / a / a / a / a / a / a / a / a / a');
    await expectRefused(run(link('l0'), { files: files(10) }), /more than 10 levels/);
  });
  test('50 different workflows can be called, 51 are too many', async () => {
    const many = (count: number): ReturnType<typeof run> => {
      const names = Array.from({ length: count }, (_, i) => `.github/workflows/f${i}.yml`);
      const jobs = names.map((name, i) => `  j${i}:\n    if: false\n    uses: ./${name}\n`).join('');
      const one = 'on: workflow_call\njobs:\n  a:\n    runs-on: x\n    steps: [{ run: "true" }]\n';
      return run(`on: push\njobs:\n${jobs}`, { files: Object.fromEntries(names.map((name) => [name, one])) });
    };
    expect((await many(50)).conclusion).toBe('skipped');
    await expectRefused(many(51), /more than 50 different workflows/);
  });
});

describe('references', () => {
  test('trap 6: $/…@ref is refused, in a job and in a step', async () => {
    await expectRefused(run('on: push\njobs:\n  a:\n    uses: $/.github/workflows/x.yml@v1\n'), /takes no @ref/);
    const done = await run('on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{ uses: "$/actions/x@v1" }]\n');
    expect(done.conclusion).toBe('failure');
    expect(job(done, 'a').reason).toMatch(/takes no @ref/);
  });
  test("trap 7: $/ in a workflow of another repository means that repository, not the caller's", async () => {
    const inner = 'on: workflow_call\njobs:\n  b:\n    uses: $/.github/workflows/inner.yml\n';
    const last = (text: string): string =>
      `on: workflow_call\njobs:\n  c:\n    runs-on: x\n    steps: [{ id: s, run: echo ${text} }]\n`;
    const done = await run('on: push\njobs:\n  a:\n    uses: org/actions/.github/workflows/deliver.yml@v1\n', {
      files: { '.github/workflows/inner.yml': last('caller') },
      repositories: {
        'org/actions': memoryRepository('org/actions', {
          '.github/workflows/deliver.yml': inner,
          '.github/workflows/inner.yml': last('callee'),
        }),
      },
    });
    expect(done.errors).toEqual([]);
    expect(said(step(job(done, 'a', 'b', 'c'), 's'))).toEqual(['callee']);
    expect(job(done, 'a', 'b', 'c').workflow).toBe('org/actions/.github/workflows/inner.yml@v1');
  });
  test('a third-party action runs only at the pinned commit', async () => {
    const uses = (ref: string) => run(`on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{ uses: "${ref}" }]\n`);
    expect(job(await uses('actions/checkout@v4'), 'a').reason).toMatch(/pins\.json has 3d3c42e/);
    expect(job(await uses(`some/action@${SHA}`), 'a').reason).toMatch(/not in workflows\/pins\.json/);
    expect((await uses('step-security/harden-runner@b09bb98e06d4d774595224525879c09bc6e98c40')).conclusion).toBe(
      'success',
    );
  });
  test('a reference cannot leave its repository', async () => {
    await expectRefused(run('on: push\njobs:\n  a:\n    uses: ./.github/../../x.yml\n'), /.+/);
  });
});

describe('permissions', () => {
  test('trap 5: a callee that asks for more than its caller grants fails the run, naming both files', () =>
    expectRefused(
      calling(
        '    permissions: { packages: read }\n',
        callee('', '  push:\n    runs-on: x\n    permissions: { packages: write }\n    steps: [{ run: "true" }]\n'),
      ),
      /lab\/service\/\.github\/workflows\/w\.yml/,
      /callee\.yml/,
      /nested job 'push' is requesting 'packages: write', but is only allowed 'packages: read'/,
    ));
  test('also two levels down, and for permissions of the whole file', () =>
    expectRefused(
      calling(
        '    permissions: { contents: read }\n',
        'on: workflow_call\njobs:\n  mid:\n    permissions: { contents: read }\n    uses: ./.github/workflows/deep.yml\n',
        {
          files: {
            '.github/workflows/deep.yml':
              'on: workflow_call\npermissions: { issues: write }\njobs:\n  a:\n    runs-on: x\n    steps: [{ run: "true" }]\n',
          },
        },
      ),
      /callee\.yml.*deep\.yml.*the workflow is requesting 'issues: write', but is only allowed 'issues: none'/,
    ));
  test('the token of each job has exactly its permissions', async () => {
    const done = await run(`
on: push
permissions: {}
jobs:
  none: { runs-on: x, steps: [{ run: "true" }] }
  some: { needs: none, runs-on: x, permissions: { contents: write, issues: none }, steps: [{ run: "true" }] }
`);
    expect(done.minted).toEqual([{ metadata: 'read' }, { metadata: 'read', contents: 'write' }]);
  });
  test('without permissions the default of the repository counts', async () => {
    const text = 'on: push\njobs:\n  a: { runs-on: x, steps: [{ run: "true" }] }\n';
    expect((await run(text)).minted).toEqual([{ metadata: 'read', contents: 'read', packages: 'read' }]);
    const wide = await run(text, { defaultPermissions: 'write' });
    expect(wide.minted[0]).toMatchObject({ contents: 'write', packages: 'write', 'id-token': 'write' });
  });
});

test("the suite's own workflows start, with the caller of the README", async () => {
  const root = join(import.meta.dirname, '..', '..', '..');
  const text = `
on: { push: { branches: [main] }, pull_request: {} }
permissions: {}
jobs:
  deliver:
    if: false
    uses: org/actions/.github/workflows/deliver.yml@v1
    permissions: { contents: read, packages: write, id-token: write, attestations: write, security-events: write }
    with: { image: r/i, app: a, config-repository: o/c, values-file: v.yaml }
`;
  const done = await run(text, {
    repositories: {
      'org/actions': directoryRepository({ name: 'org/actions', dir: root, sha: SHA, layout: 'source' }),
    },
  });
  expect(done.errors).toEqual([]);
  expect(done.conclusion).toBe('skipped');
});
