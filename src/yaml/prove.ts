/** The proof of an edit: the new text is read again by all four judges and may differ in nothing but the targets. */
import { type CST, Parser } from 'yaml';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { find } from './find.ts';
import type { ValuePath } from './path.ts';
import { JUDGES, type Leaf, readSource, type YamlSource } from './source.ts';
import type { Span } from './splice.ts';

export interface Wanted {
  document: number | undefined;
  path: ValuePath;
  value: string;
  type: string;
}

/** @throws ActionError E_EDIT_NOT_PROVEN naming what differs */
export function prove(before: YamlSource, text: string, spans: readonly Span[], wanted: readonly Wanted[]): void {
  const fail = (why: string): never => {
    throw new ActionError('E_EDIT_NOT_PROVEN', {
      what: `edit of ${oneLine(before.file, 200)}`,
      why,
      fix: 'Nothing was written. Please report it with the file',
      at: { file: before.file },
    });
  };
  const after = reread(before, text, fail);
  if (after.documents.length !== before.documents.length) fail('the number of documents changed');
  for (const [i, judge] of JUDGES.entries()) {
    const changed = difference(before.leaves[i] ?? [], after.leaves[i] ?? []);
    if (changed === undefined) fail(`${judge} sees keys come or go`);
    const values = [...(changed ?? [])];
    if (values.length > wanted.length)
      fail(`${judge} sees ${values.length} values change, ${wanted.length} were wanted`);
    const open = wanted.map((w) => `${w.type} ${w.type === 'null' ? '' : w.value}`);
    for (const leaf of values) {
      const at = open.indexOf(`${leaf.type} ${leaf.value}`);
      if (at < 0) fail(`${judge} reads a value that nobody wanted`);
      open.splice(at, 1);
    }
  }
  for (const target of wanted) {
    const site = find(after, target.document, target.path);
    if (site.kind !== 'scalar') throw fail('a target is gone');
    const value = site.value === null ? '' : String(site.value);
    if (
      target.type === 'string'
        ? typeof site.value !== 'string' || site.value !== target.value
        : target.type !== 'null' && value !== target.value
    ) {
      fail('a target does not read as wanted');
    }
  }
  if (comments(before.text).join('\n') !== comments(text).join('\n')) fail('a comment changed');
  checkGaps(before.text, text, spans, fail);
  if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text)) !== text)
    fail('the text is not well-formed');
}

function reread(before: YamlSource, text: string, fail: (why: string) => never): YamlSource {
  try {
    return readSource(text, before.file);
  } catch (error) {
    return fail(`the new text is refused: ${(error as Error).message}`);
  }
}

// Leaves by place; undefined when a place came or went.
function difference(before: readonly Leaf[], after: readonly Leaf[]): Leaf[] | undefined {
  if (before.length !== after.length) return undefined;
  const changed: Leaf[] = [];
  for (const [i, leaf] of after.entries()) {
    const old = before[i];
    if (old === undefined || old.path !== leaf.path) return undefined;
    if (old.type !== leaf.type || old.value !== leaf.value) changed.push(leaf);
  }
  return changed;
}

/** Comment tokens of the concrete syntax tree, in order. */
function comments(text: string): string[] {
  const found: string[] = [];
  const walk = (token: unknown): void => {
    if (typeof token !== 'object' || token === null) return;
    const { type, source } = token as Partial<CST.SourceToken>;
    if (type === 'comment' && source !== undefined) found.push(source);
    for (const child of Object.values(token)) if (typeof child === 'object') walk(child);
  };
  for (const token of new Parser().parse(text)) walk(token);
  return found;
}

function checkGaps(before: string, after: string, spans: readonly Span[], fail: (why: string) => never): void {
  let old = 0;
  let now = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const length = span.start - old;
    if (before.slice(old, span.start) !== after.slice(now, now + length)) fail('text outside the targets changed');
    old = span.end;
    now += length + span.text.length;
  }
  if (before.slice(old) !== after.slice(now)) fail('text after the targets changed');
}
