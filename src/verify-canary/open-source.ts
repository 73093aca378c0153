/** The source of a live run as the inputs name it, and what it is going to see. */
import type { Http } from '../http/index.ts';
import { ActionError, type Clock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { powerLines, powerTable } from './collect/power.ts';
import { prometheusSource } from './collect/prometheus.ts';
import { GapError, openPrometheus } from './collect/promql.ts';
import { measureRates, ratesOf } from './collect/rates.ts';
import { scrapeSource } from './collect/scrape.ts';
import type { MetricsSource, SourceContext } from './collect/source.ts';
import type { CanaryConfig } from './config.ts';
import { needsBaseline, spanOf, type TraceLine } from './core/index.ts';
import type { Inputs } from './inputs.ts';
import type { Ports } from './run.ts';

export interface OpenedSource {
  source: MetricsSource;
  /** How long it will take to see something at this weight; nothing where that cannot be told. */
  power(weight: number | null): Promise<string[]>;
}

export function openSource(
  inputs: Inputs,
  config: CanaryConfig,
  history: readonly TraceLine[],
  http: Http,
  ports: Ports,
): OpenedSource {
  const { source } = inputs;
  const { clock } = ports;
  const context = contextOf(inputs, history, ports);
  const note = (line: string): void => ports.log.info(oneLine(line, 400));
  if (source.kind === 'scrape') {
    const targets = { stable: source.stable, canary: source.canary };
    return {
      source: scrapeSource({ http, config, clock, context, targets, pods: { note } }),
      async power(weight) {
        const rates = ratesOf(history);
        const table = rates === null || weight === null ? null : powerTable(config, weight, rates);
        return table === null ? [] : powerLines(table);
      },
    };
  }
  if (source.kind !== 'prometheus') {
    throw new ActionError('E_SOURCE_CONFLICT', {
      what: 'inputs',
      why: 'a replay is not watched',
      fix: 'Give a live source',
    });
  }
  const client = openPrometheus(http, source.url, source.headers, clock);
  const arms = { stable: source.stable, canary: source.canary };
  return {
    source: prometheusSource({
      client,
      config,
      arms,
      since: source.since,
      context,
      clock,
      pods: { note, nodes: true },
      ...(source.until === null ? {} : { until: source.until }),
      ...(needsBaseline(config.judge) ? { baseline: config.judge.baseline } : {}),
    }),
    power: (weight) => powerOf(client, arms, config, weight, source.until, ports, clock),
  };
}

async function powerOf(
  client: ReturnType<typeof openPrometheus>,
  arms: Parameters<typeof measureRates>[2],
  config: CanaryConfig,
  weight: number | null,
  until: number | null,
  ports: Ports,
  clock: Clock,
): Promise<string[]> {
  // Of a window of the past everything is known already.
  if (weight === null || until !== null) return [];
  try {
    const at = (await client.time(ports.signal)) - config.lag;
    const rates = await measureRates(client, config, arms, at, ports.signal);
    const table = rates === null ? null : powerTable(config, weight, rates);
    return table === null ? [] : powerLines(table);
  } catch (error) {
    // What cannot be read now is a gap of the run, which is told there.
    if (!(error instanceof GapError)) throw error;
    ports.log.debug(`no look ahead at ${clock.now()}: ${error.message}`);
    return [];
  }
}

function contextOf(inputs: Inputs, history: readonly TraceLine[], ports: Ports): SourceContext {
  const spans = history.map(spanOf).filter((span) => span !== null);
  const firstInterval = history.find((line) => !('type' in line));
  const faults = new Set<string>();
  return {
    // A Rollout names its steps itself; the source only must know that there is one.
    step: inputs.step || 'rollout',
    weight: inputs.weight,
    t0: firstInterval === undefined || 'type' in firstInterval ? null : firstInterval.start,
    lastEnd: spans.at(-1)?.end ?? null,
    fault(cause) {
      // One warning a cause; figures differ from time to time.
      const kind = cause.replace(/\d+/g, '#');
      if (faults.has(kind)) return ports.log.debug(cause);
      faults.add(kind);
      ports.log.warning('W_METRICS_FAULT', `${oneLine(cause, 400)}. This time counts as a gap`);
    },
  };
}
