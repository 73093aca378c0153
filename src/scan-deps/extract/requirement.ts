/** One requirement of PEP 508, as pip takes it from a line. Markers never drop a line: another machine may install it. */

export interface Requirement {
  name: string;
  clauses: { operator: string; version: string }[];
  source: 'registry' | 'git' | 'url' | 'path';
}

const MAX_LINE = 100_000;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,212}[A-Za-z0-9])?(?![A-Za-z0-9._-])/;
const URL_LIKE = /^(?:[a-z][a-z0-9+.-]{0,30}:\/\/|(?:git|hg|svn|bzr)\+|file:)/i;
const ARCHIVE = /\.(?:whl|zip|tar\.(?:gz|bz2|xz|lzma|z)|tgz|tbz|txz|tlz|tar)$/i;

/** @returns undefined when the text is no requirement */
export function parseRequirement(line: string): Requirement | undefined {
  if (line.length > MAX_LINE) return undefined;
  const text = line.trim();
  if (URL_LIKE.test(text)) return located(text);
  if (/^(?:\.{1,2}(?:[/\\[]|$)|[/\\~]|[A-Za-z]:[/\\])/.test(text)) return located(text);
  const name = NAME.exec(text)?.[0];
  if (name === undefined) return undefined;
  let rest = text.slice(name.length).trimStart();
  // A bare path such as `libs/local` or a wheel beside the file.
  if (/^[/\\]/.test(rest) || (ARCHIVE.test(text.split(/[\s;]/, 1)[0] ?? '') && !/[=<>@]/.test(text)))
    return located(text);
  if (rest.startsWith('[')) {
    const end = rest.indexOf(']');
    if (end < 0 || !/^[A-Za-z0-9._,\s-]*$/.test(rest.slice(1, end))) return undefined;
    rest = rest.slice(end + 1).trimStart();
  }
  if (rest.startsWith('@')) {
    const target = rest.slice(1).trim();
    return target === '' ? undefined : { ...located(target), name };
  }
  const semicolon = rest.indexOf(';');
  const specifiers = (semicolon < 0 ? rest : rest.slice(0, semicolon)).trim().replace(/^\((.*)\)$/s, '$1');
  if (semicolon >= 0 && rest.slice(semicolon + 1).trim() === '') return undefined;
  const clauses = parseClauses(specifiers);
  return clauses === undefined ? undefined : { name, clauses, source: 'registry' };
}

function located(target: string): Requirement {
  const egg = /[#&]egg=([A-Za-z0-9._-]{1,214})/.exec(target)?.[1];
  const source = /^(?:git|hg|svn|bzr)\+/i.test(target) ? 'git' : URL_LIKE.test(target) ? 'url' : 'path';
  return { name: egg ?? '', clauses: [], source };
}

function parseClauses(text: string): Requirement['clauses'] | undefined {
  const clauses: Requirement['clauses'] = [];
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue;
    const match = /^(===|==|~=|!=|<=|>=|<|>)\s*([^\s,;()]{1,256})$/.exec(part);
    if (match === null) return undefined;
    const [, operator = '', version = ''] = match;
    if (operator !== '===' && !/^[A-Za-z0-9.!+*_-]+$/.test(version)) return undefined;
    clauses.push({ operator, version });
  }
  return clauses;
}

/** The one version that the clauses allow, whatever other clauses say. */
export function pinOf(clauses: Requirement['clauses']): string | undefined {
  return clauses.find((c) => c.operator === '===' || (c.operator === '==' && !c.version.endsWith('.*')))?.version;
}

export const rangeText = (clauses: Requirement['clauses']): string =>
  clauses.map((c) => c.operator + c.version).join(',');
