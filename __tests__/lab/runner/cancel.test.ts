import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { job, results, run, said, step } from './harness.ts';

/** Cancels the run once a log line says "ready". */
function cancelling(): { signal: AbortSignal; onEvent: NonNullable<Parameters<typeof run>[1]>['onEvent'] } {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === 'log' && event.line === 'ready') controller.abort();
    },
  };
}

/** Command lines of all processes with a marker in them. */
async function alive(marker: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(marker)) found.push(line);
  }
  return found;
}

describe('cancel', () => {
  test('SIGINT, then SIGTERM, then SIGKILL; always() and cancelled() steps run, success() steps do not', async () => {
    const done = await run(
      `
on: push
jobs:
  a:
    runs-on: x
    steps:
      - id: s
        shell: python3 -u {0}
        run: |
          import signal, time
          signal.signal(signal.SIGINT, lambda *_: print("got INT"))
          signal.signal(signal.SIGTERM, lambda *_: print("got TERM"))
          print("ready")
          for _ in range(300): time.sleep(0.1)
      - { id: n, run: echo never }
      - { id: f, if: failure(), run: echo never }
      - { id: c, if: cancelled(), run: "echo \${{ job.status }} \${{ steps.s.outcome }}" }
      - { id: e, if: always(), run: echo end }
`,
      cancelling(),
    );
    const a = job(done, 'a');
    expect(said(step(a, 's'))).toEqual(['ready', 'got INT', 'got TERM']);
    expect(a.steps.map((s) => s.conclusion)).toEqual(['cancelled', 'skipped', 'skipped', 'success', 'success']);
    expect(said(step(a, 'c'))).toEqual(['cancelled cancelled']);
    expect([a.conclusion, done.conclusion]).toEqual(['cancelled', 'cancelled']);
  });
  test('trap 9: what flushes on SIGINT is kept, the revert job runs once, no process stays', async () => {
    const marker = `lab-cancel-${process.pid}`;
    const done = await run(
      `
on: push
jobs:
  plan: { runs-on: x, steps: [{ run: "true" }] }
  stage:
    needs: plan
    runs-on: x
    strategy: { max-parallel: 1, matrix: { w: [5, 10] } }
    steps:
      - id: verify
        shell: python3 -u {0}
        run: |
          import os, subprocess, sys, time
          subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "${marker}"], start_new_session=True)
          try:
              print("ready")
              time.sleep(60)
          except KeyboardInterrupt:
              open(os.environ["GITHUB_STEP_SUMMARY"], "w").write("report")
              sys.exit(1)
      - { id: upload, if: always(), run: echo uploaded }
  revert:
    needs: [plan, stage]
    if: always() && needs.plan.result == 'success' && needs.stage.result != 'success' && needs.stage.result != 'skipped'
    runs-on: x
    steps: [{ id: s, run: "echo reverted" }]
  after: { needs: stage, runs-on: x, steps: [{ run: "true" }] }
`,
      cancelling(),
    );
    const cells = job(done, 'stage').jobs;
    expect(cells.map((cell) => cell.conclusion)).toEqual(['cancelled', 'cancelled']);
    expect(cells[1]?.steps).toEqual([]);
    const first = cells[0];
    if (first === undefined) throw new Error('no cell');
    expect(step(first, 'verify')).toMatchObject({ outcome: 'cancelled', summary: 'report' });
    expect(said(step(first, 'upload'))).toEqual(['uploaded']);
    expect(said(step(job(done, 'revert'), 's'))).toEqual(['reverted']);
    expect(results(done)).toEqual({ plan: 'success', stage: 'cancelled', revert: 'success', after: 'skipped' });
    expect(done.conclusion).toBe('cancelled');
    expect(await alive(marker)).toEqual([]);
  });
  test('trap 10: a step whose process group is killed is red, and the job after it still runs', async () => {
    const done = await run(`
on: push
jobs:
  stage: { runs-on: x, steps: [{ id: s, run: "kill -9 -- -$$" }] }
  revert: { needs: stage, if: "always() && needs.stage.result != 'success'", runs-on: x, steps: [{ run: "true" }] }
`);
    expect(results(done)).toEqual({ stage: 'failure', revert: 'success' });
    expect(step(job(done, 'stage'), 's').annotations[0]?.message).toBe('Process completed with signal SIGKILL.');
  });
  test('trap 10: a lost machine runs nothing more, its job is red, and the revert still runs', async () => {
    const machine = new AbortController();
    const marker = `lab-lost-${process.pid}`;
    const done = await run(
      `
on: push
jobs:
  stage:
    runs-on: x
    steps:
      - { id: s, run: "echo ready; exec python3 -c 'import time; time.sleep(60)' ${marker}" }
      - { id: e, if: always(), run: echo never }
  revert: { needs: stage, if: "always() && needs.stage.result != 'success'", runs-on: x, steps: [{ run: "true" }] }
`,
      {
        machineLost: (name) => (name === 'stage' ? machine.signal : undefined),
        onEvent: (event) => {
          if (event.type === 'log' && event.line === 'ready') machine.abort();
        },
      },
    );
    expect(results(done)).toEqual({ stage: 'failure', revert: 'success' });
    expect(job(done, 'stage')).toMatchObject({ reason: expect.stringContaining('lost communication'), steps: [] });
    expect(await alive(marker)).toEqual([]);
  });
  test('jobs of a called workflow: always() ones run to their end, the others do not start', async () => {
    const done = await run('on: push\njobs:\n  call: { uses: ./.github/workflows/c.yml }\n', {
      ...cancelling(),
      files: {
        '.github/workflows/c.yml': `
on: workflow_call
jobs:
  a: { runs-on: x, steps: [{ run: "echo ready; sleep 30" }] }
  b: { needs: a, runs-on: x, steps: [{ run: "true" }] }
  c: { needs: a, if: always(), runs-on: x, steps: [{ run: "true" }, { if: cancelled(), run: "false" }] }
  d: { needs: c, if: "always() && !cancelled()", runs-on: x, steps: [{ run: "true" }] }
`,
      },
    });
    expect(results(job(done, 'call'))).toEqual({ a: 'cancelled', b: 'skipped', c: 'success', d: 'cancelled' });
    expect(done.conclusion).toBe('cancelled');
  });
  test('at whatever moment: the run ends, what began is undone, what did not is not, nothing stays', async () => {
    const marker = `lab-moment-${process.pid}`;
    const text = `
on: push
jobs:
  plan: { runs-on: x, steps: [{ run: "true" }] }
  stage:
    needs: plan
    runs-on: x
    strategy: { max-parallel: 1, matrix: { w: [1, 2, 3] } }
    steps: [{ run: "exec python3 -c 'import time; time.sleep(0.05)' ${marker}" }]
  revert:
    needs: [plan, stage]
    if: always() && needs.plan.result == 'success' && needs.stage.result != 'success' && needs.stage.result != 'skipped'
    runs-on: x
    steps: [{ run: "true" }]
  result: { needs: [plan, stage, revert], if: always(), runs-on: x, steps: [{ run: "true" }] }
`;
    const whole = await run(text);
    expect(whole.conclusion).toBe('success');
    for (let i = 0; i < 8; i += 1) {
      const moment = Math.round((whole.seconds * 1000 * i) / 8);
      const { plan, stage, revert, result } = results(await run(text, { signal: AbortSignal.timeout(moment) }));
      const begun = plan === 'success' && stage !== 'success' && stage !== 'skipped';
      // The cancel may also hit one of the two while it runs.
      expect([moment, revert]).toEqual([moment, begun ? expect.stringMatching(/success|cancelled/) : 'skipped']);
      expect([moment, result]).toEqual([moment, expect.stringMatching(/success|cancelled/)]);
    }
    expect(await alive(marker)).toEqual([]);
  });
  test('a job that waits for a machine is cancelled without a step', async () => {
    const done = await run(
      'on: push\njobs:\n  a: { runs-on: x, steps: [{ run: "echo ready; sleep 30" }] }\n  b: { runs-on: x, steps: [{ run: "true" }] }\n',
      { ...cancelling(), parallel: 1 },
    );
    expect(results(done)).toEqual({ a: 'cancelled', b: 'cancelled' });
    expect(job(done, 'b').steps).toEqual([]);
  });
  test('cancelled before it began: only always() jobs run', async () => {
    const done = await run(
      'on: push\njobs:\n  a: { runs-on: x, steps: [{ run: "true" }] }\n  b: { if: always(), runs-on: x, steps: [{ run: "true" }] }\n',
      { signal: AbortSignal.abort() },
    );
    expect(results(done)).toEqual({ a: 'cancelled', b: 'success' });
  });
  test('what a step leaves running is gone after the job, also when it holds the output open', async () => {
    const marker = `lab-orphan-${process.pid}`;
    const done = await run(
      `on: push\njobs:\n  a: { runs-on: x, steps: [{ run: "setsid python3 -c 'import time; time.sleep(60)' ${marker} >/dev/null 2>&1 &" }] }\n`,
    );
    expect(done.conclusion).toBe('success');
    expect(await alive(marker)).toEqual([]);
  });
});
