import { describe, expect, test } from '@jest/globals';
import { job, results, run, said, step } from './harness.ts';

const OK = 'runs-on: x, steps: [{ run: "true" }]';
const BAD = 'runs-on: x, steps: [{ run: "false" }]';
const workflow = (jobs: string): string => `on: push\njobs:\n${jobs}`;

describe('needs and conditions', () => {
  test('a failure skips what needs it, and what needs that', async () => {
    const done = await run(
      workflow(`  a: { ${BAD} }\n  b: { needs: a, ${OK} }\n  c: { needs: b, ${OK} }\n  d: { ${OK} }\n`),
    );
    expect(results(done)).toEqual({ a: 'failure', b: 'skipped', c: 'skipped', d: 'success' });
    expect(done.conclusion).toBe('failure');
  });
  test('success() looks at all jobs before, not only at those that are named', async () => {
    const done = await run(
      workflow(
        `  a: { if: false, ${OK} }\n  b: { needs: a, if: "!cancelled()", ${OK} }\n  c: { needs: b, ${OK} }\n  d: { needs: b, if: "always() && needs.b.result == 'success'", ${OK} }\n`,
      ),
    );
    expect(results(done)).toEqual({ a: 'skipped', b: 'success', c: 'skipped', d: 'success' });
  });
  test('failure() is true for a failure further up; always() runs; a plain condition has the implied success()', async () => {
    const done = await run(
      workflow(
        `  a: { ${BAD} }\n  b: { needs: a, if: always(), ${OK} }\n  c: { needs: b, if: failure(), ${OK} }\n  d: { needs: b, if: "'x' == 'x'", ${OK} }\n`,
      ),
    );
    expect(results(done)).toEqual({ a: 'failure', b: 'success', c: 'success', d: 'skipped' });
  });
  const gate = (test: string, allow: string): string =>
    workflow(`
  test: { if: "${test}", ${OK} }
  build:
    needs: test
    if: "!cancelled() && (needs.test.result == 'success' || needs.test.result == 'skipped')"
    runs-on: x
    steps: [{ run: "true" }]
  gate:
    needs: [test, build]
    if: always()
    runs-on: x
    steps:
      - env: { NEEDS: "\${{ toJSON(needs) }}" }
        run: |
          echo "$NEEDS" | python3 -c "import json, sys; bad = [k for k, v in json.load(sys.stdin).items() if v['result'] != 'success' and not (v['result'] == 'skipped' and k == '${allow}')]; sys.exit(bool(bad))"
`);
  test('trap 1: a skipped need turns the gate red', async () => {
    const done = await run(gate('false', ''));
    expect(results(done)).toEqual({ test: 'skipped', build: 'success', gate: 'failure' });
  });
  test('trap 2: a skip that is allowed leaves the gate green', async () => {
    const done = await run(gate('false', 'test'));
    expect(results(done)).toEqual({ test: 'skipped', build: 'success', gate: 'success' });
    expect(done.conclusion).toBe('success');
  });
  test('continue-on-error: red itself, a success for the others and for the run', async () => {
    const done = await run(workflow(`  a: { continue-on-error: true, ${BAD} }\n  b: { needs: a, ${OK} }\n`));
    expect(results(done)).toEqual({ a: 'failure', b: 'success' });
    expect(done.conclusion).toBe('success');
  });
  test('a job over its time is cancelled, and its always() steps still run', async () => {
    const done = await run(
      workflow(
        '  a:\n    runs-on: x\n    timeout-minutes: 0.02\n    steps:\n      - { id: s, run: sleep 20 }\n      - { id: n, run: echo no }\n      - { id: t, if: always(), run: "echo end" }\n',
      ),
    );
    const a = job(done, 'a');
    expect(a.conclusion).toBe('cancelled');
    expect(a.reason).toMatch(/maximum execution time of 0.02 minutes/);
    expect(a.steps.map((s) => s.conclusion)).toEqual(['cancelled', 'skipped', 'success']);
  });
  test('an expression that cannot be evaluated fails its job, and nothing hangs', async () => {
    const done = await run(workflow(`  a: { if: "fromJSON('{')", ${OK} }\n  b: { needs: a, if: always(), ${OK} }\n`));
    expect(results(done)).toEqual({ a: 'failure', b: 'success' });
    expect(done.errors.join()).toMatch(/^a: /);
  });
  test('two jobs at the same time by default, more wait', async () => {
    let now = 0;
    let most = 0;
    await run(
      workflow(['a', 'b', 'c', 'd'].map((id) => `  ${id}: { runs-on: x, steps: [{ run: sleep 0.1 }] }\n`).join('')),
      {
        onEvent: (event) => {
          if (event.type === 'job-started') now += 1;
          if (event.type === 'job-ended') now -= 1;
          most = Math.max(most, now);
        },
      },
    );
    expect(most).toBe(2);
  });
});

describe('outputs', () => {
  test('go to the jobs that need them and out of a called workflow; empty ones are left out', async () => {
    const done = await run(
      workflow(
        '  call: { uses: ./.github/workflows/c.yml }\n  after:\n    needs: call\n    runs-on: x\n    steps: [{ id: s, env: { O: "${{ toJSON(needs.call) }}" }, run: "echo $O" }]\n',
      ),
      {
        files: {
          '.github/workflows/c.yml': `
on: { workflow_call: { outputs: { x: { value: "\${{ jobs.a.outputs.x }}" }, none: { value: "\${{ jobs.a.outputs.none }}" } } } }
jobs:
  a:
    runs-on: x
    outputs: { x: "\${{ steps.s.outputs.x }}", none: "\${{ steps.s.outputs.y }}" }
    steps: [{ id: s, run: 'echo x=7 >> "$GITHUB_OUTPUT"' }]
`,
        },
      },
    );
    expect(job(done, 'call').outputs).toEqual({ x: '7' });
    expect(JSON.parse(said(step(job(done, 'after'), 's')).join(''))).toEqual({
      result: 'success',
      outputs: { x: '7' },
    });
  });
  test('more than 1 MB of outputs fails the job', async () => {
    const done = await run(
      workflow(
        '  a:\n    runs-on: x\n    outputs: { x: "${{ steps.s.outputs.x }}" }\n    steps:\n      - id: s\n        run: |\n          echo "x=$(head -c 600000 /dev/zero | tr \'\\0\' a)" >> "$GITHUB_OUTPUT"\n',
      ),
    );
    expect(job(done, 'a').conclusion).toBe('failure');
    expect(job(done, 'a').reason).toMatch(/outputs of job a are 1200002 bytes/);
  });
});

describe('matrix', () => {
  test('cells get their values, names as GitHub shows them, and a place each', async () => {
    const done = await run(
      workflow(`
  a:
    runs-on: x
    strategy: { matrix: { v: [1, "two"], o: [{ n: deep, e: "" }] } }
    steps:
      - id: s
        env: { GOT: "\${{ matrix.v }} \${{ matrix.o.n }} \${{ strategy.job-index }}/\${{ strategy.job-total }}" }
        run: echo "$GOT"
`),
    );
    const cells = job(done, 'a').jobs;
    expect(cells.map((cell) => cell.name)).toEqual(['a (1, deep)', 'a (two, deep)']);
    expect(cells.map((cell) => said(step(cell, 's'))[0])).toEqual(['1 deep 0/2', 'two deep 1/2']);
  });
  test('comes from JSON of a job before; a name with an expression stays alone', async () => {
    const done = await run(
      workflow(`
  plan:
    runs-on: x
    outputs: { stages: "\${{ steps.s.outputs.stages }}" }
    steps: [{ id: s, run: "echo 'stages=[{\\"w\\":5},{\\"w\\":10}]' >> $GITHUB_OUTPUT" }]
  stage:
    needs: plan
    name: weight \${{ matrix.stage.w }}
    runs-on: x
    timeout-minutes: \${{ matrix.stage.w }}
    strategy: { max-parallel: 1, matrix: { stage: "\${{ fromJSON(needs.plan.outputs.stages) }}" } }
    steps: [{ run: "true" }]
`),
    );
    expect(job(done, 'stage').jobs.map((cell) => [cell.name, cell.conclusion])).toEqual([
      ['weight 5', 'success'],
      ['weight 10', 'success'],
    ]);
  });
  test('trap 8: cell 3 red -> the cells after it are cancelled, and the job after the matrix runs once', async () => {
    const order: string[] = [];
    const done = await run(
      workflow(`
  stage:
    runs-on: x
    strategy: { max-parallel: 1, fail-fast: true, matrix: { n: [1, 2, 3, 4, 5] } }
    steps: [{ run: "test \${{ matrix.n }} != 3" }]
  revert:
    needs: stage
    if: always() && needs.stage.result != 'success' && needs.stage.result != 'skipped'
    runs-on: x
    steps: [{ id: s, run: "echo \${{ needs.stage.result }}" }]
`),
      { onEvent: (event) => event.type === 'job-started' && order.push(event.job) },
    );
    expect(job(done, 'stage').jobs.map((cell) => cell.conclusion)).toEqual([
      'success',
      'success',
      'failure',
      'cancelled',
      'cancelled',
    ]);
    expect(order).toEqual(['stage (1)', 'stage (2)', 'stage (3)', 'revert']);
    expect(said(step(job(done, 'revert'), 's'))).toEqual(['failure']);
  });
  test('fail-fast ends the cells that run; without it they go on', async () => {
    const text = (fast: boolean): string =>
      workflow(
        `  a:\n    runs-on: x\n    strategy: { fail-fast: ${fast}, matrix: { c: ["sleep 0.1; false", "sleep 1"] } }\n    steps: [{ run: "\${{ matrix.c }}" }]\n`,
      );
    expect(job(await run(text(true)), 'a').jobs.map((cell) => cell.conclusion)).toEqual(['failure', 'cancelled']);
    expect(job(await run(text(false)), 'a').jobs.map((cell) => cell.conclusion)).toEqual(['failure', 'success']);
  });
  test('continue-on-error of one cell: that cell neither ends the others nor turns the job red', async () => {
    const done = await run(
      workflow(`
  a:
    runs-on: x
    continue-on-error: \${{ matrix.soft }}
    strategy: { max-parallel: 1, matrix: { include: [{ soft: true, c: "false" }, { soft: false, c: "true" }] } }
    steps: [{ run: "\${{ matrix.c }}" }]
  b: { needs: a, ${OK} }
`),
    );
    expect(job(done, 'a').jobs.map((cell) => cell.conclusion)).toEqual(['failure', 'success']);
    expect(results(done).b).toBe('success');
    expect(done.conclusion).toBe('success');
  });
  test('an empty vector is an error, as on GitHub', async () => {
    const done = await run(workflow(`  a: { strategy: { matrix: { x: "\${{ fromJSON('[]') }}" } }, ${OK} }\n`));
    expect(job(done, 'a').reason).toMatch(/does not contain any values/);
  });
  test('outputs of cells: the last one wins, an empty value never overwrites', async () => {
    const done = await run(
      workflow(`
  a:
    runs-on: x
    strategy: { max-parallel: 1, matrix: { v: [one, two, ""] } }
    outputs: { x: "\${{ steps.s.outputs.x }}" }
    steps: [{ id: s, run: 'echo "x=\${{ matrix.v }}" >> "$GITHUB_OUTPUT"' }]
`),
    );
    expect(job(done, 'a').outputs).toEqual({ x: 'two' });
  });
});

describe('the machine of a job', () => {
  test('trap 4: runs-on from an input, a label or a JSON array', async () => {
    const text = `
on: { workflow_dispatch: { inputs: { runs-on: { type: string } } } }
jobs:
  a:
    runs-on: \${{ startsWith(inputs.runs-on, '[') && fromJSON(inputs.runs-on) || inputs.runs-on }}
    steps: [{ run: "true" }]
`;
    const on = async (value: string): Promise<readonly string[]> =>
      job(await run(text, { event: { name: 'workflow_dispatch', payload: { inputs: { 'runs-on': value } } } }), 'a')
        .runsOn;
    expect(await on('ubuntu-latest')).toEqual(['ubuntu-latest']);
    expect(await on('["self-hosted", "arm64"]')).toEqual(['self-hosted', 'arm64']);
    const none = await run(text, { event: { name: 'workflow_dispatch', payload: {} } });
    expect(job(none, 'a').reason).toMatch(/no label/);
  });
  test('trap 18: in a merge group GITHUB_BASE_REF is empty and the event has the base', async () => {
    const done = await run(
      'on: merge_group\njobs:\n  a:\n    runs-on: x\n    steps:\n      - id: s\n        env: { BASE: "${{ github.event.merge_group.base_sha }}" }\n        run: |\n          echo "[$GITHUB_BASE_REF] $BASE"\n          python3 -c "import json, os; print(json.load(open(os.environ[\'GITHUB_EVENT_PATH\']))[\'merge_group\'][\'base_sha\'])"\n',
      { event: { name: 'merge_group', payload: { merge_group: { base_sha: 'abc' } } } },
    );
    expect(said(step(job(done, 'a'), 's'))).toEqual(['[] abc', 'abc']);
  });
  test('an environment with reviewers asks once a job and fails when refused', async () => {
    const asked: string[] = [];
    const text = workflow(`  a: { environment: { name: prod, deployment: false }, ${OK} }\n`);
    const approve = (answer: boolean) => async (request: { environment: string; job: string }) => {
      asked.push(`${request.environment} ${request.job}`);
      return answer;
    };
    expect(job(await run(text, { approve: approve(true) }), 'a').environment).toBe('prod');
    const refused = await run(text, { approve: approve(false) });
    expect(job(refused, 'a')).toMatchObject({ conclusion: 'failure', reason: 'environment prod: not approved' });
    expect(asked).toEqual(['prod a', 'prod a']);
  });
  test('concurrency is recorded', async () => {
    const done = await run(
      `on: push\nconcurrency: { group: "g-\${{ github.ref }}", queue: max }\njobs:\n  a: { concurrency: c, ${OK} }\n`,
    );
    expect([done.concurrency, job(done, 'a').concurrency]).toEqual(['g-refs/heads/main', 'c']);
  });
  test('check runs are named by the path of jobs; a skipped call is one check; the head of a pull request is what they are on', async () => {
    const done = await run(
      'on: pull_request\njobs:\n  deliver: { uses: ./.github/workflows/c.yml }\n  off: { if: false, uses: ./.github/workflows/c.yml }\n',
      {
        event: {
          name: 'pull_request',
          payload: {
            pull_request: {
              head: { sha: 'headsha', ref: 'f', repo: { full_name: 'lab/service' } },
              base: { ref: 'main' },
            },
          },
        },
        files: {
          '.github/workflows/c.yml': `on: workflow_call\njobs:\n  test: { name: Tests, strategy: { matrix: { v: [1] } }, ${OK} }\n  gate: { needs: test, if: always(), ${OK} }\n`,
        },
      },
    );
    const ends = done.checks.filter((check) => check.status === 'completed');
    expect(ends.map((check) => `${check.name}: ${check.conclusion}`).sort()).toEqual([
      'deliver / Tests (1): success',
      'deliver / gate: success',
      'off: skipped',
    ]);
    expect(new Set(done.checks.map((check) => check.headSha))).toEqual(new Set(['headsha']));
  });
  test('a check that cannot be posted makes the run red', async () => {
    const done = await run(workflow(`  a: { ${OK} }\n`), {
      forge: {
        serverUrl: '',
        apiUrl: '',
        graphqlUrl: '',
        mintToken: async () => 'ghs_token_of_this_test',
        checkRun: () => Promise.reject(new Error('HTTP 502')),
      },
    });
    expect(done.conclusion).toBe('failure');
    expect(done.errors.join()).toMatch(/check run "a" could not be posted: HTTP 502/);
  });
});
