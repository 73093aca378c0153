import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bodyOf, proposalBranch, tells, titleOf } from '../../src/bump-helm-tag/pull-request-text.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';

const ID = '7b0c6f0e-0000-4000-8000-000000000001';
const message = (value: string, headline = 'bump app'): string =>
  `${headline}\n\nwhy\n\nBump-Id: ${ID}\nBump-Target: a.yaml#0#image\nImage-Ref: ${value}`;
const taken = (body: string): unknown => parseBlocks(`squashed (#1)\n\n${body}`);

describe('the branch of a set of targets', () => {
  test('first ten hex of the SHA-256 of the sorted ids', () => {
    expect(proposalBranch('main', ['a.yaml#0#tag'])).toBe('bump/main/fab66cd8ad');
    // printf 'a\nb' | sha256sum
    expect(proposalBranch('env/dev', ['b', 'a'])).toBe('bump/env/dev/7e18f73731');
  });
  test('the order does not matter, the set does', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2 }), (ids) => {
        expect(proposalBranch('main', [...ids].reverse())).toBe(proposalBranch('main', ids));
        expect(proposalBranch('main', ids.slice(1))).not.toBe(proposalBranch('main', ids));
      }),
    );
  });
});

describe('the body', () => {
  test('the diff in a fence, then the trailers as the last paragraph, as they are', () => {
    const body = bodyOf(message('ghcr.io/o/app:v2'), '-a\n+b\n');
    expect(body.startsWith('```diff\n-a\n+b\n```\n')).toBe(true);
    expect(body.split('\n\n').at(-1)).toBe(message('ghcr.io/o/app:v2').split('\n\n').at(-1));
    expect(taken(body)).toEqual(parseBlocks(message('ghcr.io/o/app:v2')));
  });
  test('the fence in front of the trailers is open to the end: nothing in them mentions anybody', () => {
    const lines = bodyOf(message('@org/team'), '@org/team\n```\n@org/team').split('\n');
    let open = '';
    const outside = lines.filter((line) => {
      const ticks = /^`{3,}/.exec(line)?.[0];
      if (ticks === undefined) return open === '';
      if (open === '') open = ticks;
      else if (ticks.length >= open.length && line === ticks) open = '';
      return false;
    });
    expect(open).toBe('```');
    expect(outside.join('\n')).not.toContain('@');
  });
  test('whatever the diff, GitHub takes the body and a squash keeps the block', () => {
    const odd = fc.string({ unit: fc.constantFrom('`', '\n', 'a', '~', ':', ' ', '-'), maxLength: 400 });
    fc.assert(
      fc.property(odd, fc.integer({ min: 1, max: 600 }), (text, times) => {
        const body = bodyOf(message('x:v1'), text.repeat(times));
        expect(body.length).toBeLessThanOrEqual(65_536);
        expect(taken(body)).toEqual(parseBlocks(message('x:v1')));
      }),
    );
  });
  test('a diff that is too long is cut on a line, and it says so', () => {
    const body = bodyOf(message('x:v1'), '+ a line of the diff\n'.repeat(10_000));
    expect(body.length).toBeLessThanOrEqual(60_000);
    expect(body).toMatch(/\+ a line of the diff\n```\n\nThe rest of the diff is in the commit/);
  });
  test('trailers that are too long stand in the commit alone', () => {
    const long = `bump\n\nBump-Id: ${ID}\n${Array.from({ length: 100 }, (_, i) => `Bump-Target: ${'x'.repeat(900)}${i}`).join('\n')}`;
    expect(bodyOf(long, 'x').length).toBeLessThan(1000);
    expect(taken(bodyOf(long, 'x'))).toEqual([]);
  });
  test('a commit without a block, by hand: the diff alone', () => {
    expect(bodyOf('by hand', '+x')).toBe('```diff\n+x\n```\n');
  });
  test('which commit a body tells of', () => {
    const body = bodyOf(message('x:v1'), '+x');
    expect(tells(body, message('x:v1'))).toBe(true);
    expect(tells(body.replaceAll('\n', '\r\n'), message('x:v1'))).toBe(true);
    expect(tells(body, message('x:v2'))).toBe(false);
    expect(tells(body, 'by hand')).toBe(false);
  });
});

test('the title is the headline, one line', () => {
  expect(titleOf('bump\u202e app\nrest')).toBe('bump\\u{202e} app');
});
