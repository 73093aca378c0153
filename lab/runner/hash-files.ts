/** hashFiles(): one SHA-256 over the SHA-256 of every file that the patterns take, in order of path. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import picomatch from 'picomatch';

/** @param patterns globs relative to the folder; `!` takes files out again. @returns '' when nothing matches */
export function hashFiles(folder: string, patterns: readonly string[]): string {
  const rules = patterns
    .flatMap((pattern) => pattern.split('\n'))
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => {
      const out = pattern.startsWith('!');
      return { out, match: picomatch((out ? pattern.slice(1) : pattern).replace(/^\.?\//, ''), { dot: true }) };
    });
  const taken = files(folder).filter((path) =>
    rules.reduce((kept, rule) => (rule.match(path) ? !rule.out : kept), false),
  );
  if (taken.length === 0) return '';
  const all = createHash('sha256');
  for (const path of taken)
    all.update(
      createHash('sha256')
        .update(readFileSync(join(folder, path)))
        .digest(),
    );
  return all.digest('hex');
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
