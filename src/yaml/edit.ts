/** Byte-exact edits of scalars. The only entry other code uses. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { find, type ScalarSite } from './find.ts';
import { formatPath, type ValuePath } from './path.ts';
import { prove, type Wanted } from './prove.ts';
import { isPlainSafe, isUnwritable, renderString } from './quote.ts';
import { JUDGES, openSource, type YamlSource } from './source.ts';
import { type Span, splice } from './splice.ts';

export type ScalarType = 'string' | 'number' | 'boolean' | 'null';

export interface Change {
  document: number | undefined;
  path: ValuePath;
  /** Text of a string, or of a number, boolean or null as JSON writes it. */
  value: string;
  type: ScalarType;
  /** A string may replace a number, boolean or null (image keys: a tag `1.10` that was written without quotes is one). */
  mayChangeType: boolean;
}

export interface Applied {
  change: Change;
  /** Text before; null when there was none (an empty value). */
  from: string | null;
  line: number;
}

/** True when all four judges read the target as exactly the wanted value already. */
export function isEqual(source: YamlSource, change: Change): boolean {
  const site = find(source, change.document, change.path);
  return site.kind === 'scalar' && JUDGES.every((_judge, i) => reads(source, i, change, site));
}

/**
 * Applies the changes to the bytes, all or none, and proves that nothing else has changed.
 * Changes that are equal already are skipped.
 * @throws ActionError E_PATH_MISSING, E_PATH_NOT_SCALAR, E_TYPE_CHANGED, E_OVERLAPPING_EDITS, E_EDIT_NOT_PROVEN, and what openSource and find refuse
 */
export function editValues(
  bytes: Uint8Array,
  file: string,
  changes: readonly Change[],
): { bytes: Uint8Array; applied: readonly Applied[] } {
  const source = openSource(bytes, file);
  const spans: Span[] = [];
  const wanted: Wanted[] = [];
  const applied: Applied[] = [];
  for (const change of changes) {
    const site = scalarAt(source, change);
    if (isEqual(source, change)) continue;
    checkType(source, change, site);
    spans.push(spanFor(source.text, site, renderChange(change, site)));
    wanted.push({ document: change.document, path: change.path, value: change.value, type: change.type });
    applied.push({ change, from: site.style === 'empty' ? null : site.text, line: site.line });
  }
  if (spans.length === 0) return { bytes, applied: [] };
  const text = splice(source.text, spans, file);
  prove(source, text, spans, wanted);
  return { bytes: new TextEncoder().encode(text), applied };
}

/** The scalar at the path. @throws ActionError E_PATH_MISSING, E_PATH_NOT_SCALAR */
export function scalarAt(source: YamlSource, target: { document: number | undefined; path: ValuePath }): ScalarSite {
  const site = find(source, target.document, target.path);
  if (site.kind === 'scalar') return site;
  const what = `path ${oneLine(formatPath(target.path), 200)} in ${oneLine(source.file, 200)}`;
  if (site.kind === 'missing') {
    throw new ActionError('E_PATH_MISSING', {
      what,
      why: site.why,
      fix: 'Correct the path, or add the key to the file',
      at: { file: source.file },
    });
  }
  throw new ActionError('E_PATH_NOT_SCALAR', {
    what,
    why: 'it is a map',
    fix: 'Name one of its keys',
    at: { file: source.file, line: site.line },
  });
}

function reads(source: YamlSource, judge: number, change: Change, site: ScalarSite): boolean {
  const place = JSON.stringify([change.document ?? 0, ...site.place]);
  const leaf = source.leaves[judge]?.find((l) => l.path === place);
  if (leaf !== undefined) return leaf.type === change.type && (change.type === 'null' || leaf.value === change.value);
  // This judge spells a key differently (1.1 reads the key `on` as true): the scalar's own text has to tell.
  if (change.type !== 'string') return change.value === (site.value === null ? 'null' : String(site.value));
  return site.text === change.value && (site.style === 'plain' ? isPlainSafe(site.text) : site.style !== 'empty');
}

function checkType(source: YamlSource, change: Change, site: ScalarSite): void {
  if (change.type === 'string' && isUnwritable(change.value)) {
    throw new ActionError('E_INPUT', {
      what: `value for ${oneLine(formatPath(change.path), 200)}`,
      why: 'it holds control characters or is no well-formed text',
      fix: 'Correct the value',
    });
  }
  const old = site.value === null ? 'null' : typeof site.value;
  if (change.type === old || change.mayChangeType || (site.style === 'empty' && change.type === 'string')) return;
  throw new ActionError('E_TYPE_CHANGED', {
    what: `path ${oneLine(formatPath(change.path), 200)} in ${oneLine(source.file, 200)}`,
    why: `it holds a ${old} and would become a ${change.type}`,
    fix: `Write type: ${old} with a value of that type, or change the file first`,
    at: { file: source.file, line: site.line, column: site.column },
  });
}

function renderChange(change: Change, site: ScalarSite): string {
  if (change.type !== 'string') return change.value;
  return renderString(change.value, site.style === 'single' || site.style === 'double' ? site.style : 'plain');
}

function spanFor(text: string, site: ScalarSite, rendered: string): Span {
  if (site.style === 'empty') {
    const before = /[ \t]/.test(text[site.start - 1] ?? ' ') ? '' : ' ';
    const after = /^#/.test(text.slice(site.start)) ? ' ' : '';
    // `tag: # todo`: the range lies right behind the colon, so the blank that is there goes behind the value.
    return { start: site.start, end: site.end, text: `${before}${rendered}${after}` };
  }
  if (site.style !== 'block') return { start: site.start, end: site.end, text: rendered };
  const old = text.slice(site.start, site.end);
  const header = /^[|>][^\n#]*?([ \t]+#[^\r\n]*)?\r?\n/.exec(old);
  const ending = /\r?\n$/.exec(old)?.[0] ?? '';
  return { start: site.start, end: site.end, text: `${rendered}${header?.[1] ?? ''}${ending}` };
}
