/** From inputs to targets, in stable order. Pure. */
import { type ActionError, inputError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { formatPath, parsePath, type ScalarType, type ValuePath } from '../yaml/index.ts';
import { checkFilePath } from './file-path.ts';
import {
  checkWant,
  DEFAULT_KEYS,
  type ImageKeys,
  type ImageWant,
  KUSTOMIZE_KEYS,
  splitRef,
  type Target,
} from './target.ts';
import { type Entry, readEntries } from './updates.ts';

const MAX_FILES = 20;
const MAX_EDITS = 100;

export interface PlanInputs {
  /** YAML list of entries, may be empty. */
  updates: string;
  /** Shortcut: one image entry each, at `imagePath`. */
  files: readonly string[];
  imagePath: string;
  want: ImageWant | undefined;
  /** Image entries without a `ref` take tag, digest and revision from another file. */
  promote?: boolean;
}

/**
 * @returns at least one target, no two for one place
 * @throws ActionError E_INPUT (all problems together), E_PATH_SYNTAX, E_PATH_FORBIDDEN
 */
export function makePlan(o: PlanInputs): readonly Target[] {
  const entries: Entry[] = [...o.files.map((file) => ({ file, image: o.imagePath })), ...readEntries(o.updates)];
  if (entries.length === 0)
    throw inputError([{ input: 'file, updates', problem: 'at least one of them must name a target' }]);
  const targets = entries.flatMap((e, i) => toTargets(e, i, o));
  checkTargets(targets);
  return targets;
}

/** @throws ActionError E_INPUT for two targets of one place, and beyond the limits */
function checkTargets(targets: readonly Target[]): void {
  const seen = new Set<string>();
  for (const { id } of targets) {
    if (seen.has(id)) throw inputError([{ input: 'updates', problem: `two entries for ${oneLine(id, 300)}` }]);
    seen.add(id);
  }
  const files = new Set(targets.map((t) => t.file));
  if (files.size > MAX_FILES)
    throw inputError([{ input: 'updates', problem: `${files.size} files are more than ${MAX_FILES}` }]);
  if (targets.length > MAX_EDITS)
    throw inputError([{ input: 'updates', problem: `${targets.length} edits are more than ${MAX_EDITS}` }]);
}

/** The name of a target in trailers and outputs. */
export function targetId(file: string, document: number | undefined, path: ValuePath): string {
  return `${file}#${document ?? 0}#${formatPath(path)}`;
}

/** The way back from a name. @throws ActionError E_PATH_SYNTAX, E_PATH_FORBIDDEN; undefined when it is none */
export function parseTargetId(id: string): { file: string; document: number; path: ValuePath } | undefined {
  const [, file = '', document = '', path = ''] = /^([^#]+)#(\d{1,3})#(.+)$/.exec(id) ?? [];
  if (file === '') return undefined;
  checkFilePath(file);
  return { file, document: Number(document), path: parsePath(path) };
}

type Bad = (problem: string) => ActionError;

function toTargets(e: Entry, index: number, o: PlanInputs): Target[] {
  const where = `entry ${index + 1}`;
  const bad: Bad = (problem) => inputError([{ input: 'updates', problem: `${where}: ${problem}` }]);
  const files = e.files ?? (e.file === undefined ? [] : [e.file]);
  if (files.length === 0 || (e.file !== undefined && e.files !== undefined))
    throw bad('name the values file with file, or several with files');
  if ([e.image, e.path, e.kustomize].filter((kind) => kind !== undefined).length !== 1)
    throw bad('name one of image (an image map), path (one scalar) and kustomize (an image of a kustomization)');
  const onlyIf = Object.entries(e['only-if'] ?? {}).map(([path, text]) => [parsePath(path), text] as const);
  const path = e.kustomize === undefined ? parsePath(e.image ?? e.path ?? '') : kustomizePath(e.kustomize);
  if (e.path === undefined && (e.value !== undefined || e.type !== undefined))
    throw bad('value and type belong to path entries');
  return files.map((file) => {
    checkFilePath(file);
    const base = { id: targetId(file, e.document, path), file, document: e.document, path, onlyIf };
    if (e.path !== undefined) return { ...base, kind: 'scalar', ...scalarOf(e, bad) };
    return { ...base, kind: 'image', ...imageOf(e, o, bad) };
  });
}

function kustomizePath(name: string): ValuePath {
  return [{ key: 'images' }, { where: ['name', name] }];
}

function imageOf(e: Entry, o: PlanInputs, bad: Bad): { want: ImageWant; keys: ImageKeys; promote?: true } {
  if (e.kustomize !== undefined && e.keys !== undefined) throw bad('keys belong to image entries');
  const keys = e.kustomize !== undefined ? KUSTOMIZE_KEYS : { ...DEFAULT_KEYS, ...e.keys };
  if (e.ref === undefined && o.promote === true) {
    if (e.revision !== undefined) throw bad('revision is read from from-file');
    return { want: o.want ?? { image: '', tag: undefined, digest: undefined }, keys, promote: true };
  }
  const wanted = e.ref === undefined ? o.want : parseRef(e.ref, bad);
  if (wanted === undefined) throw bad('an image needs image and tag or digest from the inputs, or its own ref');
  return { want: { ...wanted, revision: e.revision }, keys };
}

function scalarOf(e: Entry, bad: Bad): { value: string; type: ScalarType } {
  if (e.ref !== undefined || e.keys !== undefined || e.revision !== undefined)
    throw bad('ref, keys and revision belong to image entries');
  if (e.value === undefined) throw bad('value is missing');
  const actual: ScalarType = e.value === null ? 'null' : (typeof e.value as 'string' | 'number' | 'boolean');
  const type = e.type ?? 'string';
  if (type !== actual) throw bad(`value is a ${actual}, not a ${type}: quote it, or state type: ${actual}`);
  return { value: e.value === null ? 'null' : typeof e.value === 'string' ? e.value : JSON.stringify(e.value), type };
}

/** `registry/repository[:tag][@digest]` with at least one of both. */
function parseRef(text: string, bad: Bad): ImageWant {
  const parts = splitRef(text);
  const want = { image: parts.image, tag: parts.tag || undefined, digest: parts.digest || undefined };
  if (want.tag === undefined && want.digest === undefined)
    throw bad(`ref "${oneLine(text, 120)}" has neither a tag nor a digest`);
  const problem = checkWant(want);
  if (problem !== undefined) throw bad(`ref "${oneLine(text, 120)}": ${problem}`);
  return want;
}
