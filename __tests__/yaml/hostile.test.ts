/** Strange syntax: whatever file opens, an edit changes exactly one scalar for all four readers, or is refused with a code. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { targetsOf, VALUES, wanted } from '../../bench/bump-helm-tag/_corpus.ts';
import { ActionError } from '../../src/runner/index.ts';
import { type Change, editValues } from '../../src/yaml/index.ts';
import { bytes, codeOf, readings } from './support.ts';

// Pieces that are no trouble alone and meet in ways that nobody would write down.
const scalars = fc.constantFrom(
  'v1',
  "'it''s'",
  '"a\\n\\x41\\u263a\\\n      b"',
  '"# no comment"',
  'a # c',
  'a#b',
  'http://x:80/#y',
  'a\u00a0# c',
  '',
  '~',
  '!!str 12',
  '!!int 12',
  '! x',
  '&a v1',
  '*a',
  '|\n      x\n\n',
  '|2\n         x\n',
  '>+ # c\n      x\n\n',
  '|-',
  'plain\n      lines\n\n      more',
  '{a: v1, "b":v2, c}',
  '{a: {b: [x, {c: }]}, d: }',
  '[[[[[[[[x]]]]]]]]',
  '- x',
  '? x\n      : y',
  '\tv1',
  'v1\t# c',
  '%x',
  '@x',
  '1.10',
  'yes',
  '2001-01-01',
  '"\u2028"',
  'значение',
  '🙂',
  `"${'x'.repeat(5000)}"`,
  '<<',
);
const keys = fc.constantFrom(
  'a',
  '"b.c"',
  "'d'",
  'on',
  'true',
  '8080',
  '1.0',
  '? e',
  'ключ',
  '<<',
  '&k f',
  '*a ',
  '!!str g',
  '[h]',
  '~',
  '=',
  '',
);
const tails = fc.constantFrom('', '', '', ' # c', '\n', '\n\n# c', '\n      # deep', '  ', '\t');
const entry = fc
  .tuple(keys, scalars, tails)
  .map(([key, value, tail]) => `${key}${key.startsWith('?') ? '\n    ' : ''}: ${value}${tail}\n`);
const block = fc.array(entry, { minLength: 1, maxLength: 4 });
const bodies = fc.oneof(
  block.map((lines) => lines.join('')),
  block.map((lines) => `m:\n${lines.map((line) => `    ${line}`).join('')}`),
  block.map((lines) => `l:\n${lines.map((line) => `  - ${line}`).join('')}`),
);
const heads = fc.constantFrom(
  '',
  '',
  '# c\n',
  '---\n',
  '%YAML 1.1\n---\n',
  '%YAML 1.2\n---\n',
  '%TAG !e! tag:e,2000:\n---\n',
  '\ufeff',
  '--- # c\n',
  '--- !!map\n',
);
const feet = fc.constantFrom(
  '',
  '',
  '...\n',
  '---\n',
  '...\n# c\n',
  '---\nz: 1\n',
  '# c\n---\n# d\nz: 1',
  '...\n%YAML 1.1\n---\nz: on\n',
);
const files = fc.tuple(heads, bodies, feet, fc.boolean(), fc.boolean()).map(([head, body, foot, crlf, open]) => {
  const text = `${head}${body}${foot}`;
  const ended = open ? text.replace(/\n$/, '') : text;
  return crlf ? ended.replaceAll('\n', '\r\n') : ended;
});

const kinds: readonly (readonly [Change['type'], string])[] = [
  ...VALUES.map((value) => ['string', value] as const),
  ['number', '0x10'],
  ['boolean', 'True'],
  ['null', ''],
  ['null', '~'],
];

const meaning = (type: Change['type'], value: string): unknown =>
  ({ string: value, number: Number(value), boolean: true, null: null })[type];

test('any file that opens: one span changes and nothing else, or a refusal with a code', () => {
  const seen = { edited: 0, refused: 0 };
  fc.assert(
    fc.property(files, fc.nat(), fc.constantFrom(...kinds), (text, pick, [type, value]) => {
      let targets: ReturnType<typeof targetsOf>['targets'];
      let before: unknown[][];
      try {
        targets = targetsOf(text).targets;
        before = readings(text);
      } catch {
        // What a reader refuses is refused as a file.
        expect(
          codeOf(() => editValues(bytes(text), 'f', [wanted({ document: 0, path: [{ key: 'a' }] }, 'x')])),
        ).toMatch(/^E_/);
        return;
      }
      const target = targets[pick % Math.max(1, targets.length)];
      if (target === undefined) return;
      let after: string;
      try {
        const { bytes: edited } = editValues(bytes(text), 'f', [{ ...wanted(target, value), type }]);
        after = new TextDecoder('utf-8', { ignoreBOM: true }).decode(edited);
      } catch (error) {
        expect(error).toBeInstanceOf(ActionError);
        // The proof is the last net; what is known to be unsafe has a code that says so.
        expect((error as ActionError).code).not.toBe('E_EDIT_NOT_PROVEN');
        seen.refused += 1;
        return;
      }
      seen.edited += 1;
      const blanks = value === '' ? /[ \t]*$/.exec(text.slice(0, target.start))?.[0].length : 0;
      const head = text.slice(0, target.start - (blanks ?? 0));
      const tail = text.slice(target.end);
      expect(after.slice(0, head.length)).toBe(head);
      expect(after.endsWith(tail)).toBe(true);
      const now = readings(after);
      for (const [i, documents] of before.entries()) {
        const changed = differences(documents, now[i]);
        expect(changed.length).toBeLessThanOrEqual(1);
        for (const to of changed) expect(to).toEqual(meaning(type, value));
      }
    }),
    { numRuns: 600 },
  );
  // Else the property would say nothing.
  expect(Math.min(seen.edited, seen.refused)).toBeGreaterThan(20);
});

test('any string: written and read back by all four, or no text for a scalar', () => {
  const styles = fc.constantFrom(
    'tag: v1 # c\n',
    "tag: 'v1' # c\n",
    'tag: "v1" # c\n',
    '{tag: v1} # c\n',
    'tag: # c\n',
    'tag: |\n  v1\n',
  );
  const any = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...'\'"#:,[]{}&*!|>%@`-? \\x'), maxLength: 8 }),
    fc.constant('x'.repeat(100_000)),
  );
  fc.assert(
    fc.property(styles, any, (text, value) => {
      let after = '';
      const code = codeOf(() => {
        const change = wanted({ document: 0, path: [{ key: 'tag' }] }, value);
        after = new TextDecoder('utf-8', { ignoreBOM: true }).decode(editValues(bytes(text), 'f', [change]).bytes);
      });
      if (code !== 'none') return expect(code).toBe('E_INPUT');
      for (const [document] of readings(after)) expect(document).toEqual({ tag: value });
    }),
    { numRuns: 400 },
  );
});

// New values of all places where two readings differ; a place that came or went counts as undefined.
function differences(before: unknown, after: unknown): unknown[] {
  if (Object.is(before, after)) return [];
  const both = [before, after];
  if (both.every((x) => typeof x === 'object' && x !== null && !(x instanceof Date))) {
    const [a, b] = both as [Record<string, unknown>, Record<string, unknown>];
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].flatMap((name) => differences(a[name], b[name]));
  }
  return before instanceof Date && after instanceof Date && before.getTime() === after.getTime() ? [] : [after];
}
