/** From a listing to what is scanned, what a lock governs, and what nobody here can read. Pure. */
import { beside, type Format, formatOf, governorOf, unreadOf } from './formats.ts';

export interface Candidate {
  file: string;
  format: Format;
  /** The user named this very file: it is read, whatever governs it. */
  named: boolean;
}

export interface Selection {
  scan: Candidate[];
  /** What needs no reading beside a lock of its folder: file to lock. */
  governed: Map<string, string>;
  unsupported: { file: string; kind: 'manifest' | 'lock' }[];
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
  const files = [...new Set(listing)].filter((file) => !excluded(file));
  const all = new Set([...files, ...named].sort());
  const chosen = new Set(named);
  const selection: Selection = { scan: [], governed: new Map(), unsupported: [] };
  for (const file of all) {
    const governor = chosen.has(file) ? undefined : governing(file, all);
    const format = formatOf(file, chosen.has(file));
    const kind = unreadOf(file);
    if (governor !== undefined) selection.governed.set(file, governor);
    else if (format !== undefined) selection.scan.push({ file, format, named: chosen.has(file) });
    else if (kind !== undefined) selection.unsupported.push({ file, kind });
  }
  return selection;
}

function governing(file: string, all: ReadonlySet<string>): string | undefined {
  // npm itself prefers the shrinkwrap of the same folder.
  const shrinkwrap = beside(file, 'npm-shrinkwrap.json');
  if (file.endsWith('package-lock.json') && file !== shrinkwrap && all.has(shrinkwrap)) return shrinkwrap;
  return governorOf(file, all);
}
