/** What BuildKit says in passing: findings of its checks, and a cache that could not be exported. Pure. */
import { oneLine } from '../../text/index.ts';
import type { Note } from './port.ts';

const MAX_NOTES = 50;

/** @param log the end of the plain progress output */
export function buildKitNotes(log: string): Note[] {
  // Colours are there even without a terminal.
  const lines = log.split(/\r?\n/).map((line) => oneLine(line, 2000));
  const notes = [...findings(lines), ...cacheFailures(lines)];
  return notes.slice(0, MAX_NOTES);
}

// " 1 warning found (use docker --debug to expand):" and then " - Rule: text (line 3)".
function findings(lines: readonly string[]): Note[] {
  const start = lines.findIndex((line) => /^\s*\d+ warnings? found\b/.test(line));
  if (start < 0) return [];
  const found: Note[] = [];
  for (const line of lines.slice(start + 1)) {
    const match = /^\s*- ([A-Za-z]\w*): (.*?)(?: \(line (\d+)\))?$/.exec(line);
    if (match === null) break;
    const text = `${match[1]}: ${oneLine(match[2] ?? '', 500)}`;
    found.push({ code: 'W_BUILD_CHECK', text, ...(match[3] === undefined ? {} : { line: Number(match[3]) }) });
  }
  return found;
}

// "#12 exporting to GitHub Actions Cache" or "#12 exporting cache to registry", and later "#12 ERROR: …".
function cacheFailures(lines: readonly string[]): Note[] {
  const exports = new Set(
    lines.flatMap((line) => /^#(\d+) exporting (?:to GitHub Actions Cache|cache to )/.exec(line)?.[1] ?? []),
  );
  return lines.flatMap((line): Note[] => {
    const [, step = '', text = ''] = /^#(\d+) ERROR: (.*)$/.exec(line) ?? [];
    return exports.has(step)
      ? [{ code: 'W_CACHE_EXPORT', text: `the cache was not exported: ${oneLine(text, 300)}` }]
      : [];
  });
}
