/** From a listing to what is scanned, what a lock governs, and what nobody here can read. Pure. */
import { type Format, formatOf, type Unread, unreadOf } from './formats.ts';

export interface Candidate {
  file: string;
  format: Format;
}

export interface Selection {
  scan: Candidate[];
  /** Manifests governed by a lock: manifest to lock. */
  governed: Map<string, string>;
  unsupported: Unread[];
}

/**
 * @param listing files of the folders, relative to the workspace
 * @param named files that the user named, always read
 * @param excluded true for what the globs exclude; named files are never asked
 */
export function selectFiles(
  listing: readonly string[],
  named: readonly string[],
  excluded: (file: string) => boolean,
): Selection {
  const files = [...new Set(listing)].filter((file) => !excluded(file)).sort();
  const all = new Set([...files, ...named]);
  const selection: Selection = { scan: [], governed: new Map(), unsupported: [] };
  for (const file of [...all].sort()) {
    const format = formatOf(file, named.includes(file));
    if (format !== undefined) {
      // npm itself prefers the shrinkwrap of the same folder.
      const shrinkwrap = file.replace(/package-lock\.json$/, 'npm-shrinkwrap.json');
      if (shrinkwrap !== file && all.has(shrinkwrap) && !named.includes(file)) selection.governed.set(file, shrinkwrap);
      else selection.scan.push({ file, format });
      continue;
    }
    const unread = unreadOf(file, all);
    if (unread?.lock !== undefined) selection.governed.set(file, unread.lock);
    else if (unread !== undefined) selection.unsupported.push(unread);
  }
  return selection;
}
