/** The sources as syntax trees, and what a name in them stands for. No types are computed: a second, not ten. */
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';

export type FunctionNode =
  | ts.FunctionDeclaration
  | ts.ArrowFunction
  | ts.FunctionExpression
  | ts.ConstructorDeclaration;
export type Call = ts.CallExpression | ts.NewExpression;
/** What a name stands for; a function has no initializer, a parameter its place. */
export type Declared =
  | { kind: 'function'; node: FunctionNode }
  | { kind: 'class'; node: ts.ClassDeclaration }
  | { kind: 'const'; node: ts.VariableDeclaration; value: ts.Expression }
  | { kind: 'parameter'; node: ts.ParameterDeclaration; of: FunctionNode }
  | { kind: 'other' };

export interface Program {
  readonly files: readonly ts.SourceFile[];
  declared(name: string, from: ts.Node): Declared;
  /** Calls of a function or class by its name, in all files. */
  callsOf(target: FunctionNode | ts.ClassDeclaration): readonly Call[];
}

/** @param texts source by path from the root, with `/` */
export function readProgram(texts: ReadonlyMap<string, string>): Program {
  const files = new Map<string, ts.SourceFile>();
  for (const [path, text] of texts) files.set(path, ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  const calls = new Map<string, Call[]>();
  for (const file of files.values()) {
    walk(file, (node) => {
      if (!(ts.isCallExpression(node) || ts.isNewExpression(node)) || !ts.isIdentifier(node.expression)) return;
      const list = calls.get(node.expression.text) ?? [];
      list.push(node);
      calls.set(node.expression.text, list);
    });
  }

  const declared = (name: string, from: ts.Node): Declared => {
    for (let scope: ts.Node | undefined = from.parent; scope !== undefined; scope = scope.parent) {
      if (isFunctionNode(scope)) {
        const parameter = scope.parameters.find((p) => bindsName(p.name, name));
        if (parameter !== undefined)
          return ts.isIdentifier(parameter.name)
            ? { kind: 'parameter', node: parameter, of: scope }
            : { kind: 'other' };
      }
      const statements = ts.isBlock(scope) || ts.isSourceFile(scope) ? scope.statements : undefined;
      const found = statements === undefined ? undefined : among(statements, name);
      if (found !== undefined) return found;
      if (!ts.isSourceFile(scope)) continue;
      const imported = importOf(scope, name);
      if (imported !== undefined) return exported(imported.path, imported.name, 0);
    }
    return { kind: 'other' };
  };
  const exported = (path: string, name: string, depth: number): Declared => {
    const file = files.get(path);
    if (file === undefined || depth > 4) return { kind: 'other' };
    const here = among(file.statements, name);
    if (here !== undefined) return here;
    for (const statement of file.statements) {
      if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) continue;
      const target = resolve(path, statement.moduleSpecifier);
      if (target === undefined) continue;
      if (statement.exportClause === undefined) {
        const found = exported(target, name, depth + 1);
        if (found.kind !== 'other') return found;
      } else if (ts.isNamedExports(statement.exportClause)) {
        const element = statement.exportClause.elements.find((e) => e.name.text === name);
        if (element !== undefined) return exported(target, (element.propertyName ?? element.name).text, depth + 1);
      }
    }
    return { kind: 'other' };
  };
  return {
    files: [...files.values()],
    declared,
    callsOf(target) {
      const name = nameOf(target);
      return (calls.get(name) ?? []).filter((call) => {
        const what = declared(name, call);
        if (what.kind === 'class') return target === what.node || target.parent === what.node;
        return what.kind === 'function' && what.node === target;
      });
    },
  };
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

export function isFunctionNode(node: ts.Node): node is FunctionNode {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isArrowFunction(node) ||
    ts.isFunctionExpression(node) ||
    ts.isConstructorDeclaration(node)
  );
}

/** The name that calls use: an arrow has that of its constant, a constructor that of its class. */
function nameOf(node: FunctionNode | ts.ClassDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return ts.isClassLike(node.parent) ? (node.parent.name?.text ?? '') : '';
  if (node.name !== undefined) return node.name.text;
  return ts.isVariableDeclaration(node.parent) && ts.isIdentifier(node.parent.name) ? node.parent.name.text : '';
}

function among(statements: readonly ts.Statement[], name: string): Declared | undefined {
  for (const statement of statements) {
    if (ts.isFunctionDeclaration(statement) && statement.name?.text === name) {
      // An overload has no body; the implementation follows it.
      if (statement.body !== undefined) return { kind: 'function', node: statement };
    } else if (ts.isClassDeclaration(statement) && statement.name?.text === name) {
      return { kind: 'class', node: statement };
    } else if (ts.isVariableStatement(statement)) {
      const node = statement.declarationList.declarations.find((d) => bindsName(d.name, name));
      if (node === undefined) continue;
      const value = node.initializer;
      if (!ts.isIdentifier(node.name) || value === undefined || !(statement.declarationList.flags & ts.NodeFlags.Const))
        return { kind: 'other' };
      return isFunctionNode(value) ? { kind: 'function', node: value } : { kind: 'const', node, value };
    }
  }
  return undefined;
}

function bindsName(binding: ts.BindingName, name: string): boolean {
  if (ts.isIdentifier(binding)) return binding.text === name;
  return binding.elements.some((e) => ts.isBindingElement(e) && bindsName(e.name, name));
}

function importOf(file: ts.SourceFile, name: string): { path: string; name: string } | undefined {
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
    const element = bindings.elements.find((e) => e.name.text === name);
    const path = element === undefined ? undefined : resolve(file.fileName, statement.moduleSpecifier);
    if (element !== undefined && path !== undefined) return { path, name: (element.propertyName ?? element.name).text };
  }
  return undefined;
}

function resolve(from: string, specifier: ts.Expression): string | undefined {
  if (!ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return undefined;
  return join(dirname(from), specifier.text);
}
