/** The cells in which an assumption of the judge does not hold: nothing is promised there, and the card says why. */
import { type Cell, cell, effect } from './cell.ts';

export const BROKEN: readonly Cell[] = [
  cell(
    'bursts-phi-1',
    'errors and slow requests come five at a time, phi left at 1',
    'healthy',
    { batch: 5, latency: { phi: 1 } },
    {
      broken:
        'requests are not independent, and phi does not say so. With phi at the size of the bursts the promise is kept (bursts-phi)',
    },
  ),
  cell(
    'bursts-random',
    'bursts of random size, variance 10 times the mean, phi 10',
    'healthy',
    {
      batch: 10,
      burst: 'random',
      errors: { phi: 10 },
      latency: { phi: 10 },
    },
    { broken: 'phi tells the variance of bursts; bursts of random size have a longer tail than that' },
  ),
  cell(
    'duplicates',
    'every series is scraped three times',
    'healthy',
    { duplicates: 3, latency: { phi: 1 } },
    {
      broken: 'each request counts three times. Ask for one replica in the selectors, or set phi to their number',
    },
  ),
  cell(
    'share-2',
    'the canary gets twice its share',
    'healthy',
    { shareOdds: 2 },
    {
      broken: 'the routing is not what Git asks for: this is a hold by design, not a fail',
    },
  ),
  cell(
    'sticky',
    'connections of 400 requests, share.phi left at 1',
    'healthy',
    { sticky: 400 },
    {
      broken:
        'requests reach a version by connection, in batches. With share.phi at their size nothing is held for it (sticky-phi)',
    },
  ),
  cell(
    'bad-pod',
    'a healthy version; one of its four pods has 20 times the errors',
    'healthy',
    { badPod: 20 },
    {
      broken: 'what is wrong is a pod, not the version: counts of all pods together cannot tell the two apart',
    },
  ),
  cell(
    'cpu-memory',
    'CPU a request of each version wanders slowly, by 30 %',
    'healthy',
    { cpuSpread: 0.3, cpuMemory: 0.99 },
    {
      broken: 'one block of CPU tells of the next. Take longer blocks, or let the metric only observe',
    },
  ),
  cell(
    'cold-long',
    'five times the errors and slow requests for four minutes, with a warm-up of one',
    'healthy',
    {
      warmupPenalty: 5,
      warmupSeconds: 240,
    },
    { broken: 'the canary is judged while it is cold. Set warmup to as long as that takes' },
  ),
  cell(
    'retries',
    '5 times the errors behind a proxy that tries twice',
    'worse',
    { effect: effect({ errors: 5 }), retries: 1 },
    {
      broken: 'failures that a proxy hides are in no metric behind it: measure before the retries',
    },
  ),
];
