/**
 * Reader of metrics pages: Prometheus text 0.0.4 and OpenMetrics 1.0. Only the wanted names are parsed past the name: a
 * page of 2 MB costs little when ten of its names matter.
 */
import type { Labels } from './selector.ts';

export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** A page that must not be used at all: half of a page looks like missing requests. */
export class ExpositionError extends Error {
  override readonly name = 'ExpositionError';
}

/**
 * @param text the page
 * @param wanted names to return; undefined: all
 * @param openMetrics true when the content type says so: then a missing `# EOF` means a page that was cut
 * @throws ExpositionError malformed line of a wanted name, a series twice, a cut page
 */
export function parseExposition(text: string, wanted?: ReadonlySet<string>, openMetrics = false): Sample[] {
  const samples: Sample[] = [];
  const seen = new Set<string>();
  let ended = false;
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const stop = newline < 0 ? text.length : newline;
    const line =
      text.charCodeAt(stop - 1) === 13 && stop > start ? text.slice(start, stop - 1) : text.slice(start, stop);
    start = stop + 1;
    number += 1;
    if (ended) throw new ExpositionError(`line ${number}: text after # EOF`);
    if (line.startsWith('#')) {
      ended = openMetrics && line.trimEnd() === '# EOF';
      continue;
    }
    const sample = parseLine(line, number, wanted);
    if (sample === undefined) continue;
    const key = seriesKey(sample.name, sample.labels);
    if (seen.has(key)) throw new ExpositionError(`line ${number}: the series ${sample.name} stands there twice`);
    seen.add(key);
    samples.push(sample);
  }
  if (openMetrics && !ended) throw new ExpositionError('# EOF is missing: the page was cut');
  return samples;
}

/** Identity of a series: its name and its labels whatever their order. Empty labels are absent ones. */
export function seriesKey(name: string, labels: Labels): string {
  const pairs = Object.keys(labels)
    .filter((label) => labels[label] !== '')
    .sort()
    .map((label) => [label, labels[label]]);
  return JSON.stringify([name, pairs]);
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"/y;

function parseLine(line: string, number: number, wanted: ReadonlySet<string> | undefined): Sample | undefined {
  let at = 0;
  while (line[at] === ' ' || line[at] === '\t') at += 1;
  // Nothing, or a quoted UTF-8 name in braces, which no selector can ask for.
  if (at === line.length || line[at] === '{') return undefined;
  NAME.lastIndex = at;
  if (!NAME.test(line)) {
    if (wanted !== undefined) return undefined;
    throw new ExpositionError(`line ${number}: no metric name`);
  }
  const name = line.slice(at, NAME.lastIndex);
  if (wanted !== undefined && !wanted.has(name)) return undefined;
  at = NAME.lastIndex;
  while (line[at] === ' ' || line[at] === '\t') at += 1;
  const labels: Record<string, string> = Object.create(null);
  if (line[at] === '{') at = parseLabels(line, at + 1, number, labels);
  // The value ends at a blank; what follows is a time or an exemplar, and is ignored.
  const value = parseValue(line.slice(at).trimStart().split(/[ \t]/, 1)[0] ?? '');
  if (value === undefined) throw new ExpositionError(`line ${number}: ${name} has no readable value`);
  return { name, labels, value };
}

function parseLabels(line: string, from: number, number: number, into: Record<string, string>): number {
  let at = from;
  for (;;) {
    while (line[at] === ' ' || line[at] === '\t' || line[at] === ',') at += 1;
    if (line[at] === '}') return at + 1;
    LABEL.lastIndex = at;
    const label = LABEL.exec(line)?.[1];
    if (label === undefined) throw new ExpositionError(`line ${number}: its labels cannot be read`);
    let value = '';
    for (at = LABEL.lastIndex; line[at] !== '"'; at += 1) {
      const c = line[at];
      if (c === undefined) throw new ExpositionError(`line ${number}: a label value has no closing quote`);
      if (c !== '\\') {
        value += c;
        continue;
      }
      at += 1;
      const e = line[at];
      value += e === 'n' ? '\n' : e === '\\' || e === '"' ? e : `\\${e ?? ''}`;
    }
    at += 1;
    into[label] = value;
  }
}

/** A Go float: decimal, `NaN`, `+Inf`, `-Inf`, `Inf`. */
export function parseValue(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^nan$/i.test(text)) return Number.NaN;
  if (/^[+]?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY;
  return undefined;
}
