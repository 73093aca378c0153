/**
 * Two repairs of @actions/workflow-parser and @actions/expressions 0.3.61, both needed before anything is evaluated:
 * text over several lines that holds an expression comes as YAML wrote it (indented, unfolded, with its quotes), and only the
 * first doubled quote of a string literal is read as one.
 */
import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { isBasicExpression, isMapping, isSequence, type Lexer, type TemplateToken } from './grammar.ts';

type Token = ReturnType<Lexer['lex']>['tokens'][number];

/** Puts the true text into every expression token that spans lines. Changes the tree in place. */
export function repairLines(root: TemplateToken, text: string): void {
  if (!/\$\{\{/.test(text)) return;
  const lines = new LineCounter();
  const texts = new Map<string, string>();
  visit(parseDocument(text, { lineCounter: lines }), {
    Scalar(_, node) {
      if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return;
      const { line, col } = lines.linePos(node.range[0]);
      texts.set(`${line}:${col}`, node.value);
    },
  });
  walk(root, (token) => {
    if (!isBasicExpression(token) || token.range === undefined) return;
    const { start, end } = token.range;
    const exact = texts.get(`${start.line}:${start.column}`);
    if (start.line === end.line || exact === undefined) return;
    Object.assign(token, { expr: expressionOf(exact) });
  });
}

function walk(token: TemplateToken, each: (token: TemplateToken) => void): void {
  each(token);
  if (isSequence(token)) for (const item of token) walk(item, each);
  if (isMapping(token)) for (const pair of token) walk(pair.value, each);
}

/** `a ${{ b }} c` as one expression: format('a {0} c', b). A text that is one expression alone stays itself. */
export function expressionOf(text: string): string {
  const parts: string[] = [];
  const expressions: string[] = [];
  let rest = 0;
  for (let start = text.indexOf('${{'); start >= 0; start = text.indexOf('${{', rest)) {
    const end = endOf(text, start + 3);
    parts.push(text.slice(rest, start));
    expressions.push(text.slice(start + 3, end).trim());
    rest = end + 2;
  }
  parts.push(text.slice(rest));
  const [only] = expressions;
  if (only !== undefined && expressions.length === 1 && parts.every((part) => part === '')) return only;
  const literal = (part: string): string => part.replaceAll("'", "''").replaceAll('{', '{{').replaceAll('}', '}}');
  const format = parts.map((part, i) => (i === 0 ? '' : `{${i - 1}}`) + literal(part)).join('');
  return `format('${format}'${expressions.map((expression) => `, ${expression}`).join('')})`;
}

/** Where the expression's `}}` is: not inside a string of it. The parser has refused text without one. */
function endOf(text: string, from: number): number {
  let quoted = false;
  for (let i = from; i < text.length; i += 1) {
    if (text[i] === "'") quoted = !quoted;
    else if (!quoted && text.startsWith('}}', i)) return i;
  }
  return text.length;
}

/** Gives string tokens their true value, with every doubled quote as one. */
export function repairStrings(tokens: Token[]): Token[] {
  return tokens.map((token) =>
    typeof token.value === 'string' && token.lexeme.startsWith("'")
      ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") }
      : token,
  );
}
