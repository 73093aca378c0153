/** Reads the rules file: YAML 1.2 with positions, then the schema, then the defaults that need more than one field. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ActionError, type Place } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import { formatMatcher, parseSelector, type Selector } from './collect/selector.ts';
import { type JudgeConfig, type MetricInput, withDefaults } from './core/index.ts';
import { type CanaryFile, canarySchema, knownKeys, type MetricRules } from './schema.ts';
import { expandRules, TemplateEntryError } from './templates/index.ts';

/** What a metric reads. Selectors of counters; `buckets` is the `_bucket` series of a histogram. */
export type MetricSource =
  | { name: string; kind: 'ratio'; events: Selector; total: Selector }
  | { name: string; kind: 'latency'; buckets: Selector; le: readonly number[] }
  | { name: string; kind: 'cpu'; cpu: Selector; total: Selector };

export interface CanaryConfig {
  judge: JudgeConfig;
  /** Seconds. */
  interval: number;
  lag: number;
  traffic: Selector;
  sources: readonly MetricSource[];
  /** sha256 of everything that decides, defaults included. */
  digest: string;
  /** Advice that is no error. */
  warnings: readonly string[];
}

const MAX_BYTES = 256 * 1024;
const MAX_ALIASES = 50;

/** @param shown the path as the user wrote it @throws ActionError E_CONFIG_MISSING, E_CONFIG_INVALID */
export async function readConfig(path: string, shown: string): Promise<CanaryConfig> {
  return parseConfig(await readBounded(path, shown), shown);
}

async function readBounded(path: string, shown: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_BYTES) {
      throw invalid(shown, `it is larger than ${MAX_BYTES / 1024} KiB`, { file: shown });
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof ActionError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new ActionError('E_CONFIG_MISSING', {
      what: `config file ${oneLine(shown, 200)}`,
      why: code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`,
      fix: 'Check out the commit that is delivered before this step, or set config-file',
      cause: error,
    });
  }
}

export function parseConfig(text: string, shown: string): CanaryConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const at = { file: shown, line: lines.linePos(broken.pos[0]).line };
    throw invalid(shown, `line ${at.line}: ${oneLine(broken.message.split('\n')[0] ?? '', 200)}`, at);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw invalid(shown, oneLine((error as Error).message, 200), { file: shown });
  }
  const lineAt = (path: readonly PropertyKey[]): number => {
    const offset = offsetOf(document, path);
    return offset === undefined ? 1 : lines.linePos(offset).line;
  };
  let expanded: ReturnType<typeof expandRules>;
  try {
    expanded = expandRules(value);
  } catch (error) {
    if (!(error instanceof TemplateEntryError)) throw error;
    const line = lineAt(['metrics', error.index]);
    throw invalid(shown, `line ${line}: ${oneLine(error.message, 300)}`, { file: shown, line });
  }
  const result = canarySchema.safeParse(expanded.rules);
  if (result.success) return build(result.data);
  // A misspelt key explains the one that is missing: it comes first.
  const isUnknown = (issue: z.core.$ZodIssue): number => Number(issue.code === 'unrecognized_keys');
  const issues = result.error.issues.toSorted((a, b) => isUnknown(b) - isUnknown(a));
  const problems = issues.map((issue) => {
    const { offset, message } = explain(inFile(issue, expanded.origin), document, value);
    return { line: offset === undefined ? 1 : lines.linePos(offset).line, message };
  });
  const told = problems.slice(0, 5).map((p) => `line ${p.line}: ${p.message}`);
  if (problems.length > told.length) told.push(`${problems.length - told.length} more`);
  throw invalid(shown, told.join('; '), { file: shown, line: problems[0]?.line ?? 1 });
}

/** What a template stands for is at the place of its entry. */
function inFile(issue: z.core.$ZodIssue, origin: readonly number[]): z.core.$ZodIssue {
  const [first, index, ...rest] = issue.path;
  if (first !== 'metrics' || typeof index !== 'number') return issue;
  return { ...issue, path: [first, origin[index] ?? index, ...rest] };
}

/** One schema problem in words, and where it stands in the text. */
function explain(
  issue: z.core.$ZodIssue,
  document: ReturnType<typeof parseDocument>,
  value: unknown,
): { offset: number | undefined; message: string } {
  const path = [...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const kind = path[0] === 'metrics' ? at(value, [...path.slice(0, 2), 'kind']) : undefined;
    const near = nearest(key, knownKeys(path, kind));
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    return { offset: keyOffset(document, path, key), message: `unknown key ${oneLine(key, 60)}${hint}` };
  }
  const missing = issue.code === 'invalid_type' && at(value, path) === undefined;
  const name = path.length === 0 ? 'the file' : path.map(String).join('.');
  const problem = missing ? 'is missing' : oneLine(issue.message, 300);
  return { offset: offsetOf(document, path), message: `${oneLine(name, 100)} ${problem}` };
}

/** Start of the key itself: its value may begin lines below. */
function keyOffset(
  document: ReturnType<typeof parseDocument>,
  path: readonly PropertyKey[],
  key: string,
): number | undefined {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
  return isNode(pair?.key) && pair.key.range ? pair.key.range[0] : offsetOf(document, path);
}

/** Start of the node at the path, or of the nearest node above it. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const key of path) here = typeof here === 'object' && here !== null ? Reflect.get(here, key) : undefined;
  return here;
}

function invalid(shown: string, why: string, place: Place): ActionError {
  return new ActionError('E_CONFIG_INVALID', {
    what: `config file ${oneLine(shown, 200)}`,
    why,
    fix: 'The README of verify-canary lists every key; canary.schema.json lets an editor check the file',
    at: place,
  });
}

function build(file: CanaryFile): CanaryConfig {
  const traffic = file.traffic === undefined ? defaultTraffic(file.metrics) : parseSelector(file.traffic);
  const sources = file.metrics.map((m) => sourceOf(m, traffic));
  const judge = withDefaults({
    metrics: file.metrics.map(judged),
    ...defined({
      alpha: file.alpha,
      beta: file.beta,
      warmup: file.warmup,
      settle: file.settle,
      blind: file.blind,
      silent: file.silent,
      onInconclusive: file['on-inconclusive'],
      mode: file.mode,
      baseline: file.baseline,
    }),
    share: defined({ ...file.share }),
    steps: (file.steps ?? []).map((s) => ({
      weight: s.weight,
      ...defined({ pass: s.pass, min: s.min, max: s.max }),
    })),
  });
  const interval = file.interval ?? 15;
  const lag = file.lag ?? interval + 10;
  const decides = { judge, interval, lag, traffic: selectorText(traffic), sources: sources.map(sourceTexts) };
  return {
    judge,
    interval,
    lag,
    traffic,
    sources,
    digest: `sha256:${createHash('sha256').update(JSON.stringify(decides)).digest('hex')}`,
    warnings: file.metrics
      .filter((m) => m.kind === 'ratio' && m.slo === undefined && m.mode !== 'observe')
      .map((m) => `metric ${m.name} has no slo: if the service has no such events at all, it can only end in hold`),
  };
}

function judged(m: MetricRules): MetricInput {
  const { name, kind, fail, pass, weight, mode } = m;
  const own =
    m.kind === 'cpu'
      ? { idle: m.idle, block: m.block }
      : { slo: m.slo, phi: m.phi, ...(m.kind === 'latency' ? { le: m.le } : {}) };
  return { name, kind, ...defined({ fail: fail && defined(fail), pass, weight, mode, ...own }) };
}

function sourceOf(m: MetricRules, traffic: Selector): MetricSource {
  const { name } = m;
  if (m.kind === 'ratio') return { name, kind: m.kind, events: parseSelector(m.events), total: parseSelector(m.total) };
  if (m.kind === 'latency') {
    const base = parseSelector(m.histogram);
    return { name, kind: m.kind, buckets: { ...base, name: `${base.name}_bucket` }, le: m.le };
  }
  return {
    name,
    kind: m.kind,
    cpu: parseSelector(m.cpu ?? 'process_cpu_seconds_total'),
    total: m.total === undefined ? traffic : parseSelector(m.total),
  };
}

function defaultTraffic(metrics: readonly MetricRules[]): Selector {
  for (const m of metrics) if (m.kind === 'ratio') return parseSelector(m.total);
  for (const m of metrics) {
    if (m.kind !== 'latency') continue;
    const base = parseSelector(m.histogram);
    return { ...base, name: `${base.name}_count` };
  }
  const [first] = metrics;
  return parseSelector((first?.kind === 'cpu' ? first.total : undefined) ?? 'http_requests_total');
}

export function selectorText(s: Selector): string {
  return s.matchers.length === 0 ? s.name : `${s.name}{${s.matchers.map(formatMatcher).join(',')}}`;
}

function sourceTexts(s: MetricSource): string[] {
  if (s.kind === 'ratio') return [s.name, selectorText(s.events), selectorText(s.total)];
  if (s.kind === 'latency') return [s.name, selectorText(s.buckets)];
  return [s.name, selectorText(s.cpu), selectorText(s.total)];
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Defined<T>;
}
