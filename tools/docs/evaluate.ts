/**
 * What an expression says, as text: literals as they are, values of a run as `<name>`. Where the text depends on something that
 * only a run knows, every way is taken, and the same question has the same answer everywhere in one message.
 */
import ts from 'typescript';
import { type Declared, type FunctionNode, isFunctionNode, type Program, walk } from './program.ts';

/** Parameters that a caller has filled in, by their declaration. */
export type Bindings = ReadonlyMap<ts.ParameterDeclaration, { value: ts.Expression; bindings: Bindings }>;

const MAX_WAYS = 24;
const MAX_DEPTH = 6;
/** These hand on what they are given, cut or made safe. */
const TRANSPARENT =
  /^(format[A-Z]\w*|oneLine|manyLines|String|shown|show|quoted|stringify|truncateBytes|text|code|join|trim|trimEnd|slice|replace|replaceAll|toString|toFixed|map|filter|sort|padEnd|toLowerCase)$/;

/** Answers to the questions of one way through a message: text of the question -> which of its answers. */
export class Way {
  readonly #answers = new Map<string, number>();
  readonly #asked: { question: string; answers: number }[] = [];
  /** Keys of tables that were chosen, by the name that held them: the same name means the same key in a condition. */
  readonly keys = new Map<string, string>();

  constructor(fixed: readonly (readonly [string, number])[]) {
    for (const [question, answer] of fixed) this.#answers.set(question, answer);
  }

  choose(question: string, answers: number): number {
    const known = this.#answers.get(question);
    if (known !== undefined) return Math.min(known, answers - 1);
    this.#answers.set(question, 0);
    this.#asked.push({ question, answers });
    return 0;
  }

  /** The ways that begin like this one and then go elsewhere. */
  others(): Way[] {
    const fixed = [...this.#answers];
    return this.#asked.flatMap(({ question, answers }) => {
      const before = fixed.slice(
        0,
        fixed.findIndex(([q]) => q === question),
      );
      return Array.from({ length: answers - 1 }, (_, i) => new Way([...before, [question, i + 1]]));
    });
  }
}

/** Everything that a reading of one message can give, each once, in the order of the source. */
export function everyWay<T>(read: (way: Way) => T): T[] {
  const found = new Map<string, T>();
  const open = [new Way([])];
  for (let taken = 0; open.length > 0 && taken < MAX_WAYS; taken += 1) {
    const way = open.shift() as Way;
    const value = read(way);
    found.set(JSON.stringify(value), found.get(JSON.stringify(value)) ?? value);
    open.push(...way.others());
  }
  return [...found.values()];
}

export function evaluate(program: Program, node: ts.Expression, bindings: Bindings, way: Way, depth = 0): string {
  const go = (next: ts.Expression, from: Bindings = bindings): string =>
    depth > MAX_DEPTH ? hole(next) : evaluate(program, next, from, way, depth + 1);
  if (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node)
  )
    return go(node.expression);
  if (ts.isStringLiteralLike(node) || ts.isNumericLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => go(span.expression) + span.literal.text).join('');
  if (ts.isBinaryExpression(node)) {
    const sum = node.operatorToken.kind === ts.SyntaxKind.PlusToken;
    if (sum && (ts.isNumericLiteral(node.left) || ts.isNumericLiteral(node.right))) return hole(node);
    if (sum) return go(node.left) + go(node.right);
    if (node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) return go(node.left);
    if (node.operatorToken.kind === ts.SyntaxKind.BarBarToken) return go(node.left) || go(node.right);
    return hole(node);
  }
  if (ts.isConditionalExpression(node)) {
    const sure = decided(program, node.condition, bindings, way);
    const yes = sure ?? way.choose(node.condition.getText(), 2) === 0;
    return go(yes ? node.whenTrue : node.whenFalse);
  }
  if (ts.isIdentifier(node)) {
    const what = program.declared(node.text, node);
    if (what.kind === 'const' && isText(what.value)) return go(what.value);
    const given = what.kind === 'parameter' ? bindings.get(what.node) : undefined;
    return given === undefined ? hole(node) : go(given.value, given.bindings);
  }
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return member(program, node, go, way);
  if (ts.isCallExpression(node)) return called(program, node, bindings, way, depth, go);
  return hole(node);
}

/** The value of a constant table: by its name, or by every key when only a run knows which. */
function member(
  program: Program,
  node: ts.PropertyAccessExpression | ts.ElementAccessExpression,
  go: (next: ts.Expression) => string,
  way: Way,
): string {
  const table = ts.isIdentifier(node.expression) ? objectOf(program.declared(node.expression.text, node)) : undefined;
  const values = [...(table?.properties ?? [])].filter(ts.isPropertyAssignment);
  if (values.length === 0) return hole(node);
  if (ts.isPropertyAccessExpression(node)) {
    const value = values.find((p) => nameText(p.name) === node.name.text);
    return value === undefined ? hole(node) : go(value.initializer);
  }
  const index = ts.isStringLiteralLike(node.argumentExpression) ? node.argumentExpression.text : undefined;
  const known = values.find((p) => nameText(p.name) === index);
  const name = node.argumentExpression.getText();
  const chosen = known ?? values[way.choose(`[${name}]`, values.length)];
  if (known === undefined && chosen !== undefined) way.keys.set(name, nameText(chosen.name));
  return chosen === undefined ? hole(node) : go(chosen.initializer);
}

function called(
  program: Program,
  node: ts.CallExpression,
  bindings: Bindings,
  way: Way,
  depth: number,
  go: (next: ts.Expression) => string,
): string {
  const callee = node.expression;
  const name = ts.isIdentifier(callee) ? callee.text : ts.isPropertyAccessExpression(callee) ? callee.name.text : '';
  if (TRANSPARENT.test(name)) {
    const first = node.arguments[0];
    const self =
      ts.isPropertyAccessExpression(callee) && !/^(text|code|stringify)$/.test(name) ? callee.expression : first;
    if (self === undefined) return hole(node);
    const text = go(self);
    return name === 'stringify' && !text.startsWith('<') ? JSON.stringify(text) : text;
  }
  const what: Declared = ts.isIdentifier(callee) ? program.declared(name, callee) : { kind: 'other' };
  if (what.kind !== 'function' || depth > 3) return hole(node);
  const results = returns(what.node).filter(isText);
  if (results.length === 0) return hole(node);
  const result = results[way.choose(node.getText(), results.length)] as ts.Expression;
  return evaluate(program, result, bind(what.node, node.arguments, bindings), way, depth + 2);
}

export function bind(of: FunctionNode, args: readonly ts.Expression[] | undefined, bindings: Bindings): Bindings {
  const inner = new Map(bindings);
  of.parameters.forEach((parameter, i) => {
    const value = args?.[i] ?? parameter.initializer;
    if (value !== undefined && ts.isIdentifier(parameter.name)) inner.set(parameter, { value, bindings });
  });
  return inner;
}

/** True, false, or undefined when only a run knows: is a bound name this literal? */
function decided(program: Program, node: ts.Expression, bindings: Bindings, way: Way): boolean | undefined {
  if (!ts.isBinaryExpression(node) || !ts.isIdentifier(node.left)) return undefined;
  const same = node.operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken;
  const other = node.operatorToken.kind === ts.SyntaxKind.ExclamationEqualsEqualsToken;
  if (!(same || other) || !ts.isStringLiteralLike(node.right)) return undefined;
  const left = way.keys.get(node.left.text) ?? evaluate(program, node.left, bindings, way, MAX_DEPTH - 2);
  return left.includes('<') ? undefined : (left === node.right.text) === same;
}

/** Could this be the text of a message? Keeps numbers, lists and objects out. */
function isText(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return isText(node.expression);
  if (ts.isConditionalExpression(node)) return isText(node.whenTrue) || isText(node.whenFalse);
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken && isText(node.left)) ||
    (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && TRANSPARENT.test(node.expression.text))
  );
}

function returns(of: FunctionNode): ts.Expression[] {
  if (of.body === undefined) return [];
  if (!ts.isBlock(of.body)) return [of.body];
  const found: ts.Expression[] = [];
  walk(of.body, (node) => {
    if (!ts.isReturnStatement(node) || node.expression === undefined) return;
    let holder: ts.Node = node.parent;
    while (!isFunctionNode(holder) && !ts.isSourceFile(holder)) holder = holder.parent;
    if (holder === of) found.push(node.expression);
  });
  return found;
}

function objectOf(what: Declared): ts.ObjectLiteralExpression | undefined {
  if (what.kind !== 'const') return undefined;
  let value = what.value;
  while (ts.isAsExpression(value) || ts.isSatisfiesExpression(value)) value = value.expression;
  return ts.isObjectLiteralExpression(value) ? value : undefined;
}

export function nameText(name: ts.PropertyName | ts.BindingName): string {
  return ts.isIdentifier(name) || ts.isStringLiteralLike(name) ? name.text : '';
}

/** `<path>` for `oneLine(file.path, 200)`: the last name of what would be put in. */
function hole(node: ts.Expression): string {
  const names: string[] = [];
  walk(node, (n) => {
    if (ts.isIdentifier(n)) names.push(n.text);
  });
  const said = names.filter(
    (n) => !TRANSPARENT.test(n) && !/^(Math|JSON|Error|undefined|instanceof|length|ceil|round|floor)$/.test(n),
  );
  const name = ts.isPropertyAccessExpression(node) && node.name.text !== 'length' ? node.name.text : (said[0] ?? '…');
  return `<${name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()}>`;
}
