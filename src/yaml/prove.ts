/** The proof of an edit: the new text is read again by all four judges and may differ in nothing but the targets. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { find } from './find.ts';
import { JUDGES, type Leaf, type Reading } from './judges.ts';
import type { ValuePath } from './path.ts';
import { readSource, type YamlSource } from './source.ts';
import type { Span } from './splice.ts';

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
    const at = (n: number): string => places[n]?.[i] ?? '';
    for (const [n, target] of wanted.entries()) {
      const leaf = after.leaf(i, at(n));
      const reading = target.readings[i];
      if (leaf === undefined || leaf.type !== reading?.type || leaf.value !== reading.value)
        fail(`${judge} does not read a target as wanted`);
    }
    const added = new Set(wanted.flatMap((target, n) => (target.added ? [at(n)] : [])));
    const edited = new Set(wanted.flatMap((target, n) => (target.added ? [] : [at(n)])));
    const removed = new Set(gone.map((list) => list[i] ?? ''));
    const old = without(before.leaves[i] ?? [], removed);
    const now = without(after.leaves[i] ?? [], added);
    if (old === undefined || now === undefined || old.length !== now.length) fail(`${judge} sees keys come or go`);
    for (const [n, leaf] of (now ?? []).entries()) {
      const was = old?.[n];
      if (was?.path !== leaf.path) fail(`${judge} sees keys come or go`);
      if ((was?.type !== leaf.type || was.value !== leaf.value) && !edited.has(leaf.path))
        fail(`${judge} sees a value change that nobody wanted`);
    }
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

function placesOf(source: YamlSource, { document, path }: Target, fail: Fail): readonly string[] {
  const site = attempt(() => find(source, document, path), 'a target is refused', fail);
  return site.kind === 'scalar' ? site.places : fail('a target is gone');
}

// The leaves but for those places, each of which must be there exactly once.
function without(leaves: readonly Leaf[], places: ReadonlySet<string>): readonly Leaf[] | undefined {
  if (places.size === 0) return leaves;
  const rest = leaves.filter((leaf) => !places.has(leaf.path));
  return leaves.length - rest.length === places.size ? rest : undefined;
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
