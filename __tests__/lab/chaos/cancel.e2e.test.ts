/**
 * A delivery by the shipped bundles is cancelled at twenty moments: the config repository is as before or fully delivered,
 * never between. A moment is a number of events (jobs and steps that start and end, requests that reach the forge), not a
 * time: however busy the machine is, the same moments are met.
 */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { CANCEL_TIMES } from '../../../lab/runner/process.ts';
import { job, type Ran } from '../runner/harness.ts';
import { DIGEST, openSuite, STABLE, type Suite, values } from '../runner/suite.ts';
import { processesWith } from './processes.ts';

const MOMENTS = 20;
const COUNTED = new Set(['job-started', 'job-ended', 'step-started', 'step-ended']);

let suite: Suite;
/** The run that nobody stops. */
let whole: Told;
const ends: string[] = [];

interface Told {
  run: Ran;
  text: string;
  subjects: string[];
  /** Events in all. */
  events: number;
}

/** @param at cancelled at this event, the first is 1; 0: not at all */
async function deliver(name: string, at: number): Promise<Told> {
  const config = `lab/${name}`;
  await suite.forge.createRepository(config, { private: true, files: { 'env/values.yaml': values(STABLE) } });
  const cancel = new AbortController();
  let events = 0;
  const count = (): void => {
    events += 1;
    if (events === at) cancel.abort();
  };
  // Told in the moment before the effect: what asks is cancelled while it waits for the answer.
  suite.forge.faults.add({ match: {}, every: 1, meanwhile: async () => count() });
  try {
    const run = await suite.deliver({
      config,
      weights: '[5, 100]',
      signal: cancel.signal,
      // GitHub's own: a handoff that is under way has the time to learn what became of it.
      cancelTimes: CANCEL_TIMES,
      onEvent: (event) => {
        if (COUNTED.has(event.type)) count();
      },
    });
    const text = await suite.git(config, 'show', 'main:env/values.yaml');
    const log = await suite.git(config, 'log', '--reverse', '--format=%s', 'main');
    return { run, text, subjects: log.trim().split('\n').slice(1), events };
  } finally {
    suite.forge.faults.clear();
  }
}

beforeAll(async () => {
  suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag'], 'dist');
  whole = await deliver('whole', 0);
});
afterAll(async () => {
  await suite[Symbol.asyncDispose]();
});
afterEach(async () => {
  expect(await processesWith(suite.dir)).toEqual([]);
});

test('left alone, it delivers', () => {
  expect(whole.run.conclusion).toBe('success');
  expect(whole.text).toContain(DIGEST);
  expect(whole.subjects).toHaveLength(3);
  expect(whole.events).toBeGreaterThan(2 * MOMENTS);
});

test.each(Array.from({ length: MOMENTS }, (_, i) => i))('cancelled at moment %i of 20', async (i) => {
  // In the middle of its twentieth: neither before the first event nor after the last.
  const at = Math.ceil(((i + 0.5) * whole.events) / MOMENTS);
  const { run, text, subjects } = await deliver(`moment-${i}`, at);
  const end = text === whole.text ? 'delivered' : 'before';
  expect(text).toBe(end === 'delivered' ? whole.text : values(STABLE));
  // What was handed off and is not there any more was taken back by one commit.
  const reverts = subjects.filter((subject) => subject.startsWith('revert '));
  expect(reverts).toHaveLength(end === 'before' && subjects.length > 0 ? 1 : 0);
  // Nobody is told of a version that is not there.
  if (run.conclusion === 'success') expect(end).toBe('delivered');
  ends.push(end);
});

test('both ends were met, and a revert among them', async () => {
  expect(new Set(ends)).toEqual(new Set(['before', 'delivered']));
  expect(suite.forge.unknownRoutes()).toEqual([]);
  expect(job(whole.run, 'deliver').outputs.verdict).toBe('pass');
});
