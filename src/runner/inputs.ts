/** Inputs: read once, parsed once by a zod schema into a frozen object; all problems are told together. */
import { z } from 'zod';
import { oneLine, parseJson } from '../text/index.ts';
import { parseDuration } from './duration.ts';
import { ActionError } from './errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** The text of one input as the runner hands it over, untrimmed ('' when absent). */
export function rawInput(name: string, env: Env): string {
  return env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] ?? '';
}

/**
 * The texts of the named inputs, trimmed; '' when absent. GitHub cannot tell an absent input from an empty one either.
 * @param names kebab-case, as in action.yml
 */
export function readInputs<N extends string>(names: readonly N[], env: Env): Record<N, string> {
  return Object.fromEntries(names.map((name) => [name, rawInput(name, env).trim()])) as Record<N, string>;
}

/**
 * Parses raw texts by the schema.
 * @throws ActionError E_INPUT with every problem in one message, each with the name of its input
 */
export function parseInputs<S extends z.ZodType>(
  schema: S,
  raw: Readonly<Record<string, string>>,
): Readonly<z.output<S>> {
  const result = schema.safeParse(raw);
  if (result.success) return Object.freeze(result.data) as Readonly<z.output<S>>;
  throw inputError(
    result.error.issues.map((issue) => ({ input: issue.path.map(String).join('.'), problem: issue.message })),
  );
}

/** One E_INPUT error out of all problems. `input` may be empty for a problem between inputs. */
export function inputError(problems: readonly { input: string; problem: string }[]): ActionError {
  const names = [...new Set(problems.map((p) => p.input).filter((name) => name !== ''))];
  const what = names.length === 0 ? 'inputs' : `input${names.length > 1 ? 's' : ''} ${names.join(', ')}`;
  const why = problems
    .map((p) => (names.length > 1 && p.input !== '' ? `${p.input}: ${p.problem}` : p.problem))
    .join('; ');
  return new ActionError('E_INPUT', { what, why, fix: 'See the table of inputs in the README of this action' });
}

const quoted = (text: string): string => `"${oneLine(text, 80)}"`;

type Ctx = z.RefinementCtx;
const fail = (ctx: Ctx, message: string): never => {
  ctx.addIssue({ code: 'custom', message });
  return z.NEVER;
};

/** Schemas over the text of one input. Each message names the allowed form. */
export const field = {
  /** YAML 1.2 core words, as @actions/core takes them. */
  bool: (fallback: boolean) =>
    z.string().transform((text, ctx): boolean => {
      if (text === '') return fallback;
      if (/^(true|True|TRUE)$/.test(text)) return true;
      if (/^(false|False|FALSE)$/.test(text)) return false;
      return fail(ctx, `${quoted(text)} is not true or false`);
    }),
  /** One item a line, trimmed, empty lines dropped. */
  lines: () => z.string().transform((text): string[] => splitLines(text)),
  /** Lines, or a JSON array of strings when the text starts with `[` (the way to write an item with line breaks). */
  list: () =>
    z.string().transform((text, ctx): string[] => {
      if (!text.startsWith('[')) return splitLines(text);
      const json = parseJson(text);
      if (Array.isArray(json) && json.every((item) => typeof item === 'string')) return json;
      return fail(ctx, 'starts with [ but is not a JSON array of strings');
    }),
  /** `key=value` lines, or a JSON object of strings when the text starts with `{`. Keys are unique. */
  pairs: () => z.string().transform((text, ctx): [string, string][] => parsePairs(text, ctx)),
  /** `250ms`, `15s`, `2m`, `1h`, `7d` to seconds. */
  duration: (fallback?: string) =>
    z.string().transform((text, ctx): number => {
      const seconds = parseDuration(text === '' ? (fallback ?? '') : text);
      return seconds ?? fail(ctx, `${quoted(text)} is not a duration such as 90s, 5m or 1h`);
    }),
  oneOf: <const W extends readonly string[]>(words: W, fallback?: W[number]) =>
    z.string().transform((text, ctx): W[number] => {
      if (text === '' && fallback !== undefined) return fallback;
      return words.includes(text) ? text : fail(ctx, `${quoted(text)} is not one of ${words.join(', ')}`);
    }),
  integer: (min: number, max: number, fallback?: number) =>
    z.string().transform((text, ctx): number => {
      if (text === '' && fallback !== undefined) return fallback;
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max
        ? value
        : fail(ctx, `${quoted(text)} is not a whole number from ${min} to ${max}`);
    }),
  number: (min: number, max: number, fallback?: number) =>
    z.string().transform((text, ctx): number => {
      if (text === '' && fallback !== undefined) return fallback;
      const value = /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : fail(ctx, `${quoted(text)} is not a number from ${min} to ${max}`);
    }),
  /** '' becomes undefined. */
  optional: () => z.string().transform((text): string | undefined => (text === '' ? undefined : text)),
  /** @param what what the input is, for the message of a missing one: "the image, registry/repository" */
  required: (what: string) => z.string().min(1, { error: `is required: ${what}` }),
};

function splitLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

// The text of a bad line is never quoted: such lists carry secrets.
function parsePairs(text: string, ctx: Ctx): [string, string][] {
  let pairs: [string, string][] = [];
  if (text.startsWith('{')) {
    const json = parseJson(text);
    if (typeof json !== 'object' || json === null || Object.values(json).some((value) => typeof value !== 'string')) {
      return fail(ctx, 'starts with { but is not a JSON object whose values are strings');
    }
    pairs = Object.entries(json as Record<string, string>);
  } else {
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '') continue;
      const at = line.indexOf('=');
      if (at < 1) return fail(ctx, `line ${index + 1} is not key=value`);
      pairs.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
    }
  }
  const seen = new Set<string>();
  for (const [key] of pairs) {
    if (seen.has(key)) return fail(ctx, `the key ${quoted(key)} stands there twice`);
    seen.add(key);
  }
  return pairs;
}
