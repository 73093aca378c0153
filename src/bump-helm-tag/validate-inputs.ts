/** What is validated: the chart and the values files of a head, with the edited bytes in place. */
import { createHash } from 'node:crypto';
import { ActionError, inputError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { ConfigRepository } from './config-repository.ts';

export interface ValidationWish {
  mode: 'parse' | 'schema' | 'helm';
  /** Folder of the chart from the root of the config repository; `.` or empty for the root itself. */
  chart: string;
  /** Further values files, as given to helm with -f: later ones win. */
  values: readonly string[];
}

export interface ValidationInputs {
  mode: ValidationWish['mode'];
  chart: string;
  values: readonly string[];
  /** Files of the chart and values files, by their path from the root of the repository. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Edited files that nothing of this looks at. */
  ignored: readonly string[];
}

const LIMITS = { files: 500, bytes: 5 * 1024 * 1024 };

/** @throws ActionError E_PATH_FORBIDDEN, E_INPUT */
export function checkWish(wish: ValidationWish): void {
  for (const path of [folderOf(wish.chart), ...wish.values]) if (path !== '') checkPath(path);
  if (new Set(wish.values).size < wish.values.length)
    throw inputError([{ input: 'values', problem: 'names a file twice' }]);
}

/**
 * @param edits new bytes by path
 * @throws ActionError E_PATH_MISSING, E_FILE_MISSING, E_FILE_TOO_LARGE, E_PATH_FORBIDDEN, and E_INPUT when this is no chart,
 *   or when nothing that changes would be looked at
 */
export async function readInputs(
  wish: ValidationWish,
  head: string,
  edits: ReadonlyMap<string, Uint8Array>,
  repository: Pick<ConfigRepository, 'folder' | 'readAt'>,
  signal: AbortSignal,
): Promise<ValidationInputs> {
  const chart = folderOf(wish.chart);
  const within = (path: string): boolean => chart === '' || path.startsWith(`${chart}/`);
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of await repository.folder(head, chart || '.', LIMITS, signal)) {
    // The names come from the host: one that leaves the folder would be written outside of the temporary one.
    checkPath(path);
    if (!within(path)) throw forbidden(path, 'the host lists it in the chart folder, and it is not there');
    files.set(path, bytes);
  }
  for (const [path, bytes] of edits) if (within(path)) files.set(path, bytes);
  const outside = wish.values.filter((path) => !files.has(path));
  const unread = outside.filter((path) => !edits.has(path));
  const read = unread.length === 0 ? new Map() : await repository.readAt(head, unread, signal);
  for (const path of outside) {
    const bytes = edits.get(path) ?? read.get(path);
    if (bytes === undefined || bytes === null) throw missing(path, head);
    files.set(path, bytes);
  }
  checkSize(files);
  if (!files.has(join(chart, 'Chart.yaml')))
    throw inputError([{ input: 'chart', problem: `${shown(chart)} holds no Chart.yaml: it is no chart` }]);
  const ignored = [...edits.keys()].filter((path) => !files.has(path));
  if (ignored.length === edits.size && edits.size > 0) {
    throw inputError([
      {
        input: 'chart, values',
        problem: `none of the files that change is among them (${oneLine(ignored.join(', '), 200)})`,
      },
    ]);
  }
  return { mode: wish.mode, chart, values: wish.values, files, ignored };
}

/** The same for the same question: mode, chart, order of the values files, and every byte that is looked at. */
export function inputsKey({ mode, chart, values, files }: ValidationInputs): string {
  const hash = createHash('sha256');
  // JSON ends each part where it ends: no two questions run together into one text.
  hash.update(JSON.stringify([mode, chart, values]));
  for (const path of [...files.keys()].sort()) {
    const bytes = files.get(path) ?? new Uint8Array();
    hash.update(JSON.stringify([path, bytes.length])).update(bytes);
  }
  return hash.digest('hex');
}

export function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function folderOf(chart: string): string {
  const path = chart.replace(/\/+$/, '').replace(/^\.\//, '');
  return path === '.' ? '' : path;
}

function shown(chart: string): string {
  return chart === '' ? 'the root of the repository' : oneLine(chart, 200);
}

function checkSize(files: ReadonlyMap<string, Uint8Array>): void {
  const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0);
  if (files.size <= LIMITS.files && bytes <= LIMITS.bytes) return;
  throw new ActionError('E_FILE_TOO_LARGE', {
    what: 'chart and values files',
    why: `${files.size} files of ${bytes} bytes are more than ${LIMITS.files} files of ${LIMITS.bytes} bytes`,
    fix: 'Name a smaller chart folder, or validate it in the config repository',
  });
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path.length > 1024 || /[\u0000-\u001f\u007f\\]/.test(path))
    throw forbidden(path, 'it is too long, or holds \\ or controls');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw forbidden(path, 'it has an empty, . or .. segment');
}

function forbidden(path: string, why: string): ActionError {
  return new ActionError('E_PATH_FORBIDDEN', {
    what: `path "${oneLine(path, 200)}"`,
    why,
    fix: 'Name files and folders by their path from the root of the config repository',
  });
}

function missing(path: string, head: string): ActionError {
  return new ActionError('E_FILE_MISSING', {
    what: `values file ${oneLine(path, 200)}`,
    why: `it is not in the commit ${head.slice(0, 12)}`,
    fix: 'Correct values',
  });
}
