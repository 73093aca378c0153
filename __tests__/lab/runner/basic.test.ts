import { describe, expect, test } from '@jest/globals';
import { job, results, run, said, step } from './harness.ts';

describe('a small workflow', () => {
  test('runs its steps with outputs, env, path and summary', async () => {
    const done = await run(`
on: push
env: { A: top }
jobs:
  one:
    runs-on: ubuntu-latest
    env: { B: "\${{ github.ref_name }}" }
    outputs: { x: "\${{ steps.s.outputs.x }}" }
    steps:
      - id: s
        run: |
          echo "x=1 $A $B" >> "$GITHUB_OUTPUT"
          echo "C<<E
          two
          lines
          E" >> "$GITHUB_ENV"
          mkdir -p bin && printf '#!/bin/sh\\necho tool' > bin/tool && chmod +x bin/tool
          echo "$PWD/bin" >> "$GITHUB_PATH"
          echo '# hi' >> "$GITHUB_STEP_SUMMARY"
      - id: t
        run: |
          echo "$C"
          tool
  two:
    needs: one
    runs-on: ubuntu-latest
    steps:
      - id: s
        env: { X: "\${{ needs.one.outputs.x }}" }
        run: echo "got $X"
`);
    expect(done.errors).toEqual([]);
    expect(results(done)).toEqual({ one: 'success', two: 'success' });
    expect(said(step(job(done, 'one'), 't'))).toEqual(['two', 'lines', 'tool']);
    expect(said(step(job(done, 'two'), 's'))).toEqual(['got 1 top main']);
    expect(step(job(done, 'one'), 's').summary).toBe('# hi\n');
    expect(done.conclusion).toBe('success');
  });
});
