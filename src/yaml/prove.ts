/** The proof of an edit: the new text is read again by all four judges and may differ in nothing but the targets. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { find } from './find.ts';
import { JUDGES } from './judges.ts';
import type { ValuePath } from './path.ts';
import { readSource, type YamlSource } from './source.ts';
import type { Span } from './splice.ts';
import { differences, type Place, type Reading, readingAt } from './values.ts';

interface Target {
  document: number | undefined;
  path: ValuePath;
}

export interface Wanted extends Target {
  /** By judge. */
  readings: readonly Reading[];
  /** The key was not there. */
  added: boolean;
}

/**
 * @param emptied parents whose null makes room for a map
 * @throws ActionError E_EDIT_NOT_PROVEN naming what differs
 */
export function prove(
  before: YamlSource,
  text: string,
  spans: readonly Span[],
  wanted: readonly Wanted[],
  emptied: readonly Target[],
): void {
  const fail: Fail = (why, cause) => {
    throw new ActionError('E_EDIT_NOT_PROVEN', {
      what: `edit of ${oneLine(before.file, 200)}`,
      why,
      fix: 'Nothing was written. Please report it with the file',
      at: { file: before.file },
      cause,
    });
  };
  const after = attempt(() => readSource(text, before.file), 'the new text is refused', fail);
  if (after.documents.length !== before.documents.length) fail('the number of documents changed');
  const places = wanted.map((target) => placesOf(after, target, fail));
  const gone = emptied.map((target) => placesOf(before, target, fail));
  for (const [i, judge] of JUDGES.entries()) {
    const [old, now] = [before.values[i] ?? [], after.values[i] ?? []];
    // What may differ: each in its place, and in no other way.
    const open = new Set<string>();
    for (const [n, target] of wanted.entries()) {
      const place = places[n]?.[i] ?? [];
      const reading = readingAt(now, place);
      if (
        reading === undefined ||
        reading.type !== target.readings[i]?.type ||
        reading.value !== target.readings[i].value
      )
        fail(`${judge} does not read a target as wanted`);
      open.add(JSON.stringify([target.added ? 'added' : 'changed', ...place]));
    }
    for (const list of gone) open.add(JSON.stringify(['removed', ...(list[i] ?? [])]));
    for (const { kind, place } of differences(old, now, open.size)) {
      if (!open.delete(JSON.stringify([kind, ...place])))
        fail(kind === 'changed' ? `${judge} sees a value change that nobody wanted` : `${judge} sees keys come or go`);
    }
    // A judge may have read a target so before; but what was added was not there.
    if ([...open].some((rest) => !rest.startsWith('["changed"'))) fail(`${judge} does not see keys come`);
  }
  const same = before.comments.length === after.comments.length;
  if (!same || before.comments.some((c, i) => c.text !== after.comments[i]?.text)) fail('a comment changed');
  checkGaps(before.text, text, spans, fail);
  if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text)) !== text)
    fail('the text is not well-formed');
}

type Fail = (why: string, cause?: unknown) => never;

function attempt<T>(read: () => T, what: string, fail: Fail): T {
  try {
    return read();
  } catch (error) {
    return fail(`${what}: ${(error as Error).message}`, error);
  }
}

function placesOf(source: YamlSource, { document, path }: Target, fail: Fail): readonly Place[] {
  const site = attempt(() => find(source, document, path), 'a target is refused', fail);
  return site.kind === 'scalar' ? site.places : fail('a target is gone');
}

function checkGaps(before: string, after: string, spans: readonly Span[], fail: Fail): void {
  let old = 0;
  let now = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const length = span.start - old;
    if (before.slice(old, span.start) !== after.slice(now, now + length)) fail('text outside the targets changed');
    old = span.end;
    now += length + span.text.length;
  }
  if (before.slice(old) !== after.slice(now)) fail('text after the targets changed');
}
