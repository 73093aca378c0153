// Files for an artifact: paths and globs as actions/upload-artifact reads them.
import { existsSync, globSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';

/**
 * @param patterns lines; `!` takes out again; a folder means all that is in it
 * @returns the files, sorted, and the folder that their paths in the artifact are relative to
 */
export function collect(patterns, { hidden = false, cwd = process.cwd() } = {}) {
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!')).map((pattern) => absolute(pattern, cwd));
  const unwanted = patterns
    .filter((pattern) => pattern.startsWith('!'))
    .flatMap((pattern) => expand(absolute(pattern.slice(1), cwd)));
  const excluded = new Set(unwanted.flatMap(filesUnder));
  const files = [...new Set(wanted.flatMap(expand).flatMap(filesUnder))]
    .filter((file) => !excluded.has(file))
    .filter(
      (file) =>
        hidden ||
        !relativeTo(commonFolder(wanted.map(searchRoot)), file)
          .split(sep)
          .some(isHidden),
    )
    .sort();
  return { files, root: rootOf(wanted, files) };
}

export function relativeTo(folder, file) {
  return file.startsWith(`${folder}${sep}`) ? file.slice(folder.length + 1) : file;
}

/** Several patterns: their common folder. One: what it searches in, or the folder of the one file that it names. */
function rootOf(wanted, files) {
  if (wanted.length > 1) return commonFolder(wanted.map(searchRoot));
  const [only = '/'] = wanted;
  const root = searchRoot(only);
  return files.length === 1 && files[0] === root ? dirname(root) : root;
}

function absolute(pattern, cwd) {
  const home = pattern.replace(/^~(?=\/|$)/, process.env.HOME ?? '~');
  return isAbsolute(home) ? home : resolve(cwd, home);
}

/** The part of a pattern before its first wildcard. */
function searchRoot(pattern) {
  const parts = pattern.split('/');
  const first = parts.findIndex((part) => /[*?[\]{}]/.test(part));
  return (first < 0 ? parts : parts.slice(0, first)).join('/').replace(/\/$/, '') || '/';
}

function commonFolder(folders) {
  const split = folders.map((folder) => folder.split('/'));
  const [first = ['']] = split;
  let length = 0;
  while (length < first.length && split.every((parts) => parts[length] === first[length])) length += 1;
  return first.slice(0, length).join('/') || '/';
}

function expand(pattern) {
  if (searchRoot(pattern) === pattern.replace(/\/$/, ''))
    return existsSync(pattern) ? [pattern.replace(/\/$/, '')] : [];
  return globSync(pattern);
}

function filesUnder(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function isHidden(part) {
  return part.startsWith('.');
}
