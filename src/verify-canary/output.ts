/** Everything that leaves the action besides the exit code: files, outputs, summary, annotations. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ActionError, type Annotation, type OutputValue } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { explain } from './collect/explain.ts';
import type { CanaryConfig } from './config.ts';
import type { Verdict } from './core/index.ts';
import { endingDetail } from './report/facts.ts';
import { htmlReport } from './report/html.ts';
import { verdictMessage } from './report/message.ts';
import { summaryMarkdown } from './report/summary.ts';
import type { Session } from './session.ts';
import { formatVerdict, verdictObject } from './verdict-file.ts';

export interface Paths {
  trace: string;
  verdict: string;
  report: string;
}

export interface Result {
  verdict: Verdict;
  message: string;
  outputs: Record<string, OutputValue>;
  json: string;
  html: string;
  summary: string;
  annotations: Annotation[];
}

/** @throws ActionError E_REPORT_WRITE */
export function preparePaths(folder: string): Paths {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw cannotWrite(error);
  }
  return {
    trace: join(folder, 'trace.jsonl'),
    verdict: join(folder, 'verdict.json'),
    report: join(folder, 'report.html'),
  };
}

export function cannotWrite(error: unknown): ActionError {
  return new ActionError('E_REPORT_WRITE', {
    what: 'input report-dir',
    why: `its files cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`,
    fix: 'Give a folder on this runner that may be written and has room',
    cause: error,
  });
}

/**
 * The whole result as values; nothing is written yet.
 * @param asked what the inputs say, null for a replay
 */
export function buildResult(
  config: CanaryConfig,
  session: Session,
  paths: Paths | null,
  verdict: Verdict,
  asked: { step: string; weight: number | null } | null = null,
): Result {
  const events = session.events();
  const message = verdictMessage(verdict, endingDetail(verdict, events));
  const digests = { config: config.digest, trace: session.digest() };
  const lines = session.moments().map((moment) => moment.line);
  const object = verdictObject(verdict, message, digests, explain(config, lines, verdict));
  const next =
    verdict.verdict === 'pass' ? config.judge.steps.find((s) => s.weight > (verdict.weight ?? 100)) : undefined;
  const facts = { config, verdict, message, digests, moments: session.moments(), events };
  return {
    verdict,
    message,
    json: formatVerdict(object),
    html: htmlReport(facts),
    summary: summaryMarkdown(facts),
    annotations: annotationsOf(verdict),
    outputs: {
      verdict: verdict.verdict,
      reason: verdict.reason,
      message: oneLine(message),
      // A run that ended before its first line is about its step all the same.
      step: asked?.step || (verdict.step ?? ''),
      weight: asked?.weight ?? verdict.weight ?? '',
      'next-weight': next?.weight ?? '',
      'eta-seconds': verdict.etaSeconds === null ? '' : Math.ceil(verdict.etaSeconds),
      coverage: Number(verdict.coverage.toPrecision(6)),
      culprits: JSON.stringify(verdict.culprits),
      'trace-path': paths?.trace ?? '',
      'verdict-path': paths?.verdict ?? '',
      'report-path': paths?.report ?? '',
      'trace-digest': digests.trace,
      json: JSON.stringify(object),
    },
  };
}

/** @throws ActionError E_REPORT_WRITE */
export function writeFiles(paths: Paths, result: Result): void {
  try {
    writeFileSync(paths.verdict, result.json);
    writeFileSync(paths.report, result.html);
  } catch (error) {
    throw cannotWrite(error);
  }
}

/** One for each culprit; the verdict's own is written when the action ends. */
function annotationsOf(v: Verdict): Annotation[] {
  return v.culprits.map((name, rank): Annotation => {
    const m = v.metrics.find((one) => one.name === name);
    const of = (rate: number | null | undefined): string => String(Number((rate ?? 0).toPrecision(3)));
    const text = `${name} is worse on the canary: ${of(m?.canary.rate)} a request against ${of(m?.stable.rate)} on stable`;
    return { level: 'warning', code: 'W_CULPRIT', message: `verify-canary: ${text} [W_CULPRIT]`, rank };
  });
}
