/** go.mod: what it requires after its replacements, and the standard library of its toolchain. */
import { extractor, type Sheet } from './sheet.ts';

/** Verbs that name no module to be built with. */
const OTHER = new Set(['module', 'exclude', 'retract', 'tool', 'godebug', 'ignore']);
const MAX_LINE = 10_000;

interface Line {
  verb: string;
  words: string[];
  indirect: boolean;
  line: number;
}

interface Target {
  name: string;
  version: string | undefined;
  line: number;
}

export const extractGoMod = extractor('Go', 'go-mod', (text, sheet) => {
  const lines = readLines(text, sheet);
  const replaced = new Map<string, Target>();
  for (const { verb, words, line } of lines) {
    if (verb !== 'replace') continue;
    const arrow = words.indexOf('=>');
    const [name, version] = words.slice(0, Math.max(arrow, 0));
    const [target, targetVersion] = words.slice(arrow + 1);
    if (arrow < 1 || name === undefined || target === undefined)
      sheet.problem('a replacement that cannot be read', line);
    else replaced.set(idOf(name, version), { name: target, version: targetVersion, line });
  }
  for (const { verb, words, indirect, line } of lines) {
    if (verb !== 'require') continue;
    const [name, version] = words;
    if (name === undefined || version === undefined) {
      sheet.problem('a requirement without a version', line);
      continue;
    }
    const target = replaced.get(idOf(name, version)) ?? replaced.get(idOf(name, undefined));
    const direct = !indirect;
    if (target === undefined) sheet.add({ name, version: bare(version), line, direct });
    else if (target.version === undefined) sheet.add({ name, line: target.line, direct, source: 'path' });
    else sheet.add({ name: target.name, version: bare(target.version), line: target.line, direct });
  }
  addStandardLibrary(lines, sheet);
});

const idOf = (name: string, version: string | undefined): string => `${name} ${version ?? ''}`;
/** Advisories write versions of Go without the `v`. */
const bare = (version: string): string => version.replace(/^v/, '');

// A toolchain line is at least as new as the go line. Any newer one may build it, so it is a lower bound.
function addStandardLibrary(lines: readonly Line[], sheet: Sheet): void {
  const toolchain = lines.find(({ verb, words }) => verb === 'toolchain' && words[0] !== 'default');
  const chosen = toolchain ?? lines.find(({ verb }) => verb === 'go');
  if (chosen === undefined) return;
  const version = /^(?:go)?(\d{1,4}(?:\.\d{1,4}){0,2})((?:alpha|beta|rc)\d{1,4})?(?:[-+ ].{0,200})?$/.exec(
    chosen.words[0] ?? '',
  );
  if (version === null) {
    sheet.problem('a version of Go that cannot be read', chosen.line);
    return;
  }
  const [, number = '', pre] = version;
  // 1.21rc2 is written 1.21.0-rc.2 in advisories.
  const full = number.split('.').length < 3 ? `${number}.0` : number;
  const range = pre === undefined ? `>=${number}` : `>=${full}-${pre.replace(/^([a-z]+)/, '$1.')}`;
  sheet.add({ name: 'stdlib', range, line: chosen.line, direct: true });
}

function readLines(text: string, sheet: Sheet): Line[] {
  const result: Line[] = [];
  let block: string | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1;
    if (raw.length > MAX_LINE) {
      sheet.problem('a line is too long', line);
      continue;
    }
    const comment = raw.indexOf('//');
    const words = wordsOf(comment < 0 ? raw : raw.slice(0, comment));
    const indirect = comment >= 0 && /^\/\/\s*indirect\b/.test(raw.slice(comment));
    if (words.length === 0) continue;
    if (block !== undefined) {
      if (words[0] === ')') block = undefined;
      else result.push({ verb: block, words, indirect, line });
      continue;
    }
    const verb = words.shift() ?? '';
    if (!OTHER.has(verb) && !['require', 'replace', 'go', 'toolchain'].includes(verb)) {
      sheet.problem('a line that no go.mod has', line);
    } else if (words.at(-1) === '(') block = verb;
    else result.push({ verb, words, indirect, line });
  }
  if (block !== undefined) sheet.problem('a block without its end', undefined);
  return result;
}

function wordsOf(text: string): string[] {
  return text
    .replace(/([()])/g, ' $1 ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/^(["`])(.*)\1$/, '$2'));
}
