/** One round on one snapshot: what stands there, who owns it, what would be written. Pure but for the log of the snapshot. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import {
  type Applied,
  type Change,
  editValues,
  find,
  formatPath,
  isEqual,
  openSource,
  scalarAt,
  type YamlSource,
} from '../yaml/index.ts';
import type { Snapshot } from './config-repository.ts';
import { currentRef, type ImagePolicy, planImage, readImage } from './image-map.ts';
import type { OwnedSite } from './order.ts';
import type { Target } from './plan.ts';

export interface TargetState {
  target: Target;
  changes: readonly Change[];
  equal: boolean;
  site: OwnedSite;
  /** What stands there now, for people. */
  from: string | null;
  /** The first only-if that does not hold, or undefined. */
  mismatch: string | undefined;
}

export interface RoundState {
  states: readonly TargetState[];
  sources: ReadonlyMap<string, YamlSource>;
}

/** @throws ActionError E_FILE_MISSING, and every refusal of the YAML and image modules */
export function examine(targets: readonly Target[], snapshot: Snapshot, policy: ImagePolicy): RoundState {
  const sources = new Map<string, YamlSource>();
  for (const { file } of targets) {
    if (sources.has(file)) continue;
    const found = snapshot.files.get(file);
    if (found === null || found === undefined) {
      throw new ActionError('E_FILE_MISSING', {
        what: `file ${oneLine(file, 200)}`,
        why: `it is not in the commit ${snapshot.head.slice(0, 12)}`,
        fix: 'Correct the path, or add the file first',
      });
    }
    sources.set(file, openSource(found.bytes, file));
  }
  const planned = targets.map((target) => {
    const source = sources.get(target.file) as YamlSource;
    return {
      target,
      source,
      changes: target.kind === 'image' ? planImage(source, target, policy) : [scalarChange(target)],
    };
  });
  const equal = planned.map(({ source, changes }) => changes.every((change) => isEqual(source, change)));
  // When everything stands there already, a condition on a scalar of this run holds by its new value: a repeated run is no
  // mismatch. With anything left to write the conditions are taken by the letter.
  const done = equal.every(Boolean) ? planned : [];
  const states = planned.map(({ target, source, changes }, i): TargetState => {
    const own = done.filter((p) => p.target.file === target.file).flatMap((p) => p.changes);
    const { site, from } = target.kind === 'image' ? imageSite(source, target) : scalarSite(source, target);
    return { target, changes, equal: equal[i] === true, site, from, mismatch: mismatchOf(source, target, own) };
  });
  return { states, sources };
}

export interface FileEdit {
  path: string;
  mode: string;
  before: Uint8Array;
  bytes: Uint8Array;
  applied: readonly Applied[];
}

/** The new bytes of every file that changes, each proven. */
export function applyEdits(states: readonly TargetState[], snapshot: Snapshot): FileEdit[] {
  const byFile = new Map<string, Change[]>();
  for (const { target, changes } of states) byFile.set(target.file, [...(byFile.get(target.file) ?? []), ...changes]);
  return [...byFile].flatMap(([path, changes]) => {
    const file = snapshot.files.get(path);
    if (!file) return [];
    const { bytes, applied } = editValues(file.bytes, path, changes);
    return applied.length === 0 ? [] : [{ path, mode: file.mode, before: file.bytes, bytes, applied }];
  });
}

function scalarChange(target: Extract<Target, { kind: 'scalar' }>): Change {
  return { document: target.document, path: target.path, value: target.value, type: target.type, mayChangeType: false };
}

function scalarSite(
  source: YamlSource,
  target: Extract<Target, { kind: 'scalar' }>,
): { site: OwnedSite; from: string | null } {
  const found = scalarAt(source, target);
  const text = found.text;
  return {
    from: found.style === 'empty' ? null : text,
    site: {
      id: target.id,
      value: text,
      revision: '',
      tag: '',
      empty: found.style === 'empty',
      matches: (logged) => logged === text,
    },
  };
}

function imageSite(
  source: YamlSource,
  target: Extract<Target, { kind: 'image' }>,
): { site: OwnedSite; from: string | null } {
  const now = currentRef(readImage(source, target));
  const shown = `${now.tag}${now.digest === '' ? '' : `@${now.digest}`}`;
  return {
    from: shown === '' ? null : shown,
    site: {
      id: target.id,
      value: shown,
      revision: now.revision,
      tag: now.tag,
      empty: shown === '',
      // A chart without a digest key says the tag alone.
      matches: (logged) => {
        const match = /^[^@]*?(?::([^/:@]+))?(?:@(.+))?$/.exec(logged);
        return (
          (now.tag === '' || now.tag === (match?.[1] ?? '')) && (now.digest === '' || now.digest === (match?.[2] ?? ''))
        );
      },
    },
  };
}

function mismatchOf(source: YamlSource, target: Target, done: readonly Change[]): string | undefined {
  for (const [path, wanted] of target.onlyIf) {
    const found = find(source, target.document, path);
    const text = found.kind === 'scalar' ? found.text : undefined;
    if (text === wanted) continue;
    const own = done.find((c) => c.document === target.document && formatPath(c.path) === formatPath(path));
    if (own !== undefined && own.value === text) continue;
    const now = text === undefined ? 'is not there' : `is "${oneLine(text, 80)}"`;
    return `${oneLine(formatPath(path), 120)} ${now}, expected "${oneLine(wanted, 80)}"`;
  }
  return undefined;
}
