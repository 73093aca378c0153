/** From inputs to targets, in stable order. Pure. */
import { CORE_SCHEMA, load } from 'js-yaml';
import { z } from 'zod';
import { type ActionError, inputError } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import { formatPath, parsePath, type ScalarType, type ValuePath } from '../yaml/index.ts';
import { checkFilePath } from './file-path.ts';

export type ImageKey = 'registry' | 'repository' | 'tag' | 'digest' | 'revision';
/** Names of the keys in the chart's image map; null leaves a key alone. */
type ImageKeys = Readonly<Record<ImageKey, string | null>>;

export interface ImageWant {
  /** `registry/repository` */
  image: string;
  tag: string | undefined;
  digest: string | undefined;
  /** Full source commit of this image, when it is another one than the run's. */
  revision?: string | undefined;
}

interface TargetBase {
  /** `<file>#<document>#<path>`: the name of a target in trailers and outputs. */
  id: string;
  file: string;
  document: number | undefined;
  path: ValuePath;
  /** Value path -> text that must stand there in the same snapshot. */
  onlyIf: readonly (readonly [ValuePath, string])[];
}

export type Target =
  | (TargetBase & { kind: 'image'; want: ImageWant; keys: ImageKeys })
  | (TargetBase & { kind: 'scalar'; value: string; type: ScalarType });

const MAX_FILES = 20;
const MAX_EDITS = 100;

const DEFAULT_KEYS: ImageKeys = {
  registry: 'registry',
  repository: 'repository',
  tag: 'tag',
  digest: 'digest',
  revision: 'revision',
};

const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const IMAGE = /^[a-z0-9][a-zA-Z0-9.-]*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+$/;

const scalarText = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const entry = z.strictObject({
  file: z.string().optional(),
  files: z.array(z.string()).min(1).optional(),
  document: z.int().min(0).max(999).optional(),
  image: z.string().optional(),
  ref: z.string().optional(),
  revision: z
    .string()
    .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, { error: 'is not a full commit' })
    .optional(),
  keys: z
    .partialRecord(z.enum(['registry', 'repository', 'tag', 'digest', 'revision']), z.union([z.string(), z.null()]))
    .optional(),
  path: z.string().optional(),
  value: z
    .union([z.string(), z.number(), z.boolean(), z.null()], { error: 'is no text, finite number, boolean or null' })
    .optional(),
  type: z.enum(['string', 'number', 'boolean', 'null']).optional(),
  'only-if': z.record(z.string(), scalarText).optional(),
});
type Entry = z.output<typeof entry>;
const KNOWN = Object.keys(entry.shape);

/**
 * @param updates YAML list of entries, may be empty
 * @param files shortcut: one image entry each, at `imagePath`
 * @throws ActionError E_INPUT (all problems together), E_PATH_SYNTAX, E_PATH_FORBIDDEN
 */
export function makePlan(o: {
  updates: string;
  files: readonly string[];
  imagePath: string;
  want: ImageWant | undefined;
}): readonly Target[] {
  const entries: Entry[] = [...o.files.map((file) => ({ file, image: o.imagePath })), ...readEntries(o.updates)];
  if (entries.length === 0)
    throw inputError([{ input: 'file, updates', problem: 'at least one of them must name a target' }]);
  const targets = entries.flatMap((e, i) => toTargets(e, i, o.want));
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
  return targets;
}

function readEntries(text: string): Entry[] {
  if (text.trim() === '') return [];
  let list: unknown;
  try {
    list = load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    throw inputError([
      {
        input: 'updates',
        problem: `it is not YAML: ${oneLine((error as { reason?: string }).reason ?? 'unreadable', 200)}`,
      },
    ]);
  }
  if (!Array.isArray(list)) throw inputError([{ input: 'updates', problem: 'it is not a list' }]);
  const problems: { input: string; problem: string }[] = [];
  const entries: Entry[] = [];
  for (const [i, item] of list.entries()) {
    const result = entry.safeParse(item);
    if (result.success) entries.push(result.data);
    else
      for (const issue of result.error.issues)
        problems.push({ input: 'updates', problem: `entry ${i + 1}: ${explain(issue)}` });
  }
  if (problems.length > 0) throw inputError(problems);
  return entries;
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return oneLine(`${issue.path.map(String).join('.')}: ${issue.message}`, 200);
  const key = issue.keys[0] ?? '';
  const near = nearest(key, KNOWN);
  return `"${oneLine(key, 60)}" is not known${near === undefined ? '' : `; did you mean "${near}"`}`;
}

function toTargets(e: Entry, index: number, want: ImageWant | undefined): Target[] {
  const where = `entry ${index + 1}`;
  const bad = (problem: string): ActionError => inputError([{ input: 'updates', problem: `${where}: ${problem}` }]);
  const files = e.files ?? (e.file === undefined ? [] : [e.file]);
  if (files.length === 0 || (e.file !== undefined && e.files !== undefined))
    throw bad('name the values file with file, or several with files');
  if ((e.image === undefined) === (e.path === undefined))
    throw bad('name either image (an image map) or path (one scalar)');
  const onlyIf = Object.entries(e['only-if'] ?? {}).map(([path, text]) => [parsePath(path), text] as const);
  const pathText = e.image ?? e.path ?? '';
  const path = parsePath(pathText);
  if (e.image !== undefined && (e.value !== undefined || e.type !== undefined))
    throw bad('value and type belong to path entries');
  return files.map((file) => {
    checkFilePath(file);
    const base = { id: `${file}#${e.document ?? 0}#${formatPath(path)}`, file, document: e.document, path, onlyIf };
    if (e.image === undefined) return { ...base, kind: 'scalar', ...scalarOf(e, bad) };
    const wanted = e.ref === undefined ? want : parseRef(e.ref, bad);
    if (wanted === undefined) throw bad('an image needs image and tag or digest from the inputs, or its own ref');
    return { ...base, kind: 'image', want: { ...wanted, revision: e.revision }, keys: { ...DEFAULT_KEYS, ...e.keys } };
  });
}

function scalarOf(e: Entry, bad: (problem: string) => ActionError): { value: string; type: ScalarType } {
  if (e.ref !== undefined || e.keys !== undefined || e.revision !== undefined)
    throw bad('ref, keys and revision belong to image entries');
  if (e.value === undefined) throw bad('value is missing');
  const actual: ScalarType = e.value === null ? 'null' : (typeof e.value as 'string' | 'number' | 'boolean');
  const type = e.type ?? 'string';
  if (type !== actual) throw bad(`value is a ${actual}, not a ${type}: quote it, or state type: ${actual}`);
  return { value: e.value === null ? 'null' : typeof e.value === 'string' ? e.value : JSON.stringify(e.value), type };
}

/** `registry/repository[:tag][@digest]` with at least one of both. */
function parseRef(text: string, bad: (problem: string) => ActionError): ImageWant {
  const match = /^(.+?)(?::([^/:@]+))?(?:@([^@]+))?$/.exec(text);
  const [, image = '', tag, digest] = match ?? [];
  if (tag === undefined && digest === undefined)
    throw bad(`ref "${oneLine(text, 120)}" has neither a tag nor a digest`);
  const problem = checkWant({ image, tag, digest });
  if (problem !== undefined) throw bad(`ref "${oneLine(text, 120)}": ${problem}`);
  return { image, tag, digest };
}

/** What is wrong with an image, tag or digest; undefined when nothing is. */
export function checkWant(want: ImageWant): string | undefined {
  if (!IMAGE.test(want.image) || want.image.length > 255) return 'image is not registry/repository in lower case';
  if (want.tag !== undefined && !TAG.test(want.tag)) return 'the tag is none';
  if (want.digest !== undefined && !DIGEST.test(want.digest))
    return 'the digest is not sha256: and 64 lower-case hex digits';
  return undefined;
}
