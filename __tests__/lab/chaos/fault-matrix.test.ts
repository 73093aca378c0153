/** One fault, at every call of a delivery by way of GitHub's API. Faults that last, and the way by git: fault-matrix.e2e. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Call, FORMS, type Matrix, openMatrix, PHASES } from './matrix.ts';

let matrix: Matrix;
const calls: Call[] = [];

beforeAll(async () => {
  matrix = await openMatrix('github');
  for (const phase of PHASES) calls.push(...(await matrix.calls(phase)));
});
afterAll(async () => {
  await matrix[Symbol.asyncDispose]();
});

test('these are the calls: 16 of a delivery that nothing disturbs, 7 after a write whose answer was lost', () => {
  const kinds = (phase: string, lost: boolean): string =>
    calls.flatMap((call) => (call.phase === phase && call.lost === lost ? [call.kind] : [])).join(' ');
  expect(PHASES.map((phase) => [phase, kinds(phase, false), kinds(phase, true)])).toEqual([
    ['plan', 'contents', ''],
    ['5%', 'BumpRead BumpCommit', 'BumpHistory'],
    ['100%', 'BumpRead BumpCommit', 'BumpHistory'],
    ['finish', 'BumpRead compare BumpCommit', 'BumpHistory'],
    ['revert from 5%', 'BumpRead BumpCommit BumpRead ref', 'BumpHistory BumpRead ref'],
    ['revert from finish', 'BumpRead ref BumpRead BumpCommit', 'BumpHistory'],
  ]);
  expect(calls).toHaveLength(23);
});

describe.each(Object.keys(FORMS))('%s', (form) => {
  test('once, at every call: nothing is lost, and a fault that passes costs no delivery', async () => {
    const ends = [];
    for (const call of calls) ends.push({ kind: call.kind, ...(await matrix.hit(call, form, 1)) });
    expect(ends.flatMap(({ wrong }) => (wrong === '' ? [] : [wrong]))).toEqual([]);
    // To a write these two say that somebody else was faster, or nothing certain; to a read they are an answer.
    const answers = ['409', '422'].includes(form) ? ['E_CONFIG_UNREADABLE', 'E_SOURCE_UNREADABLE'] : [];
    expect(ends.flatMap(({ code }) => (code === '' ? [] : [code]))).toEqual(answers);
  });
});

test('the forge knew every route and field that was asked for', () => {
  expect(matrix.bench.world.forge.unknownRoutes()).toEqual([]);
});
