/** Expressions and token trees to plain values, with GitHub's own evaluator. */
import {
  data,
  Evaluator,
  type FunctionDefinition,
  isBasicExpression,
  isBoolean,
  isMapping,
  isNumber,
  isSequence,
  isString,
  Lexer,
  Parser,
  type TemplateToken,
} from './grammar.ts';
import { repairStrings } from './multiline.ts';

/** A JSON-like value, as contexts hold it. */
export type Value = string | number | boolean | null | undefined | readonly Value[] | { readonly [key: string]: Value };

/** What an expression may see. Names of contexts are those of GitHub: github, env, steps, … */
export interface Scope {
  contexts: Readonly<Record<string, Value>>;
  /** success(), failure(), cancelled(): absent outside of conditions. always() is always true. */
  status?: { success(): boolean; failure(): boolean; cancelled(): boolean };
  /** hashFiles(): absent where there is no workspace. */
  hashFiles?: (patterns: readonly string[]) => string;
}

type Data = data.ExpressionData;

/** Value of an expression without its `${{ }}`. Throws on a syntax error or an unknown name. */
export function evaluateExpression(text: string, scope: Scope): Value {
  return fromData(evaluateData(text, scope));
}

/** Whether a condition holds, by GitHub's truthiness: false, 0, '', null and NaN are false. */
export function evaluateCondition(text: string, scope: Scope): boolean {
  return truthy(evaluateExpression(text, scope));
}

/** Value of a token tree: literals as they are, expressions evaluated, mappings and sequences deep. */
export function evaluateToken(token: TemplateToken, scope: Scope): Value {
  if (isBasicExpression(token)) return evaluateExpression(token.expression, scope);
  if (isString(token) || isNumber(token) || isBoolean(token)) return token.value;
  if (isSequence(token)) return [...token].map((item) => evaluateToken(item, scope));
  if (isMapping(token)) {
    return Object.fromEntries(
      [...token].map((pair) => [evaluateString(pair.key, scope), evaluateToken(pair.value, scope)]),
    );
  }
  return null;
}

/** Text of a scalar token, coerced as GitHub does: null is '', true is 'true', an object is 'Object'. */
export function evaluateString(token: TemplateToken, scope: Scope): string {
  return isBasicExpression(token)
    ? evaluateData(token.expression, scope).coerceString()
    : toText(evaluateToken(token, scope));
}

/** A mapping of texts, in order: `env`, `with`, `outputs`. */
export function evaluateMap(token: TemplateToken | undefined, scope: Scope): Record<string, string> {
  if (token === undefined) return {};
  if (isMapping(token)) {
    return Object.fromEntries(
      [...token].map((pair) => [evaluateString(pair.key, scope), evaluateString(pair.value, scope)]),
    );
  }
  const value = evaluateToken(token, scope);
  if (!isRecord(value)) throw new Error('a mapping was expected');
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toText(item)]));
}

export function isRecord(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function toText(value: Value): string {
  return toData(value).coerceString();
}

function truthy(value: Value): boolean {
  return !(value === false || value === 0 || value === '' || value == null || Number.isNaN(value));
}

function evaluateData(text: string, scope: Scope): Data {
  const functions = functionsOf(scope);
  const names = Object.keys(scope.contexts);
  const tree = new Parser(repairStrings(new Lexer(text).lex().tokens), names, [...functions.values()]).parse();
  const contexts = new data.Dictionary();
  const lower = text.toLowerCase();
  for (const name of names) {
    // The event alone may be 100 kB: convert only what the text can mean.
    contexts.add(name, lower.includes(name.toLowerCase()) ? toData(scope.contexts[name]) : new data.Null());
  }
  return new Evaluator(tree, contexts, functions).evaluate();
}

function functionsOf(scope: Scope): Map<string, FunctionDefinition> {
  const functions = new Map<string, FunctionDefinition>();
  const add = (name: string, maxArgs: number, call: (...args: Data[]) => Data): void => {
    functions.set(name.toLowerCase(), { name, minArgs: maxArgs === 0 ? 0 : 1, maxArgs, call });
  };
  const { status, hashFiles } = scope;
  if (status !== undefined) {
    add('always', 0, () => new data.BooleanData(true));
    add('success', 0, () => new data.BooleanData(status.success()));
    add('failure', 0, () => new data.BooleanData(status.failure()));
    add('cancelled', 0, () => new data.BooleanData(status.cancelled()));
  }
  if (hashFiles !== undefined) {
    add('hashFiles', 255, (...args) => new data.StringData(hashFiles(args.map((arg) => arg.coerceString()))));
  }
  return functions;
}

function toData(value: Value): Data {
  if (value === null || value === undefined) return new data.Null();
  if (typeof value === 'string') return new data.StringData(value);
  if (typeof value === 'number') return new data.NumberData(value);
  if (typeof value === 'boolean') return new data.BooleanData(value);
  if (isList(value)) return new data.Array(...value.map(toData));
  return new data.Dictionary(...Object.entries(value).map(([key, item]) => ({ key, value: toData(item) })));
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function fromData(value: Data): Value {
  return JSON.parse(JSON.stringify(value, data.replacer)) as Value;
}
