/** One target against one source: what stands there, what is to be written, who owns it. Pure. */
import { oneLine } from '../text/index.ts';
import {
  type Change,
  find,
  formatPath,
  isEqual,
  pinOf,
  type ScalarSite,
  type ValuePath,
  type YamlSource,
} from '../yaml/index.ts';
import { type ImagePolicy, planImage } from './image-map.ts';
import { currentRef, readImage, sameRef } from './image-site.ts';
import type { OwnedSite } from './order.ts';
import { type RestoreTarget, refText, type ScalarTarget, type ScalarText, type Target } from './target.ts';

export interface TargetState {
  target: Target;
  changes: readonly Change[];
  equal: boolean;
  site: OwnedSite;
  /** What stands there now and what is wanted, for people. */
  from: string | null;
  to: string;
  /** The first condition that does not hold, or undefined. */
  mismatch: string | undefined;
  /** Why somebody pinned the target by a comment on its line; undefined when nobody did. */
  pin: string | undefined;
}

/** @throws ActionError every refusal of the YAML and image modules */
export function planTarget(source: YamlSource, target: Target, policy: ImagePolicy): readonly Change[] {
  if (target.kind === 'image') return planImage(source, target, policy);
  if (target.kind === 'scalar') return [scalarChange(target, policy)];
  return restoreChanges(target);
}

/** @param done changes of this run that stand there already: a condition on them holds by their new value */
export function stateOf(
  source: YamlSource,
  target: Target,
  changes: readonly Change[],
  done: readonly Change[],
): TargetState {
  const equal = changes.every((change) => isEqual(source, change));
  return {
    target,
    changes,
    equal,
    ...siteOf(source, target),
    to: wantedText(target),
    mismatch: mismatchOf(source, target, done) ?? movedOn(source, target),
    pin: equal ? undefined : pinned(source, target, changes),
  };
}

/** The text a target gets, for outputs and people. */
function wantedText(target: Target): string {
  if (target.kind === 'scalar') return target.value;
  if (target.kind === 'restore') return target.trailer.value;
  return `${target.want.tag ?? ''}${target.want.digest === undefined ? '' : `@${target.want.digest}`}`;
}

/** Value of a target in its trailer: a whole reference for an image. */
export function trailerOf(target: Target): { kind: 'image' | 'scalar'; value: string } {
  if (target.kind === 'image') return { kind: 'image', value: refText(target.want) };
  return target.kind === 'scalar' ? { kind: 'scalar', value: target.value } : target.trailer;
}

function scalarChange(target: ScalarTarget, policy: ImagePolicy): Change {
  return {
    document: target.document,
    path: target.path,
    value: target.value,
    type: target.type,
    mayChangeType: target.mayChangeType === true,
    quoted: target.quoted === true,
    ...(policy.ifMissing === 'create' ? { ifMissing: 'create' as const } : {}),
  };
}

function restoreChanges(target: RestoreTarget): Change[] {
  return target.scalars.map(({ path, to }) => ({
    document: target.document,
    path,
    value: to.text,
    type: to.type,
    mayChangeType: true,
  }));
}

function siteOf(source: YamlSource, target: Target): { site: OwnedSite; from: string | null } {
  const { id } = target;
  if (target.kind === 'image') {
    const now = currentRef(readImage(source, target));
    const shown = `${now.tag}${now.digest === '' ? '' : `@${now.digest}`}`;
    const matches = (logged: string): boolean => sameRef(now, logged);
    return {
      from: shown || null,
      site: { id, revision: now.revision, tag: now.tag, empty: shown === '', matches },
    };
  }
  const paths = target.kind === 'scalar' ? [target.path] : target.scalars.map(({ path }) => path);
  const texts = paths.map((path) => textAt(source, target.document, path) ?? '');
  const text = texts.join(' ').trim();
  // What comes back has a guard of its own: it stands there as the handoff left it, or nothing is written.
  const empty = text === '' || target.kind === 'restore';
  return { from: text || null, site: { id, revision: '', tag: '', empty, matches: (logged) => logged === texts[0] } };
}

function movedOn(source: YamlSource, target: Target): string | undefined {
  if (target.kind !== 'restore') return undefined;
  for (const { path, from, to } of target.scalars) {
    const found = find(source, target.document, path);
    const now = found.kind === 'scalar' ? scalarText(found) : undefined;
    if ([from, to].some((s) => s.type === now?.type && s.text === now.text)) continue;
    return `${shown(path)} ${now === undefined ? 'is gone' : `is "${oneLine(now.text, 80)}"`}, the handoff wrote "${oneLine(from.text, 80)}": somebody moved on`;
  }
  return undefined;
}

/** A scalar as its source says it, for the way back. */
export function scalarText(site: ScalarSite): ScalarText {
  const type = site.value === null ? 'null' : typeof site.value;
  if (type === 'number' || type === 'boolean' || type === 'null')
    return { type, text: site.style === 'empty' ? '' : site.text };
  return { type: 'string', text: site.text };
}

function mismatchOf(source: YamlSource, target: Target, done: readonly Change[]): string | undefined {
  for (const [path, wanted] of target.onlyIf) {
    const text = textAt(source, target.document, path);
    if (text === wanted) continue;
    const own = done.find((c) => c.document === target.document && formatPath(c.path) === formatPath(path));
    if (own !== undefined && own.value === text) continue;
    return `${shown(path)} ${text === undefined ? 'is not there' : `is "${oneLine(text, 80)}"`}, expected "${oneLine(wanted, 80)}"`;
  }
  return undefined;
}

function pinned(source: YamlSource, target: Target, changes: readonly Change[]): string | undefined {
  for (const path of [target.path, ...changes.map((c) => c.path)]) {
    const why = pinOf(source, target.document, path);
    if (why !== undefined) return why;
  }
  return undefined;
}

function textAt(source: YamlSource, document: number | undefined, path: ValuePath): string | undefined {
  const found = find(source, document, path);
  return found.kind === 'scalar' ? found.text : undefined;
}

function shown(path: ValuePath): string {
  return oneLine(formatPath(path), 120);
}
