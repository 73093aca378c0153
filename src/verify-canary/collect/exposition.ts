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

/** Reads a page piece by piece, so that no page has to be held whole. */
export interface ExpositionReader {
  /** The next piece; lines may be split between pieces. @throws ExpositionError */
  add(text: string): void;
  /** @throws ExpositionError */
  end(): Sample[];
  /** All names so far, wanted or not. */
  names(): ReadonlySet<string>;
}

/**
 * @param wanted names to return; undefined: all
 * @param openMetrics true when the content type says so: then a missing `# EOF` means a page that was cut
 */
export function createExpositionReader(wanted?: ReadonlySet<string>, openMetrics = false): ExpositionReader {
  const samples: Sample[] = [];
  const seen = new Set<string>();
  const names = new Set<string>();
  let before = '';
  let rest = '';
  let ended = false;
  let number = 0;

  function read(line: string): void {
    number += 1;
    if (ended) throw new ExpositionError(`line ${number}: text after # EOF`);
    if (line.startsWith('#')) {
      ended = openMetrics && line.trimEnd() === '# EOF';
      return;
    }
    const at = nameIn(line);
    if (at === null) {
      if (wanted === undefined && !isQuoted(line)) throw new ExpositionError(`line ${number}: no metric name`);
      return;
    }
    // The series of a name stand together.
    if (!line.startsWith(before, at.from) || at.to - at.from !== before.length) {
      // Copied: a slice would keep the whole piece of the page in memory.
      before = Buffer.from(line.slice(at.from, at.to), 'latin1').toString('latin1');
      if (/[{ \t]/.test(line[at.to] ?? '')) names.add(before);
    }
    if (wanted !== undefined && !wanted.has(before)) return;
    const sample = readSample(line, before, at.to, number);
    const key = seriesKey(sample.name, sample.labels);
    if (seen.has(key)) throw new ExpositionError(`line ${number}: the series ${sample.name} stands there twice`);
    seen.add(key);
    samples.push(sample);
  }

  return {
    add(piece) {
      let start = 0;
      for (;;) {
        const newline = piece.indexOf('\n', start);
        if (newline < 0) break;
        // Only the first line is put together: in a joined text every look at a character is slow.
        if (rest === '') read(piece.slice(start, withoutReturn(piece, start, newline)));
        else {
          const line = rest + piece.slice(0, newline);
          rest = '';
          read(line.slice(0, withoutReturn(line, 0, line.length)));
        }
        start = newline + 1;
      }
      rest += piece.slice(start);
    },
    end() {
      if (rest !== '') read(rest.slice(0, withoutReturn(rest, 0, rest.length)));
      rest = '';
      if (openMetrics && !ended) throw new ExpositionError('# EOF is missing: the page was cut');
      return samples;
    },
    names: () => names,
  };
}

/** A whole page at once. @throws ExpositionError malformed line of a wanted name, a series twice, a cut page */
export function parseExposition(text: string, wanted?: ReadonlySet<string>, openMetrics = false): Sample[] {
  const reader = createExpositionReader(wanted, openMetrics);
  reader.add(text);
  return reader.end();
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

function withoutReturn(text: string, start: number, stop: number): number {
  return stop > start && text.charCodeAt(stop - 1) === 13 ? stop - 1 : stop;
}

function nameIn(line: string): { from: number; to: number } | null {
  const from = afterBlanks(line, 0);
  NAME.lastIndex = from;
  return NAME.test(line) ? { from, to: NAME.lastIndex } : null;
}

/** Nothing, or a quoted UTF-8 name in braces, which no selector can ask for. */
function isQuoted(line: string): boolean {
  const at = afterBlanks(line, 0);
  return at === line.length || line[at] === '{';
}

function afterBlanks(line: string, from: number): number {
  let at = from;
  while (line[at] === ' ' || line[at] === '\t') at += 1;
  return at;
}

function readSample(line: string, name: string, end: number, number: number): Sample {
  let at = afterBlanks(line, end);
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
