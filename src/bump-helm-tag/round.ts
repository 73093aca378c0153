/** One round on one snapshot: what stands there, what would be written. Pure. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { type Applied, type Change, editValues, isEqual, openSource, type YamlSource } from '../yaml/index.ts';
import type { Snapshot } from './config-repository.ts';
import type { ImagePolicy } from './image-map.ts';
import { planTarget, stateOf, type TargetState } from './state.ts';
import type { Target } from './target.ts';

/** @throws ActionError E_FILE_MISSING, and every refusal of the YAML and image modules */
export function examine(targets: readonly Target[], snapshot: Snapshot, policy: ImagePolicy): readonly TargetState[] {
  const sources = new Map<string, YamlSource>();
  for (const { file } of targets) if (!sources.has(file)) sources.set(file, openFile(snapshot, file));
  const planned = targets.map((target) => {
    const source = sources.get(target.file) as YamlSource;
    const changes = planTarget(source, target, policy);
    return { target, source, changes, equal: changes.every((change) => isEqual(source, change)) };
  });
  const still = planned.every(({ target, equal }) => equal || follows(target));
  // When everything stands there already, a condition on a scalar of this run holds by its new value: a repeated run is no
  // mismatch. With anything left to write the conditions are taken by the letter.
  const done = still ? planned : [];
  return planned.map(({ target, source, changes }) => {
    const own = done.filter((p) => p.target.file === target.file).flatMap((p) => p.changes);
    return stateOf(source, target, still && follows(target) ? [] : changes, own);
  });
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

/** @throws ActionError E_FILE_MISSING, and what openSource refuses */
export function openFile(snapshot: Pick<Snapshot, 'head' | 'files'>, path: string): YamlSource {
  const found = snapshot.files.get(path);
  if (found === null || found === undefined) {
    throw new ActionError('E_FILE_MISSING', {
      what: `file ${oneLine(path, 200)}`,
      why: `it is not in the commit ${snapshot.head.slice(0, 12)}`,
      fix: 'Correct the path, or add the file first',
    });
  }
  return openSource(found.bytes, path);
}

function follows(target: Target): boolean {
  return target.kind === 'scalar' && target.follows === true;
}
