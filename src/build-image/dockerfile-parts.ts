/** Parts of a Dockerfile: stages, variables before the first FROM, flags that name images, features. */
import type { From, Instruction, ModifiableInstruction } from 'dockerfile-ast';
import { nameOf, parseRef } from '../oci/index.ts';
import type { Dockerfile } from './dockerfile.ts';
import { expand } from './expand.ts';

export interface Stage {
  from: From;
  name: string | undefined;
  image: string;
}

/** Offset of the first character of each line. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
  return starts;
}

/** The variables that a FROM may use. */
export function globalArgs(
  initial: readonly { getProperty(): { getName(): string; getValue(): string | null } | null }[],
  args: readonly (readonly [string, string])[],
  target: string,
  native: string,
): Map<string, string> {
  const known = new Map<string, string>();
  for (const [side, platform] of [
    ['BUILD', native],
    ['TARGET', target],
  ] as const) {
    const [os = '', arch = '', variant = ''] = platform.split('/');
    known.set(`${side}PLATFORM`, platform).set(`${side}OS`, os).set(`${side}ARCH`, arch).set(`${side}VARIANT`, variant);
  }
  const given = new Map(args);
  for (const arg of initial) {
    const property = arg.getProperty();
    if (property === null) continue;
    const name = property.getName();
    const value = given.get(name) ?? expand(property.getValue() ?? '', known);
    if (value !== undefined) known.set(name, value);
  }
  return known;
}

/** Names that an ARG line declares. */
export function argName(instruction: Instruction): string[] {
  return instruction.getArguments().map((a) => a.getValue().replace(/=.*$/s, ''));
}

/** Is there such a stage up to the given one? */
export function isStageName(stages: readonly Stage[], last: number, name: string): boolean {
  return stages.slice(0, last + 1).some((s) => s.name === name.toLowerCase());
}

/** The stage at the bottom of `FROM a AS b`, `FROM b AS c`. */
export function rootStage(stages: readonly Stage[], start: number, globals: ReadonlyMap<string, string>): number {
  let at = start;
  for (;;) {
    const name = expand(stages[at]?.image ?? '', globals)?.toLowerCase();
    const parent = stages.findLastIndex((s, i) => i < at && s.name !== undefined && s.name === name);
    if (parent < 0) return at;
    at = parent;
  }
}

export interface Token {
  text: string;
  at: { line: number; character: number };
}

/** The values of `--from=` and `--mount=…,from=`. */
export function fromTokens(instruction: ModifiableInstruction): Token[] {
  return instruction.getFlags().flatMap((flag): Token[] => {
    const range = flag.getValueRange();
    const value = flag.getValue();
    if (range === null || value === null) return [];
    if (flag.getName() === 'from') return [{ text: value, at: range.start }];
    if (flag.getName() !== 'mount') return [];
    const match = /(?:^|,)from=([^,]+)/.exec(value);
    if (match?.[1] === undefined) return [];
    const character = range.start.character + match.index + match[0].length - match[1].length;
    return [{ text: match[1], at: { line: range.start.line, character } }];
  });
}

/** What not every engine can do. */
export function features(instructions: readonly Instruction[]): Dockerfile['features'] {
  return instructions.flatMap((instruction) => {
    const keyword = instruction.getKeyword();
    if (!['COPY', 'ADD', 'RUN'].includes(keyword)) return [];
    const line = instruction.getRange().start.line + 1;
    const flags = (instruction as ModifiableInstruction).getFlags().map((f) => f.getName());
    const found: Dockerfile['features'] = [];
    if (/<<-?["']?[A-Za-z_]/.test(instruction.getRawArgumentsContent() ?? '')) found.push({ name: 'heredoc', line });
    if (flags.includes('link')) found.push({ name: 'link', line });
    if (flags.includes('mount')) found.push({ name: 'mount', line });
    return found;
  });
}

/** Does a reference name one of the build contexts, as BuildKit matches them: short, and without `:latest`? */
export function named(reference: string, contexts: readonly string[]): boolean {
  const short = (text: string): string => {
    const ref = parseRef(text);
    if (ref === undefined || ref.digest !== undefined) return text.toLowerCase();
    const name = nameOf(ref).replace(/^docker\.io\/(library\/)?/, '');
    return ref.tag === undefined || ref.tag === 'latest' ? name : `${name}:${ref.tag}`;
  };
  return contexts.some((context) => short(context) === short(reference));
}
