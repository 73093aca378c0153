import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readWorkflow } from '../../tools/check-workflows/model.ts';
import { checkPins, proposeUpdates } from '../../tools/pins/pins.ts';

const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];
const pins = { 'x/y': { version: 'v1.2.0', commit: A } };
const NOW = Date.parse('2026-01-10T00:00:00Z');
const release = (version: string, date: string, commit = B) => ({ action: 'x/y', version, commit, date });
const uses = (text: string) => readWorkflow('w.yml', `jobs:\n  j:\n    steps:\n      - uses: ${text}\n`);

test.each([
  ['a pin with its version', `x/y@${A} # v1.2.0`, []],
  ['no comment', `x/y@${A}`, ['W01']],
  ['another commit', `x/y@${B} # v1.2.0`, ['W01']],
  ['an action that is not pinned, and a pin nothing uses', `x/z@${A} # v1.2.0`, ['W01', 'pins']],
])('%s', (_name, text, rules) => {
  expect(checkPins([uses(text)], pins).map((p) => p.rule)).toEqual(rules);
});

test.each([
  ['v1.2', A],
  ['v1.2.0', 'abc'],
])('a pin %s %s is refused', (version, commit) => {
  expect(checkPins([], { 'x/y': { version, commit } }).map((p) => p.rule)).toEqual(['pins']);
});

test.each([
  ['old enough to the second', [release('v1.3.0', '2026-01-07T00:00:00Z')], 'v1.3.0'],
  ['a second too young', [release('v1.3.0', '2026-01-07T00:00:01Z')], undefined],
  [
    'the newest that is old enough',
    [release('v1.4.0', '2026-01-09T00:00:00Z'), release('v1.3.0', '2026-01-01T00:00:00Z')],
    'v1.3.0',
  ],
  [
    'older ones and the same',
    [release('v1.1.9', '2026-01-01T00:00:00Z'), release('v1.2.0', '2026-01-01T00:00:00Z')],
    undefined,
  ],
  [
    'numbers, not letters',
    [release('v1.9.0', '2026-01-01T00:00:00Z'), release('v1.10.0', '2026-01-01T00:00:00Z')],
    'v1.10.0',
  ],
  ['a pre-release', [release('v1.3.0-rc.1', '2026-01-01T00:00:00Z')], undefined],
  [
    'a tag that moved',
    [release('v1.3.0', '2026-01-01T00:00:00Z'), release('v1.3.0', '2026-01-01T00:00:00Z', A)],
    undefined,
  ],
  ['a short commit', [release('v1.3.0', '2026-01-01T00:00:00Z', 'abc')], undefined],
])('cool-down: %s', (_name, releases, expected) => {
  expect(proposeUpdates(pins, releases, NOW)[0]?.to).toBe(expected);
});

test('a new major says so; a date that is none is an error', () => {
  expect(proposeUpdates(pins, [release('v2.0.0', '2026-01-01T00:00:00Z')], NOW)[0]?.major).toBe(true);
  expect(() => proposeUpdates(pins, [release('v2.0.0', 'soon')], NOW)).toThrow('is no date');
});

test('nothing younger than the cool-down is ever proposed', () => {
  const age = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(fc.array(fc.tuple(age, fc.nat({ max: 9 })), { maxLength: 8 }), (list) => {
      const ages = new Map(list.map(([days, minor]) => [`v1.${minor}.0`, days]));
      const releases = [...ages].map(([version, days]) =>
        release(version, new Date(NOW - days * 86_400_000).toISOString()),
      );
      for (const proposal of proposeUpdates(pins, releases, NOW))
        expect(ages.get(proposal.to)).toBeGreaterThanOrEqual(3);
    }),
  );
});
