/** Byte-exact edits of scalars. The only entry other code uses. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { agreedReadings, type Change, checkedReadings, renderChange } from './change.ts';
import { planCreations } from './create.ts';
import { find } from './find.ts';
import { formatPath, type ValuePath } from './path.ts';
import { prove, type Wanted } from './prove.ts';
import type { ScalarSite } from './site.ts';
import { openSource, type YamlSource } from './source.ts';
import { spanFor } from './spans.ts';
import { joinAt, type Span, splice } from './splice.ts';
import { type Reading, readingAt } from './values.ts';

export interface Applied {
  change: Change;
  /** Text before; null when there was none (an empty value, or no such key). */
  from: string | null;
  /** Line of the old text; for a new key, the one it comes to stand before. */
  line: number;
}

/** True when all four judges read the target as exactly the wanted value already. */
export function isEqual(source: YamlSource, change: Change): boolean {
  const site = find(source, change.document, change.path);
  if (site.kind !== 'scalar') return false;
  const readings = agreedReadings(change);
  return readings !== undefined && stands(source, site, readings);
}

/**
 * Applies the changes to the bytes, all or none, and proves that nothing else has changed.
 * Changes that are equal already are skipped.
 * @throws ActionError E_PATH_MISSING, E_PATH_NOT_SCALAR, E_TYPE_CHANGED, E_INPUT, E_OVERLAPPING_EDITS, E_EDIT_NOT_PROVEN, and what
 *   openSource, find and planCreations refuse
 */
export function editValues(
  bytes: Uint8Array,
  file: string,
  changes: readonly Change[],
): { bytes: Uint8Array; applied: readonly Applied[] } {
  const source = openSource(bytes, file);
  const { text, applied } = editSource(source, changes);
  return { bytes: applied.length === 0 ? bytes : new TextEncoder().encode(text), applied };
}

/** The same on a file that is open. */
export function editSource(
  source: YamlSource,
  changes: readonly Change[],
): { text: string; applied: readonly Applied[] } {
  checkNested(source, changes);
  const spans: Span[] = [];
  const wanted: Wanted[] = [];
  const applied: Applied[] = [];
  const missing: Change[] = [];
  for (const change of changes) {
    const readings = checkedReadings(change);
    const base = { document: change.document, path: change.path, readings };
    if (change.ifMissing === 'create' && find(source, change.document, change.path).kind === 'missing') {
      missing.push(change);
      wanted.push({ ...base, added: true });
      applied.push({ change, from: null, line: 0 });
      continue;
    }
    const site = scalarAt(source, change);
    if (stands(source, site, readings)) continue;
    checkType(source, change, site);
    const style = site.style === 'single' || site.style === 'double' ? site.style : 'plain';
    spans.push(spanFor(source.text, site, renderChange(change, style)));
    wanted.push({ ...base, added: false });
    applied.push({ change, from: site.style === 'empty' ? null : site.text, line: site.line });
  }
  if (applied.length === 0) return { text: source.text, applied };
  const created = planCreations(source, missing);
  const all = withInsertions(spans, created.spans);
  const text = splice(source.text, all, source.file);
  prove(source, text, all, wanted, created.emptied);
  return {
    text,
    applied: applied.map((a) => ({ ...a, line: created.lines.get(a.change) ?? a.line })),
  };
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

function readingsAt(source: YamlSource, site: ScalarSite): (Reading | undefined)[] {
  return site.places.map((place, judge) => readingAt(source.values[judge] ?? [], place));
}

function stands(source: YamlSource, site: ScalarSite, wanted: readonly Reading[]): boolean {
  return readingsAt(source, site).every(
    (now, i) => now !== undefined && now.type === wanted[i]?.type && now.value === wanted[i].value,
  );
}

function checkType(source: YamlSource, change: Change, site: ScalarSite): void {
  if (site.inBrackets && renderChange(change, 'plain') === '') {
    throw new ActionError('E_TYPE_CHANGED', {
      what: `path ${oneLine(formatPath(change.path), 200)} in ${oneLine(source.file, 200)}`,
      why: 'it is an item of a list in brackets, which would be gone with nothing in its place',
      fix: 'Write null or ~',
      at: { file: source.file, line: site.line, column: site.column },
    });
  }
  const types = [...new Set(readingsAt(source, site).map((now) => now?.type ?? 'nothing'))];
  const old = types.join(' or ');
  const fits = old === change.type || change.mayChangeType || (site.style === 'empty' && change.type === 'string');
  if (fits && !(site.tagged && change.type !== 'string')) return;
  const several = types.length > 1;
  throw new ActionError('E_TYPE_CHANGED', {
    what: `path ${oneLine(formatPath(change.path), 200)} in ${oneLine(source.file, 200)}`,
    why: `it holds a ${old}${several ? ', depending on the parser,' : ''} and would become a ${change.type}`,
    fix: several
      ? 'Quote the value in the file first, if it is text'
      : `Write type: ${old} with a value of that type, or change the file first`,
    at: { file: source.file, line: site.line, column: site.column },
  });
}

// A value and a key below it cannot both be wanted.
function checkNested(source: YamlSource, changes: readonly Change[]): void {
  const ids = changes.map((c) => JSON.stringify([c.document ?? 0, ...c.path]).slice(0, -1));
  const paths = new Set(ids.map((id) => `${id}]`));
  for (const [i, { document, path }] of changes.entries()) {
    const outer = path.findIndex(
      (_step, n) => n > 0 && paths.has(JSON.stringify([document ?? 0, ...path.slice(0, n)])),
    );
    if (outer < 0) continue;
    throw new ActionError('E_OVERLAPPING_EDITS', {
      what: `path ${oneLine(formatPath(changes[i]?.path ?? []), 200)} in ${oneLine(source.file, 200)}`,
      why: 'another edit writes a value that it stands in',
      fix: 'Name each target once',
      at: { file: source.file },
    });
  }
}

// At the end of a file without a final line break an empty value and the keys below it are written at the same offset.
function withInsertions(edits: readonly Span[], insertions: readonly Span[]): Span[] {
  const rest = insertions.filter(
    (i) => i.end > i.start || !edits.some((e) => e.start === i.start && e.end === i.start),
  );
  const merged = edits.map((edit) =>
    edit.end > edit.start
      ? edit
      : (joinAt([edit, ...insertions.filter((i) => !rest.includes(i) && i.start === edit.start)])[0] ?? edit),
  );
  return [...merged, ...rest];
}
