/** The action: config, history, and then a replay or a live run. What it decides is the judge's; what it writes is in output.ts. */
import { resolve } from 'node:path';
import type { Http, OriginPolicy } from '../http/index.ts';
import { ActionError, type Clock, type Log } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { endOf, replaySource } from './collect/replay.ts';
import type { CanaryConfig } from './config.ts';
import type { TraceHeader, TraceLine } from './core/index.ts';
import type { Inputs } from './inputs.ts';
import { isFinal, isHeader, live } from './live.ts';
import { openSession, type Session } from './session.ts';
import { readTrace } from './trace-file.ts';

export interface Ports {
  clock: Clock;
  openHttp(policy: OriginPolicy): Http;
  log: Log;
  signal: AbortSignal;
}

export interface RunOptions {
  /** Settled with the rules, see mode.ts. */
  inputs: Inputs;
  config: CanaryConfig;
  /** Folder of the workspace that relative paths start from. */
  workspace: string;
  /** Where the trace is written; null: nowhere. */
  tracePath: string | null;
  /** Told as soon as there is a session, so that its verdict can be had whatever happens later. */
  onSession?: (session: Session) => void;
}

/** Runs to a verdict. Cancelled: the verdict is hold. @returns the session, its verdict final */
export async function run(options: RunOptions, ports: Ports): Promise<Session> {
  const { source } = options.inputs;
  // Read before the trace of this run is begun: both may be the same file.
  const before =
    source.kind === 'replay'
      ? await readReplay(options, source.path, ports.log)
      : await readHistory(options, ports.log);
  const session = openSession(options.config, options.tracePath);
  options.onSession?.(session);
  try {
    if (source.kind === 'replay') await replay(before, session, ports);
    else await live(options, before, session, ports);
    return session;
  } finally {
    session.close();
  }
}

async function readReplay(options: RunOptions, path: string, log: Log): Promise<TraceLine[]> {
  const { lines, cut } = await readTrace(resolve(options.workspace, path), path, 'E_TRACE_INVALID');
  if (cut) warnCut(log);
  warnUnknown(lines, options.config, log);
  return lines;
}

async function replay(lines: readonly TraceLine[], session: Session, ports: Ports): Promise<void> {
  const isEnd = endOf(lines);
  const source = replaySource(lines);
  for (let i = 0; ; i += 1) {
    const line = await source.next(ports.signal);
    if (line === null) return;
    const status = session.feed(line);
    if (isFinal(status) || isEnd(status, line, i)) return;
  }
}

async function readHistory(options: RunOptions, log: Log): Promise<TraceLine[]> {
  const { inputs } = options;
  if (inputs.history === '') {
    const since = inputs.source.kind === 'prometheus' ? inputs.source.since.length : 0;
    if (since < 2) log.info('No history: the share of false alarms, alpha, holds for this step alone.');
    return [];
  }
  const { lines, cut } = await readTrace(
    resolve(options.workspace, inputs.history),
    inputs.history,
    'E_HISTORY_MISSING',
  );
  if (cut) warnCut(log);
  warnUnknown(lines, options.config, log);
  const [header] = lines;
  if (isHeader(header)) checkHeader(header, inputs);
  return lines;
}

function checkHeader(header: TraceHeader, inputs: Inputs): void {
  for (const key of ['app', 'revision'] as const) {
    if (header[key] === '' || inputs[key] === '' || header[key] === inputs[key]) continue;
    throw new ActionError('E_HISTORY_MISMATCH', {
      what: 'input history',
      why: `it is the trace of ${key} ${oneLine(header[key], 80)}, but this run is about ${oneLine(inputs[key], 80)}`,
      fix: 'Give the trace of this rollout, or none: evidence about one version says nothing of another',
    });
  }
}

function warnCut(log: Log): void {
  log.warning('W_TRACE_CUT', 'the last line of the trace has no end: its writer was stopped. The line is left out');
}

function warnUnknown(lines: readonly TraceLine[], config: CanaryConfig, log: Log): void {
  const known = new Set(config.judge.metrics.map((m) => m.name));
  const unknown = new Set<string>();
  for (const line of lines) {
    if ('type' in line) continue;
    for (const name of Object.keys(line.metrics ?? {})) if (!known.has(name)) unknown.add(name);
  }
  if (unknown.size === 0) return;
  log.warning(
    'W_METRIC_UNKNOWN',
    `the trace has metrics that the config file does not: ${[...unknown].join(', ')}. They are left out`,
  );
}
