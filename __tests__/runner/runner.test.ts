import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import {
  ActionError,
  actionsLog,
  capAnnotations,
  cutSummary,
  Deadline,
  describeError,
  fakeClock,
  field,
  parseDuration,
  parseInputs,
  readInputs,
  systemExec,
  writeOutputs,
} from '../../src/runner/index.ts';
import { parseOutputs } from '../support/bundle.ts';

const dir = mkdtempSync(join(tmpdir(), 'runner-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('inputs', () => {
  test('are read by kebab-case name and trimmed', () => {
    expect(readInputs(['config-file', 'x'], { 'INPUT_CONFIG-FILE': ' a ' })).toEqual({ 'config-file': 'a', x: '' });
  });
  test('all problems come together, each with its input', () => {
    const schema = z.object({
      a: field.bool(false),
      b: field.duration('1m'),
      c: field.oneOf(['x', 'y'], 'x'),
      d: field.integer(1, 9, 3),
    });
    expect(parseInputs(schema, { a: '', b: '', c: '', d: '' })).toEqual({ a: false, b: 60, c: 'x', d: 3 });
    expect(() => parseInputs(schema, { a: 'yes', b: '5 minutes', c: 'z', d: '10' })).toThrow(
      'inputs a, b, c, d: a: "yes" is not true or false; b: "5 minutes" is not a duration such as 90s, 5m or 1h; c: "z" is not one of x, y; d: "10" is not a whole number from 1 to 9',
    );
  });
  test('lists are lines or JSON, and a bad line is never quoted', () => {
    const list = z.object({ v: field.list() });
    expect(parseInputs(list, { v: 'a\n\n b ' }).v).toEqual(['a', 'b']);
    expect(parseInputs(list, { v: '["a\\nb"]' }).v).toEqual(['a\nb']);
    const pairs = z.object({ v: field.pairs() });
    expect(parseInputs(pairs, { v: 'a=b=c\nd=' }).v).toEqual([
      ['a', 'b=c'],
      ['d', ''],
    ]);
    expect(() => parseInputs(pairs, { v: 'a=b\nhunter2' })).toThrow(/^input v: line 2 is not key=value/);
    expect(() => parseInputs(pairs, { v: 'a=b\na=c' })).toThrow('"a" stands there twice');
  });
  test.each([
    ['250ms', 0.25],
    ['1.5h', 5400],
    ['7d', 604_800],
    ['5', undefined],
    ['-5s', undefined],
    ['5 s', undefined],
  ])('duration %s = %s', (text, s) => {
    expect(parseDuration(text)).toBe(s);
  });
});

describe('log', () => {
  const lines: string[] = [];
  const log = actionsLog('x', (line) => lines.push(line), fakeClock());
  test('no text can issue a workflow command, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('::', '##[', 'error', ']', '\n', '\r', ' ', '\u001b[0m', '\u200b', 'a', '%0A', '\u2028'),
        ),
        (parts) => {
          lines.length = 0;
          log.info(parts.join(''));
          for (const line of lines) {
            expect(line.trimStart().startsWith('::')).toBe(false);
            expect(line).not.toContain('##[');
          }
        },
      ),
    );
  });
  test('masks secrets, also line by line, and hides them in its own text', () => {
    lines.length = 0;
    log.mask('first-line\nsecond-line');
    log.info('x second-line y');
    log.notice('first-line');
    expect(lines).toEqual([
      '::add-mask::first-line%0Asecond-line',
      '::add-mask::first-line',
      '::add-mask::second-line',
      'x *** y',
      '::notice title=x::***',
    ]);
  });
  test('groups print their time, also when they fail', async () => {
    lines.length = 0;
    await expect(log.group('build', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(lines).toEqual(['::group::build', 'build: 0.0 s', '::endgroup::']);
  });
  test('keeps ten annotations a level, the last says how many more', () => {
    const kept = capAnnotations(
      Array.from({ length: 15 }, (_, i) => ({ level: 'error' as const, message: `m${i}`, rank: 15 - i })),
    );
    expect(kept).toHaveLength(10);
    expect(kept[0]?.message).toBe('m14');
    expect(kept[9]?.message).toBe('6 more errors: see the summary of this run.');
  });
});

describe('errors', () => {
  test('name the action, the cause, what to do and the code', () => {
    const error = new ActionError('E_X', {
      what: 'this',
      why: 'that\n::error::',
      fix: 'Do it',
      at: { file: 'a', line: 3 },
    });
    expect(describeError('act', error)).toEqual({
      code: 'E_X',
      message: 'act: this: that ::error::. Do it. [E_X]',
      at: { file: 'a', line: 3 },
    });
    expect(describeError('act', new TypeError('x')).code).toBe('E_INTERNAL');
  });
});

test('an output cannot add a second one', () => {
  const file = join(dir, 'output');
  writeFileSync(file, '');
  writeOutputs({ a: 'x\nb<<EOF\ny\nEOF', c: 1, d: true }, { GITHUB_OUTPUT: file });
  expect(parseOutputs(readFileSync(file, 'utf8'))).toEqual({ a: 'x\nb<<EOF\ny\nEOF', c: '1', d: 'true' });
});

test('a summary over the budget is cut at a line and says so', () => {
  const text = cutSummary('line of text\n'.repeat(1000), 500);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(500);
  expect(text).toMatch(/line of text\n\n_The summary was cut here/);
});

describe('exec', () => {
  test('a signal is not success, and the whole group dies', async () => {
    const killed = await systemExec('sh', ['-c', 'kill -9 $$']);
    expect([killed.code, killed.signal]).toEqual([null, 'SIGKILL']);
    const timed = await systemExec('sh', ['-c', 'sleep 60 & wait'], { timeout: 0.2 });
    expect([timed.code === 0, timed.timedOut]).toEqual([false, true]);
  });
  test('hands over lines, input, environment and bytes', async () => {
    const seen: string[] = [];
    const result = await systemExec('sh', ['-c', 'cat; printf "\\303\\244 %s" "$A"; echo e >&2; exit 3'], {
      input: 'in\n',
      env: { A: 'x', PATH: process.env.PATH },
      onLine: (line, stream) => seen.push(`${stream}:${line}`),
    });
    expect(result.code).toBe(3);
    expect(result.stdoutTail).toBe('in\nä x');
    expect(seen.sort()).toEqual(['stderr:e', 'stdout:in', 'stdout:ä x']);
  });
  test('a program that is not there rejects', async () => {
    await expect(systemExec('no-such-program-here', [])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('a deadline is over by time or by its parent', () => {
  const clock = fakeClock();
  using deadline = new Deadline(10, clock);
  deadline.check('x');
  clock.advance(11);
  expect(() => deadline.check('the read')).toThrow(expect.objectContaining({ code: 'E_TIMEOUT' }));
  const parent = new AbortController();
  using child = new Deadline(10, fakeClock(), parent.signal);
  parent.abort(new ActionError('E_CANCELLED', { what: 'a', why: 'b', fix: 'c' }));
  expect(() => child.check('x')).toThrow(expect.objectContaining({ code: 'E_CANCELLED' }));
});
