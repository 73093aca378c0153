/** Faults that last from a call on, and the handoff by git: red where it must be, and never a loss that nobody is told of. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Call, type End, FORMS, type Matrix, openMatrix, PHASES } from './matrix.ts';

/** A slow forge is no broken one. */
const SLOW = ['a delay', 'a slow body'];

let matrix: Matrix;
const calls: Call[] = [];
const open = async (transport: 'github' | 'git', phases: readonly (typeof PHASES)[number][]): Promise<void> => {
  matrix = await openMatrix(transport);
  calls.length = 0;
  for (const phase of phases) calls.push(...(await matrix.calls(phase)));
};
const hitAll = async (form: string, times: number): Promise<End[]> => {
  const ends: End[] = [];
  for (const call of calls) ends.push(await matrix.hit(call, form, times));
  expect(ends.flatMap(({ wrong }) => (wrong === '' ? [] : [wrong]))).toEqual([]);
  return ends;
};

describe("by way of GitHub's API", () => {
  beforeAll(() => open('github', PHASES));
  afterAll(async () => {
    await matrix[Symbol.asyncDispose]();
  });
  test.each(Object.keys(FORMS))('%s for good, at every call', async (form) => {
    const reds = (await hitAll(form, Number.POSITIVE_INFINITY)).filter(({ code }) => code !== '').length;
    if (SLOW.includes(form)) expect(reds).toBe(0);
    else expect(reds).toBeGreaterThan(calls.length / 2);
  });
  test('the forge knew every route and field that was asked for', () => {
    expect(matrix.bench.world.forge.unknownRoutes()).toEqual([]);
  });
});

// A whole handoff, with the source asked. The other jobs of a delivery make the same calls; each is some twenty processes.
describe('by way of git', () => {
  beforeAll(() => open('git', ['finish']));
  afterAll(async () => {
    await matrix[Symbol.asyncDispose]();
  });
  // The forge gives old answers by its API alone.
  test.each(Object.keys(FORMS).filter((form) => form !== 'a stale replica'))('%s once, at every call', async (form) => {
    const reds = (await hitAll(form, 1)).map(({ code }) => code);
    if (SLOW.includes(form)) expect(reds.filter((code) => code !== '')).toEqual([]);
  });
  test('the forge knew every route and field that was asked for', () => {
    expect(matrix.bench.world.forge.unknownRoutes()).toEqual([]);
  });
});
