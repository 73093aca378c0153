/** The cells of the score card. */
import { PLAIN, type Scenario } from '../scenario/scenario.ts';
import { BROKEN } from './broken.ts';
import { BETA, type Cell, cell, effect, OUTSIDE } from './cell.ts';

const one = (seconds: number): Scenario['steps'] => [{ weight: 5, seconds }];
const long = PLAIN.steps.map(({ weight }) => ({ weight, seconds: 1200 }));
const wide = { fail: { ratio: 50 } };

const HEALTHY: readonly Cell[] = [
  cell('healthy', '400 requests/s, 0.4 % errors', 'healthy', {}, { promises: [{ what: 'promoted', limit: 0.99 }] }),
  cell('healthy-40', '40 requests/s, steps of 20 minutes', 'healthy', { rate: 40, steps: long }),
  cell('healthy-8', '8 requests/s, steps of 20 minutes', 'healthy', { rate: 8, steps: long }),
  cell('no-errors', 'a service without any error', 'healthy', { base: 0 }),
  cell('many-errors', '3 % errors in both versions, above the objective', 'healthy', { base: 0.03 }),
  cell('wobble', 'the error rate of both wanders, up to twice and half', 'healthy', { path: 'wobble' }),
  cell('diurnal', 'the error rate of both rises and falls by 80 %', 'healthy', { path: 'diurnal' }),
  cell('incident', '20 % errors in both versions for five minutes', 'healthy', { path: 'incident' }),
  cell('scrape-60', 'a reading a minute', 'healthy', { interval: 60 }),
  cell('missed-scrapes', 'three of ten readings come late, one of twenty is lost', 'healthy', {
    missed: 0.3,
    gap: 0.05,
  }),
  cell('resets', 'counters restart now and then and forget, young ones miss their first requests', 'healthy', {
    reset: 0.05,
    young: true,
  }),
  cell('cold-start', 'five times the errors and slow requests in the first minute', 'healthy', { warmupPenalty: 5 }),
  cell(
    'share-1.4',
    'the canary gets 1.4 times its share, within the tolerance',
    'healthy',
    { shareOdds: 1.4 },
    {
      promises: [{ what: 'held', limit: 0.01 }],
    },
  ),
  cell('bursts-phi', 'errors come five at a time, phi 5', 'healthy', {
    batch: 5,
    errors: { phi: 5 },
    latency: { phi: 5 },
  }),
  cell('sticky-phi', 'connections of 400 requests, share.phi 400', 'healthy', {
    sticky: 400,
    rules: { share: { phi: 400 } },
  }),
  cell('edge', 'errors and slow requests 1.25, CPU 1.2 times stable: as much as is allowed', 'allowed', {
    effect: effect({ errors: 1.25, latency: { shape: 'shift', factor: 1.25 }, cpu: 1.2 }),
    errors: { fail: { floor: 0 } },
    latency: { fail: { floor: 0 }, phi: 1 },
  }),
  cell('edge-incident', 'the same, with 20 % errors in both versions for five minutes', 'allowed', {
    path: 'incident',
    effect: effect({ errors: 1.25, latency: { shape: 'shift', factor: 1.25 }, cpu: 1.2 }),
    errors: { fail: { floor: 0 } },
    latency: { fail: { floor: 0 }, phi: 1 },
  }),
];

const MARGIN: readonly Cell[] = [
  cell('margin', '3 times the errors at 5 %, no objective', 'margin', {
    steps: one(1200),
    base: 0.02,
    effect: effect({ errors: 3 }),
    errors: { ...wide, slo: null },
  }),
  cell('margin-objective', '3 times the errors at 5 %, and exactly at the objective', 'margin', {
    steps: one(1200),
    base: 0.01,
    effect: effect({ errors: 3 }),
    errors: { ...wide, slo: 0.03 },
  }),
  cell('margin-latency', '3 times the slow requests at 5 %, exactly at the objective', 'margin', {
    steps: one(1200),
    slow: [0.0167, 0.01665, 0.0166],
    effect: effect({ latency: { shape: 'shift', factor: 3 } }),
    latency: { ...wide, phi: 1 },
  }),
];

const calm: Scenario['steps'] = [
  { weight: 5, seconds: 360 },
  { weight: 10, seconds: 360 },
  { weight: 25, seconds: 600 },
  { weight: 50, seconds: 2280 },
];

const WORSE: readonly Cell[] = [
  cell(
    'outage-8',
    'the canary answers nothing, at 8 requests/s and 5 %',
    'worse',
    { rate: 8, effect: effect({ outage: true }) },
    {
      // Two readings after warm-up.
      promises: [BETA, { what: 'p95-delay', limit: 90 }],
    },
  ),
  cell('errors-x2', 'doubled errors from the start', 'worse', { effect: effect({ errors: 2 }) }),
  cell(
    'errors-x2-late',
    'doubled errors after 25 good minutes, at 50 %',
    'worse',
    {
      steps: calm,
      effect: effect({ errors: 2 }),
      onset: { kind: 'late', after: 1500 },
    },
    {
      promises: [
        { what: 'power', limit: 0.95 },
        { what: 'median-delay', limit: 360 },
      ],
    },
  ),
  cell(
    'errors-x5-40',
    '5 times the errors at 40 requests/s',
    'worse',
    { rate: 40, effect: effect({ errors: 5 }) },
    OUTSIDE,
  ),
  cell('errors-from-none', '0.5 % errors, stable has none', 'worse', { base: 0, effect: effect({ extra: 0.005 }) }),
  cell(
    'errors-at-25',
    '5 times the errors from 25 % on: it does not bear load',
    'worse',
    {
      effect: effect({ errors: 5 }),
      onset: { kind: 'step', weight: 25 },
    },
    OUTSIDE,
  ),
  cell('intermittent', '10 times the errors, one minute in five', 'worse', {
    effect: effect({ errors: 10 }),
    onset: { kind: 'every', period: 300, on: 60 },
  }),
  cell(
    'falling',
    '3 times the errors while the rate of both falls',
    'worse',
    {
      path: 'falling',
      base: 0.01,
      effect: effect({ errors: 3 }),
    },
    OUTSIDE,
  ),
  cell(
    'slower',
    'all latencies shifted: 4 times as many slow requests',
    'worse',
    {
      effect: effect({ latency: { shape: 'shift', factor: 4 } }),
    },
    OUTSIDE,
  ),
  cell('tail', '1 % over a second, 50 times as many', 'worse', {
    effect: effect({ latency: { shape: 'tail', factor: 50 } }),
  }),
  cell(
    'bimodal',
    '3 % of the requests take over half a second',
    'worse',
    {
      effect: effect({ latency: { shape: 'bimodal', share: 0.03 } }),
    },
    OUTSIDE,
  ),
  cell('cpu-x2', 'twice the CPU a request', 'worse', { effect: effect({ cpu: 2 }) }, OUTSIDE),
  cell(
    'cpu-x2-blocks',
    'the same, with CPU blocks of 15 s instead of a minute',
    'worse',
    {
      effect: effect({ cpu: 2 }),
      cpu: { block: 15 },
    },
    OUTSIDE,
  ),
  cell(
    'bursts-worse',
    '3 times the errors, five at a time, phi 5',
    'worse',
    {
      batch: 5,
      effect: effect({ errors: 3 }),
      errors: { phi: 5 },
      latency: { phi: 5 },
    },
    OUTSIDE,
  ),
];

export const CELLS: readonly Cell[] = [...HEALTHY, ...MARGIN, ...WORSE, ...BROKEN];
