/** What the judges have in common: lines in, a word out. */
import type { Interval, LatencyArm, RatioArm, TraceLine } from '../../../src/verify-canary/core/index.ts';
import { BOUNDS } from '../scenario/scenario.ts';

/** `go-on` and `hold`: at the end of a step both leave it without a pass; `hold` says so at once. */
export type Word = 'go-on' | 'pass' | 'fail' | 'hold';

export interface Model {
  observe(line: TraceLine): void;
  /** About the present step; a fail is about the rollout and stays. */
  verdict(): Word;
}

/** Counts of a stretch of time. `slow`: requests over each bound. */
export interface Window {
  seconds: number;
  stable: ArmWindow;
  canary: ArmWindow;
}

export interface ArmWindow {
  n: number;
  e: number;
  slow: number[];
}

/** The first minute is hidden from all judges: those that have a setting for it are set so, the others are better off. */
const WARMUP = 60;

/** Every judge reads the same lines: they are counted once. */
const known = new WeakMap<TraceLine, Window | null>();

/** One line as counts, null when it has none that count. */
export function windowOf(line: TraceLine): Window | null {
  let window = known.get(line);
  if (window === undefined) {
    window = countLine(line);
    known.set(line, window);
  }
  return window;
}

function countLine(line: TraceLine): Window | null {
  if ('type' in line || line.gap !== undefined || line.start < WARMUP) return null;
  const stable = armWindow(line, 'stable');
  const canary = armWindow(line, 'canary');
  return stable === null || canary === null ? null : { seconds: line.end - line.start, stable, canary };
}

function armWindow(line: Interval, arm: 'stable' | 'canary'): ArmWindow | null {
  const errors = line.metrics?.errors?.[arm] as RatioArm | null | undefined;
  const latency = line.metrics?.latency?.[arm] as LatencyArm | null | undefined;
  if (!errors || !latency) return null;
  const slow = BOUNDS.map((bound) => latency.n - (latency.le[bound] ?? latency.n));
  return { n: errors.n, e: errors.e, slow };
}

function addTo(sum: ArmWindow, more: ArmWindow): void {
  sum.n += more.n;
  sum.e += more.e;
  for (let i = 0; i < more.slow.length; i += 1) sum.slow[i] = (sum.slow[i] ?? 0) + (more.slow[i] ?? 0);
}

/** Adds lines up until they make so many seconds. */
function collector(seconds: number): (line: TraceLine) => Window | null {
  let sum = emptyWindow();
  return (line) => {
    const one = windowOf(line);
    if (one === null) return null;
    accumulate(sum, one);
    if (sum.seconds < seconds) return null;
    const full = sum;
    sum = emptyWindow();
    return full;
  };
}

export function accumulate(sum: Window, more: Window): void {
  sum.seconds += more.seconds;
  addTo(sum.stable, more.stable);
  addTo(sum.canary, more.canary);
}

export function emptyWindow(): Window {
  const arm = (): ArmWindow => ({ n: 0, e: 0, slow: [] });
  return { seconds: 0, stable: arm(), canary: arm() };
}

/**
 * A judge that looks at every full window of a step, and whose step passes when nothing has failed it.
 * @param begin called at the begin of each step
 */
export function windowed(
  seconds: number,
  look: (window: Window) => 'ok' | 'bad' | 'fail',
  begin: () => void = () => {},
): Model {
  let collect = collector(seconds);
  let failed = false;
  let good = false;
  return {
    observe(line) {
      if (failed) return;
      if ('type' in line) {
        good = false;
        collect = collector(seconds);
        begin();
        return;
      }
      const window = collect(line);
      if (window === null) return;
      const found = look(window);
      failed = found === 'fail';
      if (found === 'ok') good = true;
    },
    // Without one good look there is nothing that would move the weight on.
    verdict: () => (failed ? 'fail' : good ? 'pass' : 'go-on'),
  };
}
