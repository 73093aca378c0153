import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandReader, parseCommand } from '../../../lab/runner/commands.ts';
import { annotationCommand } from '../../../src/runner/index.ts';
import { job, run, said, step } from './harness.ts';

/** What the lines of one step did. */
function read(...lines: string[]): { done: string[]; printed: string[] } {
  const done: string[] = [];
  const printed: string[] = [];
  const reader = new CommandReader({
    annotate: (a) => done.push(`${a.level}: ${JSON.stringify({ ...a, level: undefined })}`),
    addMask: (secret) => done.push(`mask: ${secret}`),
    setOutput: (name, value) => done.push(`output: ${name}=${value}`),
    saveState: (name, value) => done.push(`state: ${name}=${value}`),
    fail: (message) => done.push(`fail: ${message}`),
    print: (line) => printed.push(line),
  });
  for (const line of lines) reader.line(line);
  return { done, printed };
}

describe('commands', () => {
  test('annotations with their place, unescaped', () => {
    expect(read('  ::error file=a%2Cb.ts,line=3,endLine=4,col=2,title=T%3A::one%0Atwo%25').done).toEqual([
      'error: {"message":"one\\ntwo%","title":"T:","file":"a,b.ts","line":3,"endLine":4,"column":2}',
    ]);
    expect(read('::WARNING::w', '::notice::n').done).toEqual(['warning: {"message":"w"}', 'notice: {"message":"n"}']);
  });
  test('the old form works anywhere in a line', () => {
    expect(read('text ##[error file=a;line=1]b%5D').done).toEqual(['error: {"message":"b]","file":"a","line":1}']);
  });
  test('what is no command is only printed', () => {
    for (const line of ['::unknown::x', 'x ::error::y', '::error', ':: error::x', '##[nothing]x', '##[error']) {
      expect(read(line)).toEqual({ done: [], printed: [line] });
    }
  });
  test('masks, outputs, state; disabled ones fail the step', () => {
    expect(read('::add-mask::s3cret', '::set-output name=a::b', '::save-state name=c::d').done).toEqual([
      'mask: s3cret',
      expect.stringContaining('deprecated'),
      'output: a=b',
      expect.stringContaining('deprecated'),
      'state: c=d',
    ]);
    expect(read('::set-env name=A::b').done).toEqual([expect.stringMatching(/^fail: .*set-env.*disabled/)]);
    expect(read('::add-path::/x').done).toEqual([expect.stringMatching(/^fail: .*add-path.*disabled/)]);
    expect(read('::set-output::b').done).toEqual([expect.stringMatching(/^fail: .*'name' is missing/)]);
  });
  test('trap 20: between stop-commands and its token nothing counts, and a wrong token does not resume', () => {
    const stopped = read('::stop-commands::t0k', '::error::a', '##[error]b', '::other::', '::t0k::', '::error::c');
    expect(stopped.done).toEqual(['error: {"message":"c"}']);
    expect(read('::stop-commands::error', '::error::a').done[0]).toMatch(/^fail: /);
    expect(read('::stop-commands::').done[0]).toMatch(/^fail: /);
  });
  test('trap 20: a stop that is never ended has no effect on the next step', async () => {
    const done = await run(
      'on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - { id: s, run: "echo ::stop-commands::never; echo ::error::inner" }\n      - { id: t, run: "echo ::error::outer" }\n',
    );
    expect(step(job(done, 'a'), 's').annotations).toEqual([]);
    expect(step(job(done, 'a'), 't').annotations).toEqual([{ level: 'error', message: 'outer' }]);
  });
  test('trap 20: a test that prints commands inside the wrapper of the gate makes no annotation', async () => {
    const done = await run(`
on: push
jobs:
  a:
    runs-on: x
    steps:
      - id: s
        run: |
          token="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')"
          echo "::stop-commands::$token"
          printf '%s\\n' '::error::fake' '::stop-commands::x' '::x::' '::set-output name=o::1' '##[error]old' '::add-mask::a'
          echo "::$token::"
          echo "::notice::after"
`);
    const s = step(job(done, 'a'), 's');
    expect(s.annotations).toEqual([{ level: 'notice', message: 'after' }]);
    expect(s.outputs).toEqual({});
    expect(s.log).toContain('::error::fake');
  });
  test('ten of a level are kept, the rest is counted', async () => {
    const done = await run(
      'on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - { id: s, run: "for i in $(seq 1 13); do echo ::warning::w$i; done; echo ::error::e" }\n',
    );
    const s = step(job(done, 'a'), 's');
    expect(s.annotations.map((a) => a.message)).toEqual([...Array.from({ length: 10 }, (_, i) => `w${i + 1}`), 'e']);
    expect(s.droppedAnnotations).toBe(3);
    expect(s.conclusion).toBe('success');
  });
  test('property: what the escaping writer of the suite writes is read back as one annotation with one line of text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, file) => {
        const line = annotationCommand({ level: 'error', message, at: { file } });
        expect(line).not.toMatch(/[\r\n]/);
        const command = parseCommand(line);
        expect(command?.name).toBe('error');
        expect(Object.keys(command?.properties ?? {}).filter((key) => key !== 'file')).toEqual([]);
      }),
    );
  });
  test('property: no line makes the reader throw', () => {
    const parts = fc.constantFrom('::', '##[', ']', 'error', ' ', 'file=', ',', '%0A', '=', 'stop-commands', 'x', '\n');
    fc.assert(
      fc.property(fc.array(fc.array(parts).map((words) => words.join(''))), (lines) => {
        read(...lines);
      }),
    );
  });
});

describe('untrusted text', () => {
  test('trap 19: titles and branches with shell and command syntax are inert when they travel through env', async () => {
    const title = '$(touch pwned) `id` "\'\n::set-output name=x::y\n::error::z %0A %25';
    const branch = 'refs/heads/$(touch${IFS}pwned);::error::x';
    const done = await run(
      `
on: push
jobs:
  a:
    runs-on: x
    outputs: { title: "\${{ steps.s.outputs.title }}" }
    steps:
      - id: s
        env: { TITLE: "\${{ github.event.title }}", REF: "\${{ github.ref_name }}" }
        run: |
          { echo "title<<EOF_4711"; printf '%s\\n' "$TITLE"; echo EOF_4711; } >> "$GITHUB_OUTPUT"
          printf 'ref=%s\\n' "$REF"
          ls
`,
      { event: { name: 'push', payload: { title } }, ref: branch },
    );
    const a = job(done, 'a');
    expect(a.outputs).toEqual({ title });
    expect(said(step(a, 's'))).toEqual([`ref=${branch.slice('refs/heads/'.length)}`]);
    expect(step(a, 's').annotations).toEqual([]);
  });
  test('trap 19: the runner does obey such text in a script, so that a mistake of a workflow shows', async () => {
    const done = await run(
      'on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{ id: s, run: "echo \'${{ github.event.title }}\'" }]\n',
      { event: { name: 'push', payload: { title: "'; echo injected; echo '" } } },
    );
    expect(said(step(job(done, 'a'), 's'))).toContain('injected');
  });
});
