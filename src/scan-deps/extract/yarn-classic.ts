/** yarn.lock of Yarn 1: its own indented format, read line by line in one pass. */

import { sourceOfSpec, splitAt } from './npm-spec.ts';
import { extractor, Refusal, type Sheet } from './sheet.ts';
import { lockGraph, type YarnEntry } from './yarn-graph.ts';

const MAX_LINE = 100_000;

export const extractYarnClassic = extractor('npm', 'yarn-lock', (text, sheet) => {
  const version = /^# yarn lockfile v(\d{1,4})[ \t\r]*$/m.exec(text.slice(0, 2000))?.[1];
  if (version !== undefined && version !== '1') throw new Refusal('its lock version is not 1', 1);
  lockGraph(scan(text, sheet), sheet);
});

function scan(text: string, sheet: Sheet): YarnEntry[] {
  const entries: YarnEntry[] = [];
  let entry: YarnEntry | undefined;
  let inDependencies = false;
  let number = 0;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    number += 1;
    const indent = indentOf(text, start, end);
    const line = text.slice(start + indent, end > start && text.charCodeAt(end - 1) === 0x0d ? end - 1 : end);
    start = end + 1;
    if (line === '' || line.startsWith('#')) continue;
    if (line.length > MAX_LINE) throw new Refusal('a line is too long', number);
    if (indent === 0) {
      entry = beginEntry(line, number);
      if (entry === undefined) sheet.problem('a line that no yarn.lock has', number);
      else entries.push(entry);
      inDependencies = false;
    } else if (indent === 2 && line.endsWith(':')) inDependencies = /^(?:optionalD|d)ependencies:$/.test(line);
    else if (entry !== undefined) {
      const [key, value] = pair(line);
      if (indent > 2) {
        if (inDependencies && value !== undefined) entry.wants.push([key, value]);
      } else if (key === 'version' && value !== undefined) {
        entry.version = value;
        entry.line = number;
      } else if (key === 'resolved' && value !== undefined) entry.resolved = value;
    }
  }
  return entries;
}

function indentOf(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && text.charCodeAt(at) === 0x20) at += 1;
  return at - start;
}

/** `a@^1, "b@^1 || ^2":` */
function beginEntry(line: string, number: number): YarnEntry | undefined {
  if (!line.endsWith(':')) return undefined;
  const patterns = line.slice(0, -1).split(/,\s?/).map(unquote);
  const { name, rest } = splitAt(patterns[0] ?? '');
  if (name === '') return undefined;
  const real = rest.startsWith('npm:') ? splitAt(rest.slice(4)).name : '';
  return { name: real || name, patterns, line: number, source: sourceOfSpec(rest) ?? 'registry', wants: [] };
}

function pair(line: string): [string, string | undefined] {
  // A quoted key may hold a blank, so that its closing quote ends it.
  const end = line.startsWith('"') ? line.indexOf('"', 1) + 1 : line.indexOf(' ');
  if (end <= 0) return [unquote(line), undefined];
  return [unquote(line.slice(0, end)), unquote(line.slice(end).trim())];
}

function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
