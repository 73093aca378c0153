/** A run of the source `scrape`: pages from memory, time from the test. */
import type { CanaryConfig } from '../../../src/verify-canary/config.ts';
import { Pod } from './pod.ts';
import { type Outcome, podsHttp, podUrl, steppingClock, T, watch } from './world.ts';

export const STABLE = { rate: 60 };
const CANARY = { rate: 15 };
export const ANY_SHARE = 'share: {mode: observe}';
export const OK = 'http_requests_total{code="200",method="POST",route="/v1/equalize"}';
export const INPUTS = { 'expected-weight': '20', 'stable-targets': podUrl(1), 'canary-targets': podUrl(2) };

export interface Play {
  config: CanaryConfig;
  inputs?: Record<string, string>;
  stable?: number;
  canary?: number;
  /** Told after every wait; seconds since the start. */
  meanwhile?: (pods: Pod[], seconds: number, stop: () => void) => void;
  tracePath?: string;
  /** When the run begins, and when the processes did. */
  from?: number;
  started?: number;
  load?: (pod: Pod, dt: number, seconds: number, arm: 'stable' | 'canary') => void;
}

export async function play(what: Play): Promise<Outcome> {
  const { config, inputs = {}, stable = 1, canary = 1, from = T, started = T - 3600, meanwhile, load } = what;
  const pods = Array.from({ length: stable + canary }, (_, i) => new Pod(i + 1));
  for (const pod of pods) {
    pod.started = started;
    pod.serve(5000, {});
  }
  const controller = new AbortController();
  const even = (pod: Pod, dt: number, _s: number, arm: string): void =>
    pod.run(dt, arm === 'stable' ? { rate: STABLE.rate / stable } : { rate: CANARY.rate / canary });
  const clock = steppingClock(from, (dt, now) => {
    for (const [i, pod] of pods.entries()) (load ?? even)(pod, dt, now - T, i < stable ? 'stable' : 'canary');
    meanwhile?.(pods, now - T, () => controller.abort(new Error('stopped')));
    if (now > T + 7200) throw new Error('the run does not end');
  });
  const addresses = pods.map((_, i) => podUrl(i + 1));
  const targets = {
    'stable-targets': addresses.slice(0, stable).join('\n'),
    'canary-targets': addresses.slice(stable).join('\n'),
  };
  const byHost = Object.fromEntries(pods.map((pod, i) => [`127.0.0.${i + 1}`, pod]));
  return watch(
    { ...INPUTS, ...targets, ...inputs },
    {
      config,
      clock,
      openHttp: podsHttp(byHost),
      signal: controller.signal,
      ...(what.tracePath ? { tracePath: what.tracePath } : {}),
    },
  );
}
