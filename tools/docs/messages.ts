/** Every message that carries a code, as a user reads it: taken from the sources, so that it is the exact text. */
import ts from 'typescript';
import { type Bindings, bind, evaluate, everyWay, nameText, type Way } from './evaluate.ts';
import { type FunctionNode, isFunctionNode, type Program, walk } from './program.ts';

export interface Message {
  code: string;
  /** `what: why. fix`, with `<name>` for what only a run knows. */
  text: string;
  /** Path of the source from the root. */
  file: string;
}

const CODE = /^[EW]_[A-Z0-9_]+$/;

/** The parts of a message in the source, before anything is filled in. */
interface Parts {
  node: ts.Node;
  code: ts.Expression;
  texts: readonly ts.Expression[];
}

export function messagesOf(program: Program): Message[] {
  const found: Message[] = [];
  const seen = new Set<string>();
  for (const file of program.files) {
    walk(file, (node) => {
      const parts = partsOf(node);
      if (parts === undefined) return;
      for (const message of expand(program, parts, new Map(), parts.node, 0)) {
        const key = `${message.code} ${message.text} ${message.file}`;
        if (!CODE.test(message.code) || seen.has(key)) continue;
        seen.add(key);
        found.push(message);
      }
    });
  }
  return found;
}

/**
 * The message as it stands; where a parameter of the function around it decides the words, as each caller says it.
 */
function expand(program: Program, parts: Parts, bindings: Bindings, at: ts.Node, depth: number): Message[] {
  const around = enclosing(at);
  const open = around === undefined ? false : usesParameter(program, parts, bindings, around);
  const calls = around !== undefined && open && depth < 3 ? program.callsOf(around) : [];
  if (around !== undefined && calls.length > 0) {
    return calls.flatMap((call) =>
      expand(program, parts, new Map([...bindings, ...bind(around, call.arguments, bindings)]), call, depth + 1),
    );
  }
  const file = at.getSourceFile().fileName;
  return everyWay((way) => read(program, parts, bindings, way)).map((message) => ({ ...message, file }));
}

function read(program: Program, parts: Parts, bindings: Bindings, way: Way): Omit<Message, 'file'> {
  const code = evaluate(program, parts.code, bindings, way);
  const [what, why, fix] = parts.texts.map((text) =>
    evaluate(program, text, bindings, way).replace(/\s+/g, ' ').trim(),
  );
  const text = why === undefined ? (what ?? '') : `${what}: ${why}. ${fix}`;
  // A message that carries its code at its end has it here too.
  return { code, text: text.replace(` [${code}]`, '').replace(/([^.…])$/, '$1.') };
}

/** Does a part hang on a parameter of this function that nobody has filled in? */
function usesParameter(program: Program, parts: Parts, bindings: Bindings, of: FunctionNode): boolean {
  const looked = new Set<ts.Node>();
  const open = (text: ts.Node): boolean => {
    if (looked.has(text)) return false;
    looked.add(text);
    let found = false;
    walk(text, (node) => {
      if (!ts.isIdentifier(node)) return;
      // The name of a property is no name of a variable.
      if (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) return;
      const what = program.declared(node.text, node);
      if (what.kind === 'parameter' && what.of === of && !bindings.has(what.node) && worded(what.node)) found = true;
      if (what.kind === 'const' && enclosing(what.node) === of && open(what.value)) found = true;
    });
    return found;
  };
  return (
    [parts.code, ...parts.texts].some(open) ||
    [...bindings.values()].some(({ value }) => enclosing(value) === of && open(value))
  );
}

/** Parameters that hold words of a message, by their type. The action is the prefix of every message. */
function worded(parameter: ts.ParameterDeclaration): boolean {
  if (parameter.name.getText() === 'action') return false;
  const type = parameter.type?.getText() ?? 'string';
  return /^(string|ErrorCode|WarningCode|'|"|`)/.test(type) || /Code$/.test(type);
}

function enclosing(node: ts.Node): FunctionNode | undefined {
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) if (isFunctionNode(at)) return at;
  return undefined;
}

function partsOf(node: ts.Node): Parts | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === 'ActionError')
    return ofFacts(node, node.arguments?.[0], node.arguments?.[1]);
  if (ts.isCallExpression(node)) {
    if (node.expression.kind === ts.SyntaxKind.SuperKeyword) return ofFacts(node, node.arguments[0], node.arguments[1]);
    const [code, text] = node.arguments;
    if (ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'warning' && code && text)
      return { node, code, texts: [text] };
  }
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const field = (name: string): ts.Expression | undefined => fieldOf(node, name);
  const code = field('code');
  const text = field('message') ?? field('text') ?? field('why');
  return code === undefined || text === undefined ? undefined : { node, code, texts: [text] };
}

function ofFacts(node: ts.Node, code: ts.Expression | undefined, facts: ts.Expression | undefined): Parts | undefined {
  if (code === undefined || facts === undefined || !ts.isObjectLiteralExpression(facts)) return undefined;
  const texts = ['what', 'why', 'fix'].map((name) => fieldOf(facts, name));
  return texts.some((text) => text === undefined) ? undefined : { node, code, texts: texts as ts.Expression[] };
}

function fieldOf(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  for (const property of object.properties) {
    if (ts.isPropertyAssignment(property) && nameText(property.name) === name) return property.initializer;
    if (ts.isShorthandPropertyAssignment(property) && property.name.text === name) return property.name;
  }
  return undefined;
}
