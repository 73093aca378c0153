/** The inputs of the source Prometheus: headers, selectors of both versions, and when each step began. */
import type { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { type Matcher, parseMatchers, SelectorError } from './collect/selector.ts';
import { bad } from './input-error.ts';

/** When a step began; `at` in unix seconds. */
export interface Since {
  weight: number | null;
  at: number;
}

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const RESERVED = new Set(['host', 'content-length', 'content-type', 'transfer-encoding', 'connection']);

/** `Name: value` lines and the token, as headers. @throws ActionError E_HEADER_INVALID */
export function headersOf(
  lines: readonly string[],
  token: string,
): { headers: Record<string, string>; secrets: string[] } {
  const headers: Record<string, string> = {};
  const refuse = (why: string): ActionError =>
    bad('E_HEADER_INVALID', 'prometheus-headers', why, 'Write one "Name: value" a line');
  for (const [i, line] of lines.entries()) {
    const at = line.indexOf(':');
    const name = line.slice(0, Math.max(0, at)).trim().toLowerCase();
    const value = line.slice(at + 1).trim();
    if (at < 1 || !HEADER_NAME.test(name)) throw refuse(`line ${i + 1} has no header name`);
    if (!/^[\t\x20-\x7e\x80-\xff]+$/.test(value)) throw refuse(`line ${i + 1} has no value that a header can carry`);
    if (RESERVED.has(name)) throw refuse(`line ${i + 1} sets ${name}, which belongs to the request itself`);
    if (name in headers) throw refuse(`line ${i + 1} sets ${name} again`);
    headers[name] = value;
  }
  if (token !== '') {
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw bad(
        'E_HEADER_INVALID',
        'prometheus-token',
        'it has characters that no token has',
        'Check the secret for line breaks',
      );
    }
    if (headers.authorization !== undefined) {
      throw bad('E_HEADER_INVALID', 'prometheus-headers', 'authorization is set by prometheus-token too', 'Give one');
    }
    headers.authorization = `Bearer ${token}`;
  }
  // A server may quote the credential without its scheme.
  const credential = headers.authorization?.replace(/^\S+\s+/, '') ?? '';
  return { headers, secrets: [credential, ...Object.values(headers)].filter((secret) => secret !== '') };
}

/** The matchers of stable and canary, which must differ. @throws ActionError E_SELECTOR_INVALID */
export function selectorsOf(
  raw: Readonly<Record<'stable-selector' | 'canary-selector', string>>,
): [Matcher[], Matcher[]] {
  const read = (input: 'stable-selector' | 'canary-selector'): Matcher[] => {
    const fix = 'Write a list of matchers such as app="shop",track="canary"';
    try {
      const matchers = parseMatchers(raw[input]);
      if (matchers.length === 0) throw bad('E_SELECTOR_INVALID', input, 'it is empty', fix);
      return matchers;
    } catch (error) {
      if (error instanceof SelectorError) throw bad('E_SELECTOR_INVALID', input, error.message, fix);
      throw error;
    }
  };
  const [stable, canary] = [read('stable-selector'), read('canary-selector')];
  const key = (matchers: readonly Matcher[]): string =>
    JSON.stringify(matchers.map((m) => [m.label, m.operator, m.value]).sort());
  if (key(stable) === key(canary)) {
    throw bad(
      'E_SELECTOR_INVALID',
      'canary-selector',
      'it selects the same as stable-selector',
      'The two must differ, for example in track="stable" and track="canary"',
    );
  }
  return [stable, canary];
}

/** @param weight that Git asks for now: the last line must name it @throws ActionError E_SINCE_INVALID */
export function sinceOf(lines: readonly string[], weight: number | null): Since[] {
  const refuse = (why: string): ActionError =>
    bad(
      'E_SINCE_INVALID',
      'since',
      why,
      'Write <weight>@<time> a line, oldest first, or one time: RFC 3339 or unix seconds',
    );
  const steps = lines.map((line, i): Since => {
    const [, before, text = ''] = /^(?:([\d.]+)@)?(.+)$/.exec(line) ?? [];
    const at = timeOf(text.trim());
    if (at === undefined) throw refuse(`line ${i + 1} has no time`);
    if (before === undefined) return { weight: null, at };
    const w = Number(before);
    if (!(w > 0 && w < 100)) throw refuse(`line ${i + 1} has no weight above 0 and below 100`);
    return { weight: w, at };
  });
  if (steps.length > 1 && steps.some((s) => s.weight === null)) throw refuse('a time without weight stands alone only');
  for (const [i, s] of steps.entries()) {
    if (i > 0 && s.at <= (steps[i - 1]?.at ?? 0)) throw refuse(`line ${i + 1} is not after the line above it`);
  }
  const last = steps.at(-1);
  if (last !== undefined && last.weight !== null && last.weight !== weight) {
    throw refuse(`its last weight is ${last.weight}, but expected-weight is ${weight}`);
  }
  return steps;
}

/** @returns null when there is none @throws ActionError E_SINCE_INVALID */
export function untilOf(text: string, since: readonly Since[], asksArgo: boolean): number | null {
  if (text === '') return null;
  const refuse = (why: string, fix: string): ActionError => bad('E_SINCE_INVALID', 'until', why, fix);
  const at = timeOf(text);
  if (at === undefined) throw refuse('it is no time', 'Write RFC 3339 or unix seconds');
  const last = since.at(-1);
  if (last === undefined) throw refuse('it needs since: a window has two ends', 'Say when each step began');
  if (at <= last.at) throw refuse('it is not after the last time of since', 'Give the end of the window');
  if (asksArgo) throw refuse('Argo CD knows nothing of the past', 'Leave out argocd-url');
  return at;
}

function timeOf(text: string): number | undefined {
  if (/^\d{1,11}(\.\d{1,3})?$/.test(text)) return Number(text);
  if (!/^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** Where rules or versions are to be found. @throws ActionError E_INPUT */
export function namespaceOf(namespace: string, app: string, isPrometheus: boolean): string {
  if (namespace === '') return '';
  const fix = 'Give prometheus-url, app and namespace, or leave namespace out';
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    throw bad('E_INPUT', 'namespace', `"${oneLine(namespace, 80)}" is no name of a namespace`, fix);
  if (!isPrometheus) throw bad('E_INPUT', 'namespace', 'rules are found in Prometheus alone', fix);
  if (app === '') throw bad('E_INPUT', 'namespace', 'it needs the name of the application, app', fix);
  return namespace;
}
