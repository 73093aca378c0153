import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ActionError } from '../../src/runner/index.ts';
import type { TraceLine } from '../../src/verify-canary/core/index.ts';
import { openTraceWriter, parseTrace, readTrace } from '../../src/verify-canary/trace-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trace-file-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = '{"v":1,"type":"header","app":"shop","revision":"","image":"","note":""}';
const RUN = '{"v":1,"type":"event","at":100,"event":"run"}';
const line = (start: number, end: number, more = ''): string =>
  `{"v":1,"step":"5","weight":5,"start":${start},"end":${end}${more}}`;
const text = (...lines: string[]): string => lines.map((l) => `${l}\n`).join('');

test('a whole file', () => {
  const { lines, cut } = parseTrace(text(HEADER, RUN, line(100, 115), line(130, 145)), 'x');
  expect([lines.length, cut]).toEqual([4, false]);
});

test('an empty file is a trace without lines', () => {
  expect(parseTrace('', 'x')).toEqual({ lines: [], cut: false });
});

describe('T31', () => {
  test('killed in the middle of a line: that part is dropped, and told', () => {
    const whole = text(RUN, line(100, 115), line(115, 130));
    for (const bytes of [1, 10, line(115, 130).length]) {
      const { lines, cut } = parseTrace(whole.slice(0, -bytes), 'x');
      expect([lines.length, cut]).toEqual([2, true]);
    }
  });

  test.each<[string, string[], number, string]>([
    ['an overlap', [line(100, 115), line(114, 130)], 2, 'begins before the line above it ends'],
    ['backward lines', [line(200, 215), line(100, 115)], 2, 'begins before the line above it ends'],
    ['an event before the end of its line', [line(100, 115), RUN], 2, 'begins before the line above it ends'],
    ['an interval before an event', [RUN, line(99, 115)], 2, 'begins before the line above it ends'],
    ['no length', [line(100, 100)], 1, 'end must be after start'],
    ['a header further down', [RUN, HEADER], 2, 'a header may only be the first line'],
    ['no JSON', [RUN, 'x'], 2, 'it is not JSON'],
    ['an empty line', [RUN, ''], 2, 'it is not JSON'],
    ['an unknown key', [line(100, 115, ',"trafic":{}')], 1, 'unknown key trafic; did you mean traffic?'],
    ['a fraction of a count', [line(100, 115, ',"traffic":{"stable":0.5,"canary":1}')], 1, 'not a whole number'],
    ['a line of 64 KiB', [line(100, 115, `,"x":"${'x'.repeat(65_536)}"`)], 1, 'longer than'],
  ])('%s is refused with its number', (_, lines, number, why) => {
    const error = refused(() => parseTrace(text(...lines), 'old/trace.jsonl'));
    expect(error).toMatchObject({ code: 'E_TRACE_INVALID', facts: { at: { file: 'old/trace.jsonl', line: number } } });
    expect(error.message).toContain(`trace old/trace.jsonl: line ${number}: `);
    expect(error.message).toContain(why);
  });
});

test('more than 100,000 lines are refused', () => {
  const many = Array.from({ length: 100_001 }, (_, i) => line(i, i + 1));
  expect(refused(() => parseTrace(text(...many), 'x')).message).toContain('more than 100000 lines');
});

test('a file that is not there, or cannot be read', async () => {
  await expect(readTrace(join(folder, 'gone'), 'gone', 'E_HISTORY_MISSING')).rejects.toMatchObject({
    code: 'E_HISTORY_MISSING',
    message: expect.stringContaining('there is no such file'),
  });
  await expect(readTrace(folder, 'x', 'E_TRACE_INVALID')).rejects.toMatchObject({
    code: 'E_TRACE_INVALID',
    message: expect.stringContaining('EISDIR'),
  });
});

describe('writing', () => {
  const lines: TraceLine[] = parseTrace(
    text(
      HEADER,
      RUN,
      line(100, 115.5, ',"metrics":{"b":{"canary":null,"stable":{"e":0,"n":1}},"a":{"stable":null,"canary":null}}'),
    ),
    'x',
  ).lines;

  test('every line is in the file when add returns; metrics in the order of the config', () => {
    const path = join(folder, 'trace.jsonl');
    const writer = openTraceWriter(path, ['b', 'a']);
    for (const [i, l] of lines.entries()) {
      writer.add(l);
      expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(i + 2);
    }
    writer.close();
    const written = readFileSync(path, 'utf8');
    expect(written).toContain('"metrics":{"b":{"stable":{"n":1,"e":0},"canary":null},"a":');
    expect(parseTrace(written, 'x').lines).toEqual(lines);
    expect(writer.digest()).toBe(`sha256:${createHash('sha256').update(written).digest('hex')}`);
  });

  test('the digest can be had at any time, and without a file', () => {
    const [a, b] = [openTraceWriter(null, []), openTraceWriter(null, [])];
    const empty = a.digest();
    for (const l of lines) {
      a.add(l);
      b.add(l);
      expect(a.digest()).toBe(b.digest());
    }
    expect(a.digest()).not.toBe(empty);
    a.close();
  });

  test('an older trace of the same name is replaced', () => {
    const path = join(folder, 'old.jsonl');
    writeFileSync(path, text(RUN, line(100, 115)));
    openTraceWriter(path, []).close();
    expect(readFileSync(path, 'utf8')).toBe('');
  });
});

function refused(body: () => unknown): ActionError {
  try {
    body();
  } catch (error) {
    return error as ActionError;
  }
  throw new Error('it was taken');
}
