/** Options inside requirements files (pip, "Requirements File Format"). */

const WITH_VALUE = new Set([
  '-i',
  '--index-url',
  '--pypi-url',
  '--extra-index-url',
  '-f',
  '--find-links',
  '--no-binary',
  '--only-binary',
  '--trusted-host',
  '--use-feature',
  '--hash',
  '--global-option',
  '--install-option',
  '--config-settings',
  '--config-setting',
  '-C',
  '--uploaded-prior-to',
]);
const ALONE = new Set([
  '--no-index',
  '--pre',
  '--prefer-binary',
  '--require-hashes',
  '--use-pep517',
  '--no-use-pep517',
  '--always-unzip',
  '-Z',
]);
const TARGETS: Readonly<Record<string, 'requirement' | 'constraint' | 'editable'>> = {
  '-r': 'requirement',
  '--requirement': 'requirement',
  '-c': 'constraint',
  '--constraint': 'constraint',
  '-e': 'editable',
  '--editable': 'editable',
};

export interface Options {
  targets: { kind: 'requirement' | 'constraint' | 'editable'; value: string }[];
  unknown: boolean;
}

/** Splits `name==1 --hash=…` before its first option. */
export function splitOptions(text: string): { requirement: string; options: string } {
  const at = /(?:^|\s)--?[A-Za-z]/.exec(text);
  return at === null
    ? { requirement: text, options: '' }
    : { requirement: text.slice(0, at.index).trim(), options: text.slice(at.index).trim() };
}

/** Reads options with their values: `-r file`, `-rfile`, `--requirement=file`, quotes as in a shell. */
export function parseOptions(text: string): Options {
  const result: Options = { targets: [], unknown: false };
  const words = shellWords(text);
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    const { name, value } = splitWord(word);
    const takesValue = WITH_VALUE.has(name) || Object.hasOwn(TARGETS, name);
    if (!takesValue) {
      if (!ALONE.has(name) || value !== undefined) result.unknown = true;
      continue;
    }
    const given = value ?? words[++i];
    if (given === undefined || given === '') result.unknown = true;
    const kind = TARGETS[name];
    if (kind !== undefined && given !== undefined && given !== '') result.targets.push({ kind, value: given });
  }
  return result;
}

function splitWord(word: string): { name: string; value?: string } {
  if (word.startsWith('--')) {
    const at = word.indexOf('=');
    return at < 0 ? { name: word } : { name: word.slice(0, at), value: word.slice(at + 1) };
  }
  return word.length > 2 ? { name: word.slice(0, 2), value: word.slice(2).replace(/^=/, '') } : { name: word };
}

function shellWords(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*'|["'])+/g)) words.push(match[0].replace(/["']/g, ''));
  return words;
}
