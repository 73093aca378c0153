/**
 * A rules file and the matchers of both versions from a namespace and the name of an application. What is found is told
 * line by line, and the file is there to be read, kept and changed: from then on it is a rules file like any other.
 */
import { ActionError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { expandTemplate, type MetricEntry, templateArms } from '../templates/index.ts';
import { type ArmsFound, armsOf, chooseBounds, chooseObjective, scrapeInterval } from './fit.ts';
import { type Application, labelValues, nothingFits, rulesText } from './found.ts';
import { type Lookup, openLookup } from './lookup.ts';
import { names, PLACES, type Place } from './places.ts';
import { GapError, type PromClient, type RawSeries } from './promql.ts';
import { formatMatcher, type Labels, type Matcher, matchesLabels, parseMatchers } from './selector.ts';

export interface Wanted extends Application {
  /** Matchers that are known already, from the inputs; null: to be found. */
  arms: { stable: readonly Matcher[]; canary: readonly Matcher[] } | null;
}

export interface Discovered {
  template: string;
  /** Text of `stable-selector` and `canary-selector`. */
  stable: string;
  canary: string;
  /** Text of the rules file. */
  rules: string;
  /** What was found, a line each, for the log. */
  found: string[];
}

const RANGE = '[600s]';

/** @throws ActionError E_DISCOVERY, which names what was looked for */
export async function discover(client: PromClient, wanted: Wanted, signal: AbortSignal): Promise<Discovered> {
  try {
    const now = await client.time(signal);
    const lookup = openLookup(client, now);
    const looked: string[] = [];
    for (const place of PLACES) {
      const found = await inPlace(place, wanted, { client, lookup, now, signal });
      if (typeof found !== 'string') return found;
      looked.push(`${place.words}: ${found}`);
    }
    throw nothingFits(wanted, looked, await lookup.labels(`{namespace=${text(wanted.namespace)}}`, signal));
  } catch (error) {
    if (!(error instanceof GapError)) throw error;
    throw new ActionError('E_DISCOVERY', {
      what: `metrics of ${oneLine(wanted.app, 100)}`,
      why: oneLine(error.message, 300),
      fix: 'Try again, or write the rules file yourself',
    });
  }
}

interface Ports {
  client: PromClient;
  lookup: Lookup;
  now: number;
  signal: AbortSignal;
}

/** @returns in words what is missing */
async function inPlace(place: Place, wanted: Wanted, ports: Ports): Promise<Discovered | string> {
  const { lookup, signal } = ports;
  const here = (await lookup.series(selectors(place, wanted), signal)).filter((labels) =>
    isOf(place, labels, wanted.app),
  );
  const counter = place.counters.find((name) => here.some((labels) => labels.__name__ === name));
  if (counter === undefined) return 'no series';
  const type = await lookup.type(counter.replace(/_count$/, ''), signal);
  if (type !== null && type !== 'counter' && type !== 'histogram' && type !== 'summary')
    return `${counter} is a ${oneLine(type, 20)}`;
  const requests = here.filter((labels) => labels.__name__ === counter);
  const status = place.status.find((label) => requests.some((labels) => label in labels));
  if (status === undefined && place.status.length > 0) {
    return `${counter} has none of the labels ${place.status.join(', ')}`;
  }
  const arms = armsFor(place, requests, wanted);
  if (arms === null) return `${counter} has no label that says which series are the canary's: ${labelValues(requests)}`;
  return describe(place, { counter, status, here, requests, arms }, wanted, ports);
}

function text(value: string): string {
  return formatMatcher({ label: '', operator: '=', value }).slice(1);
}

function selectors({ counters, histogram, always, namespace, joined }: Place, wanted: Wanted): string[] {
  const series = [...counters, ...new Set(counters.flatMap((name) => histogram(name).map((base) => `${base}_bucket`)))];
  const scopes =
    joined === undefined
      ? namespace.map((label) => formatMatcher({ label, operator: '=', value: wanted.namespace }))
      : [formatMatcher({ label: joined.label, operator: '=~', value: joined.pattern(wanted.namespace, wanted.app) })];
  return series.flatMap((name) => scopes.map((scope) => `${name}{${[always, scope].filter(Boolean).join(',')}}`));
}

const isOf = (place: Place, labels: Labels, app: string): boolean =>
  place.joined !== undefined || place.app.some((label) => names(labels, label, app));

function armsFor(place: Place, requests: readonly Labels[], { arms, app }: Wanted): ArmsFound | null {
  if (arms !== null) {
    const has = (own: readonly Matcher[]): boolean => requests.some((labels) => matchesLabels(own, labels));
    if (!has(arms.stable) || !has(arms.canary)) return null;
    const list = (own: readonly Matcher[]): string => own.map(formatMatcher).join(',');
    return { label: 'as given', stable: list(arms.stable), canary: list(arms.canary) };
  }
  const own = templateArms(place.template);
  if (own !== null) return requests.some((labels) => labels.canary) ? { label: 'canary', ...own } : null;
  return armsOf(requests, app);
}

interface Facts {
  counter: string;
  status: string | undefined;
  here: readonly Labels[];
  requests: readonly Labels[];
  arms: ArmsFound;
}

async function describe(place: Place, facts: Facts, wanted: Wanted, ports: Ports): Promise<Discovered> {
  const { counter, status, here, requests, arms } = facts;
  const scope = scopeOf(place, requests, wanted);
  const found = [
    `${place.words}: ${requests.length} series of ${counter}`,
    `versions by ${arms.label}: ${arms.stable} and ${arms.canary}`,
  ];
  const ask = (name: string, more: string): Promise<RawSeries[]> => {
    const inside = [place.always, scope, arms.stable, more].filter(Boolean).join(',');
    return ports.client.matrix(`${name}{${inside}}${RANGE}`, ports.now, ports.signal);
  };
  const [stable] = [await ask(counter, '')];
  const scrapes = scrapeInterval(stable.map((series) => series.points)) ?? 15;
  found.push(`a sample every ${scrapes} s`);
  const histogram = place.histogram(counter).find((base) => boundsIn(here, `${base}_bucket`, arms).length > 0);
  const both = histogram === undefined ? [] : boundsIn(here, `${histogram}_bucket`, arms);
  const bounds = histogram === undefined ? null : chooseBounds(both, byBound(await ask(`${histogram}_bucket`, '')));
  found.push(
    bounds === null
      ? 'no histogram that both versions have: latency is not judged'
      : `bounds of ${histogram}: ${both.join(', ')}`,
  );
  const own = place.template === 'app' ? { requests: counter, 'status-label': status, duration: histogram ?? '' } : {};
  const entries = expandTemplate(place.template, {
    ...own,
    where: scope,
    ...(bounds === null ? { only: ['errors'] } : { le: bounds.le, 'latency-slo': bounds.slo }),
  });
  const metrics = await withObjective(entries, ports);
  return {
    template: place.template,
    stable: arms.stable,
    canary: arms.canary,
    rules: rulesText(metrics, scrapes, arms, wanted),
    found,
  };

  async function withObjective(list: readonly MetricEntry[], { client, now, signal }: Ports): Promise<MetricEntry[]> {
    const [errors] = list;
    if (errors?.kind !== 'ratio') return [...list];
    const inside = (selector: string): string =>
      selector.replace(/\}?$/, `${selector.endsWith('}') ? ',' : '{'}${arms.stable}}${RANGE}`);
    const [events, total] = [
      await client.matrix(inside(errors.events), now, signal),
      await client.matrix(inside(errors.total), now, signal),
    ];
    const share = grown(total) === 0 ? 0 : grown(events) / grown(total);
    return [{ ...errors, slo: chooseObjective(share) }, ...list.slice(1)];
  }
}

/** The matchers of namespace and application that all series of the metric carry. */
function scopeOf(place: Place, requests: readonly Labels[], { namespace, app }: Wanted): string {
  if (place.joined !== undefined) return '';
  const ns = place.namespace.find((label) => requests.every((labels) => labels[label] === namespace));
  const own = place.app.find((label) => requests.every((labels) => labels[label] === app));
  const part = place.app.find((label) => requests.every((labels) => names(labels, label, app)));
  const quoted = app.replace(/[^A-Za-z0-9_-]/g, '\\$&');
  return [
    ns === undefined ? '' : formatMatcher({ label: ns, operator: '=', value: namespace }),
    own !== undefined
      ? formatMatcher({ label: own, operator: '=', value: app })
      : part === undefined
        ? ''
        : formatMatcher({ label: part, operator: '=~', value: `${quoted}(-.*)?` }),
  ]
    .filter(Boolean)
    .join(',');
}

/** Bounds that both versions have. */
function boundsIn(series: readonly Labels[], bucket: string, arms: ArmsFound): number[] {
  const of = (arm: string): Set<number> => {
    const matchers = parseMatchers(arm);
    const own = series.filter((labels) => labels.__name__ === bucket && matchesLabels(matchers, labels));
    return new Set(own.map(({ le = '' }) => Number(le)).filter(Number.isFinite));
  };
  const canary = of(arms.canary);
  return [...of(arms.stable)].filter((bound) => canary.has(bound)).sort((a, b) => a - b);
}

const growth = ({ points }: RawSeries): number => Math.max(0, (points.at(-1)?.[1] ?? 0) - (points[0]?.[1] ?? 0));
const grown = (series: readonly RawSeries[]): number => series.reduce((sum, one) => sum + growth(one), 0);

function byBound(series: readonly RawSeries[]): Map<number, number> {
  const counted = new Map<number, number>();
  for (const one of series) {
    const bound = one.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(one.labels.le);
    counted.set(bound, (counted.get(bound) ?? 0) + growth(one));
  }
  return counted;
}
