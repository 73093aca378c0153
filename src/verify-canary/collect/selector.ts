/**
 * Selectors: the part of PromQL that means the same in a scraped page and in Prometheus.
 * `name` or `name{label op "value", ...}`; no functions, ranges or offsets.
 */
import { RE2JS } from 're2js';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  readonly label: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** @param value of the label; '' when the series does not have it (the same thing in PromQL) */
  test(value: string): boolean;
}

export interface Selector {
  /** '' only for a bare `{...}`, which {@link parseSelector} refuses. */
  readonly name: string;
  readonly matchers: readonly Matcher[];
}

export type Labels = Readonly<Record<string, string>>;

/** A selector that cannot be read. The message names the place; it quotes no more than one character of the text. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

const MAX_LENGTH = 500;
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const BLANKS = /[ \t\r\n]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', "'": "'", n: '\n' };

/** @throws SelectorError */
export function parseSelector(text: string): Selector {
  checkLength(text);
  const { selector, end } = readSelector(text, 0);
  if (selector.name === '') throw new SelectorError('a metric name must stand before the {');
  if (end < text.length) throw unexpected(text, end, 'functions, ranges and offsets are not allowed');
  return selector;
}

/** A matcher list without braces: `app="shop",track="canary"`. @throws SelectorError */
export function parseMatchers(text: string): Matcher[] {
  checkLength(text);
  const { matchers, end } = readMatchers(text, 0);
  if (end < text.length) throw unexpected(text, end, 'expected a list such as app="shop",track="canary"');
  return matchers;
}

/** Reads one selector and tells where it ends; also takes a bare `{...}`. For readers of larger expressions. */
export function readSelector(text: string, from: number): { selector: Selector; end: number } {
  let at = skip(BLANKS, text, from);
  const nameEnd = skip(NAME, text, at);
  const name = text.slice(at, nameEnd);
  at = skip(BLANKS, text, nameEnd);
  if (text[at] !== '{') {
    if (name === '') throw unexpected(text, at, 'expected a metric name');
    return { selector: { name, matchers: [] }, end: at };
  }
  const { matchers, end } = readMatchers(text, at + 1);
  if (text[end] !== '}') throw unexpected(text, end, 'expected , or }');
  return { selector: { name, matchers }, end: skip(BLANKS, text, end + 1) };
}

/** True when the series is selected. A missing label equals "", regular expressions match the whole value. */
export function matches(selector: Selector, name: string, labels: Labels): boolean {
  return (selector.name === '' || selector.name === name) && matchesLabels(selector.matchers, labels);
}

export function matchesLabels(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((m) => m.test(Object.hasOwn(labels, m.label) ? (labels[m.label] ?? '') : ''));
}

/** PromQL text of the selector with the further matchers inside its braces. */
export function withMatchers(selector: Selector, more: readonly Matcher[], name = selector.name): string {
  const all = [...selector.matchers, ...more];
  return all.length === 0 ? name : `${name}{${all.map(formatMatcher).join(',')}}`;
}

export function formatMatcher(m: Matcher | Omit<Matcher, 'test'>): string {
  const value = m.value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
  return `${m.label}${m.operator}"${value}"`;
}

function readMatchers(text: string, from: number): { matchers: Matcher[]; end: number } {
  const matchers: Matcher[] = [];
  let at = skip(BLANKS, text, from);
  while (at < text.length && text[at] !== '}') {
    const labelEnd = skip(LABEL, text, at);
    if (labelEnd === at) throw unexpected(text, at, 'expected a label name');
    const label = text.slice(at, labelEnd);
    at = skip(BLANKS, text, labelEnd);
    const operatorEnd = skip(OPERATOR, text, at);
    if (operatorEnd === at) throw unexpected(text, at, 'expected =, !=, =~ or !~');
    const operator = text.slice(at, operatorEnd) as MatchOperator;
    const { value, end } = readString(text, skip(BLANKS, text, operatorEnd));
    matchers.push(matcher(label, operator, value));
    at = skip(BLANKS, text, end);
    if (text[at] !== ',') break;
    at = skip(BLANKS, text, at + 1);
  }
  return { matchers, end: at };
}

function readString(text: string, from: number): { value: string; end: number } {
  const quote = text[from];
  if (quote !== '"' && quote !== "'") throw unexpected(text, from, 'expected a quoted value');
  let value = '';
  for (let at = from + 1; at < text.length; at += 1) {
    const c = text[at] ?? '';
    if (c === quote) return { value, end: at + 1 };
    if (c === '\n') break;
    if (c !== '\\') {
      value += c;
      continue;
    }
    at += 1;
    const escaped = ESCAPES[text[at] ?? ''];
    if (escaped === undefined) throw unexpected(text, at, 'only \\\\, \\", \\\' and \\n are escapes');
    value += escaped;
  }
  throw new SelectorError(`the value that starts at character ${from + 1} has no closing quote`);
}

/** One matcher; its regular expression is RE2: linear time, so that no label value can hang the run. */
function matcher(label: string, operator: MatchOperator, value: string): Matcher {
  if (operator === '=') return { label, operator, value, test: (v) => v === value };
  if (operator === '!=') return { label, operator, value, test: (v) => v !== value };
  const regex = compile(value);
  if (operator === '=~') return { label, operator, value, test: (v) => regex.matches(v) };
  return { label, operator, value, test: (v) => !regex.matches(v) };
}

function compile(pattern: string): RE2JS {
  try {
    // Prometheus wraps a pattern in ^(?s:...)$.
    return RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    throw new SelectorError(`a regular expression is not valid RE2 (${(error as Error).message})`);
  }
}

function checkLength(text: string): void {
  if (text.length > MAX_LENGTH) throw new SelectorError(`it is longer than ${MAX_LENGTH} characters`);
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}

function unexpected(text: string, at: number, hint: string): SelectorError {
  const found = at >= text.length ? 'the end' : JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 32));
  return new SelectorError(`unexpected ${found} at character ${at + 1}: ${hint}`);
}

/** A series as a person writes it. @param but a label that is left out */
export function seriesText({ __name__: name = '', ...labels }: Labels, but = ''): string {
  const list = Object.keys(labels)
    .filter((label) => label !== but)
    .sort()
    .map((label) => formatMatcher({ label, operator: '=', value: labels[label] ?? '' }));
  return `${name}{${list.join(',')}}`;
}
