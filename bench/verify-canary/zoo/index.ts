/** All judges of the score card, and with which settings each is in it. */
import type { JudgeConfigInput } from '../../../src/verify-canary/core/index.ts';
import { bayes, zOnce, zPeeking } from './counts.ts';
import { argo, flagger, p99Ratio } from './limits.ts';
import type { Model } from './model.ts';
import { ours } from './ours.ts';
import { kayenta, pipecd } from './ranks.ts';

export interface Entry {
  name: string;
  settings: string;
  create(config: JudgeConfigInput, seconds: number): Model;
}

export const ZOO: readonly Entry[] = [
  {
    name: 'verify-canary',
    settings:
      'its defaults (alpha 1 % a rollout, beta 5 % a step, interval as scraped), the rules of the README example',
    create: ours,
  },
  {
    name: 'Kayenta',
    settings:
      'model of the default judge: Mann-Whitney, 98 %, tolerance 0.25, step 60 s, growing window, a judgement a minute, score pass 95 and marginal 75, metrics errors and slow requests; an interval that so few values cannot reach counts as not high',
    create: kayenta,
  },
  ...[1, 5, 10].map((threshold) => ({
    name: `Flagger ${threshold}`,
    settings: `model: request-success-rate min 99, request-duration max 500 (p99), interval 1m, threshold ${threshold}`,
    create: () => flagger(threshold),
  })),
  ...[0, 3].map((limit) => ({
    name: `Argo ${limit}`,
    settings: `model of the documented success-rate template: result >= 0.95, interval 5m, failureLimit ${limit}${limit === 0 ? ' (the default)' : ''}`,
    create: () => argo(limit),
  })),
  {
    name: 'PipeCD',
    settings:
      'model of ANALYSIS with CANARY_BASELINE: Mann-Whitney by the normal approximation, p 0.05, deviation EITHER, failureLimit 0 (the defaults), interval 5m, metrics errors and slow requests',
    create: pipecd,
  },
  {
    name: 'z-test peeking',
    settings: 'two proportions, 1 % on one side, errors and slow requests, after every reading',
    create: zPeeking,
  },
  {
    name: 'z-test once',
    settings: 'the same, once, at the end of the rollout',
    create: (_, seconds) => zOnce(seconds),
  },
  { name: 'p99 ratio', settings: 'p99 of a minute above 1.2 times stable', create: p99Ratio },
  { name: 'Bayes', settings: 'uniform prior, P(worse) > 0.95, errors and slow requests, every minute', create: bayes },
];
