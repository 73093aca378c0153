/** The events of an OSV range in the order of an ecosystem. https://ossf.github.io/osv-schema/#evaluation */
import type { OsvEvent } from '../types.ts';
import type { Order } from './order.ts';

export interface Step {
  at: unknown;
  kind: 'introduced' | 'fixed' | 'last_affected';
  /** The version as the advisory writes it. */
  text: string;
}

export interface Timeline {
  /** `introduced: "0"`: affected from before the first version. */
  fromStart: boolean;
  /** Ascending; events at one version keep their listed order, so that "introduced x, fixed x" ends in fixed. */
  steps: readonly Step[];
  /** Only versions below one of them are affected; none: no limit. */
  limits: readonly unknown[];
}

// A list of events belongs to one ecosystem: its timeline is made once, however many versions are judged by it.
const known = new WeakMap<readonly OsvEvent[], { line: Timeline | undefined }>();

/** @returns undefined when one of the events is in no order */
export function timeline(order: Order, events: readonly OsvEvent[]): Timeline | undefined {
  const made = known.get(events) ?? { line: build(order, events) };
  known.set(events, made);
  return made.line;
}

function build(order: Order, events: readonly OsvEvent[]): Timeline | undefined {
  const steps: Step[] = [];
  const limits: unknown[] = [];
  let fromStart = false;
  let endless = false;
  for (const event of events) {
    for (const kind of ['introduced', 'fixed', 'last_affected', 'limit'] as const) {
      const text = event[kind];
      if (text === undefined) continue;
      if (kind === 'introduced' && text === '0') fromStart = true;
      else if (kind === 'limit' && text === '*') endless = true;
      else {
        const at = order.parse(text);
        if (at === undefined) return undefined;
        if (kind === 'limit') limits.push(at);
        else steps.push({ at, kind, text });
      }
    }
  }
  steps.sort((a, b) => order.compare(a.at, b.at));
  return { fromStart, steps, limits: endless ? [] : limits };
}

/** Is this version affected? The last event that speaks about it decides. */
export function isWithin(order: Order, { fromStart, steps, limits }: Timeline, own: unknown): boolean {
  if (limits.length > 0 && !limits.some((limit) => order.compare(own, limit) < 0)) return false;
  let affected = fromStart;
  for (const { at, kind } of steps) {
    const side = order.compare(at, own);
    if (side > 0) break;
    if (kind === 'introduced') affected = true;
    else if (kind === 'fixed' || side < 0) affected = false;
  }
  return affected;
}

/** The smallest version above this one that is called fixed. */
export function nextFix(order: Order, { steps }: Timeline, own: unknown): string | undefined {
  return steps.find(({ at, kind }) => kind === 'fixed' && order.compare(at, own) > 0)?.text;
}
