import { describe, expect, test } from '@jest/globals';
import { job, run, said, step } from './harness.ts';

const CALLEE = '.github/workflows/c.yml';

describe('secrets', () => {
  test('no stream of a step shows one: log, annotation, summary, events', async () => {
    const events: string[] = [];
    const done = await run(
      `
on: push
jobs:
  a:
    runs-on: x
    steps:
      - id: s
        env: { S: "\${{ secrets.S }}", T: "\${{ github.token }}", U: "\${{ secrets.GITHUB_TOKEN }}" }
        run: |
          echo "out $S"; echo "err $S" >&2; echo "::warning title=$S::w $S"
          echo "sum $S" >> "$GITHUB_STEP_SUMMARY"
          echo "token $T $([ "$T" = "$U" ] && echo same)"; printf %s "$S" | base64
          echo "::add-mask::later"; echo "it is later now"
      - id: t
        run: echo "still later"
`,
      { secrets: { S: 's3cret-value' }, onEvent: (event) => events.push(JSON.stringify(event)) },
    );
    const s = step(job(done, 'a'), 's');
    expect([...said(s)].sort()).toEqual(
      ['out ***', '##[warning]w ***', 'token *** same', '***', 'it is *** now', 'err ***'].sort(),
    );
    expect(s.annotations).toEqual([{ level: 'warning', title: '***', message: 'w ***' }]);
    expect(s.summary).toBe('sum ***\n');
    expect(said(step(job(done, 'a'), 't'))).toEqual(['still ***']);
    expect(JSON.stringify(done) + events.join()).not.toMatch(/s3cret-value|ghs_1_/);
  });
  test('trap 16: an output that holds a masked value is dropped with a warning, its host-free neighbour stays', async () => {
    const done = await run(`
on: push
jobs:
  a:
    runs-on: x
    outputs: { ref: "\${{ steps.s.outputs.ref }}", digest: "\${{ steps.s.outputs.digest }}" }
    steps:
      - id: s
        run: |
          echo "::add-mask::registry.example"
          echo "ref=registry.example/app@sha256:1" >> "$GITHUB_OUTPUT"
          echo "digest=sha256:1" >> "$GITHUB_OUTPUT"
      - id: t
        env: { REF: "\${{ steps.s.outputs.ref }}" }
        run: test -n "$REF"
`);
    expect(job(done, 'a').outputs).toEqual({ digest: 'sha256:1' });
    expect(job(done, 'a').annotations).toEqual([
      { level: 'warning', message: "Skip output 'ref' since it may contain secret." },
    ]);
    expect(done.conclusion).toBe('success');
  });
  test('an environment gives its secrets and vars to its jobs, over those of the repository', async () => {
    const echo =
      'env: { X: "${{ secrets.K == \'of-environment\' }} ${{ secrets.K == \'of-repository\' }} ${{ vars.V }}" }, run: "echo $X"';
    const done = await run(
      `on: push\njobs:\n  in: { environment: prod, runs-on: x, steps: [{ id: s, ${echo} }] }\n  out: { runs-on: x, steps: [{ id: s, ${echo} }] }\n`,
      {
        secrets: { K: 'of-repository' },
        vars: { V: 'r' },
        environments: { prod: { secrets: { K: 'of-environment' }, vars: { V: 'e' } } },
      },
    );
    expect(said(step(job(done, 'in'), 's'))).toEqual(['true false e']);
    expect(said(step(job(done, 'out'), 's'))).toEqual(['false true r']);
  });
  const keyed = (declared: string): Promise<Awaited<ReturnType<typeof run>>> =>
    run(`on: push\njobs:\n  call: { uses: ./${CALLEE}, secrets: { OTHER: "\${{ secrets.OTHER }}" } }\n`, {
      secrets: { OTHER: 'other-value' },
      environments: { prod: { secrets: { KEY: 'key-of-prod' } } },
      files: {
        [CALLEE]: `
on: { workflow_call: { secrets: { ${declared} } } }
jobs:
  plan:
    environment: { name: prod, deployment: false }
    runs-on: x
    env: { HAVE: "\${{ secrets.KEY != '' }}" }
    steps: [{ id: s, run: "echo $HAVE" }]
`,
      },
    });
  test('trap 15: an environment secret reaches a called workflow only when it is declared there; else it is empty', async () => {
    expect(said(step(job(await keyed('KEY: {}, OTHER: {}'), 'call', 'plan'), 's'))).toEqual(['true']);
    expect(said(step(job(await keyed('OTHER: {}'), 'call', 'plan'), 's'))).toEqual(['false']);
  });
  test('secrets: inherit hands all of them on', async () => {
    const done = await run(`on: push\njobs:\n  call: { uses: ./${CALLEE}, secrets: inherit }\n`, {
      secrets: { K: 'the-key' },
      files: {
        [CALLEE]: `on: workflow_call\njobs:\n  a: { runs-on: x, steps: [{ id: s, run: "echo \${{ secrets.K == 'the-key' }}" }] }\n`,
      },
    });
    expect(said(step(job(done, 'call', 'a'), 's'))).toEqual(['true']);
  });
});

describe('a pull request from a fork', () => {
  const event = (from: string) => ({
    name: 'pull_request',
    payload: { pull_request: { head: { sha: 'h', ref: 'f', repo: { full_name: from } }, base: { ref: 'main' } } },
  });
  const text = `
on: pull_request
permissions: {}
jobs:
  build:
    environment: prod
    permissions: { contents: read, packages: write, id-token: write }
    runs-on: x
    env: { HAVE: "\${{ secrets.K != '' }}\${{ secrets.E != '' }}" }
    steps: [{ id: s, run: "echo $HAVE $GITHUB_BASE_REF $GITHUB_HEAD_REF" }]
  gate: { needs: build, if: always(), permissions: {}, runs-on: x, steps: [{ run: "test \${{ needs.build.result }} = success" }] }
`;
  const o = { secrets: { K: 'key-value' }, environments: { prod: { secrets: { E: 'env-value' } } } };

  test('trap 17: no secret can be read, the token only reads, the gate works', async () => {
    const done = await run(text, { ...o, event: event('stranger/service') });
    expect(said(step(job(done, 'build'), 's'))).toEqual(['falsefalse main f']);
    expect(done.minted).toEqual([{ metadata: 'read', contents: 'read', packages: 'read' }, { metadata: 'read' }]);
    expect(done.conclusion).toBe('success');
  });
  test('the same repository has them', async () => {
    const done = await run(text, { ...o, event: event('lab/service') });
    expect(said(step(job(done, 'build'), 's'))).toEqual(['truetrue main f']);
    expect(done.minted[0]).toEqual({ metadata: 'read', contents: 'read', packages: 'write', 'id-token': 'write' });
  });
});
