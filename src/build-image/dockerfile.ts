/** Which images a Dockerfile is built on, and the same file with them pinned. */
import {
  type Copy,
  DockerfileParser,
  type From,
  type Instruction,
  type ModifiableInstruction,
  type Run,
} from 'dockerfile-ast';
import { type Digest, type ImageRef, nameOf, parseRef, sha256 } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import { expand } from './expand.ts';

export interface Dockerfile {
  bytes: Buffer;
  text: string;
  digest: Digest;
  bases: BaseRef[];
  /** Index into `bases` of the final stage's base; undefined on scratch. */
  finalBase: number | undefined;
  instructions: { keyword: string; text: string; line: number }[];
  /** Names of what not every engine can do. */
  features: { name: 'heredoc' | 'link' | 'mount'; line: number }[];
  /** Build arguments that stand in ARG lines. */
  declaredArgs: Set<string>;
}

export interface BaseRef {
  /** As written, for messages. */
  written: string;
  /** undefined: it depends on something that is only known to the engine. */
  ref: ImageRef | undefined;
  /** Where the token stands, UTF-16 offsets. */
  start: number;
  end: number;
  /** From 1. */
  line: number;
  /** `# syntax=`: taken by the engine from the file itself. */
  syntax: boolean;
}

export interface DockerfileOptions {
  file: string;
  args: readonly (readonly [string, string])[];
  /** `os/arch[/variant]`. */
  platform: string;
  target: string;
}

interface Stage {
  from: From;
  name: string | undefined;
  image: string;
}

/** @throws ActionError E_DOCKERFILE: not UTF-8, no FROM, unknown target */
export function readDockerfile(bytes: Buffer, options: DockerfileOptions): Dockerfile {
  const { file, target } = options;
  const bad = (why: string, fix: string): ActionError =>
    new ActionError('E_DOCKERFILE', { what: file, why, fix, at: { file } });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad('it is not UTF-8', 'Save it as UTF-8');
  }
  const parsed = DockerfileParser.parse(text);
  const starts = lineStarts(text);
  const stages = parsed.getFROMs().map(
    (from): Stage => ({
      from,
      name: from.getBuildStage()?.toLowerCase() ?? undefined,
      image: from.getImage() ?? '',
    }),
  );
  if (stages.length === 0) throw bad('it has no FROM', 'Start it with FROM and a base image');
  const wanted = target === '' ? stages.length - 1 : stages.findIndex((s) => s.name === target.toLowerCase());
  if (wanted < 0) {
    const near = nearest(
      target,
      stages.flatMap((s) => s.name ?? []),
    );
    throw bad(
      `it has no stage ${oneLine(target, 80)}`,
      near === undefined ? 'Correct the input target' : `Did you mean ${near}?`,
    );
  }
  const globals = globalArgs(parsed.getInitialARGs(), options);
  const bases: BaseRef[] = [];
  const baseOfStage = new Map<number, number>();
  const add = (written: string, value: string | undefined, start: number, line: number, syntax = false): void => {
    const ref = value === undefined ? undefined : parseRef(value);
    bases.push({ written, ref, start, end: start + written.length, line: line + 1, syntax });
  };
  const offset = (p: { line: number; character: number }): number => (starts[p.line] ?? 0) + p.character;

  const syntax = /^#[ \t]*syntax[ \t]*=[ \t]*(\S+)/im.exec(text.slice(0, text.search(/^(?!#)/m)));
  if (syntax?.[1] !== undefined) add(syntax[1], syntax[1], syntax.index + syntax[0].length - syntax[1].length, 0, true);

  let seen = -1;
  const isStage = (name: string): boolean =>
    stages.slice(0, seen + 1).some((s) => s.name === name.toLowerCase()) || /^\d+$/.test(name);
  for (const instruction of parsed.getInstructions()) {
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') {
      const from = instruction as From;
      const range = from.getImageRange();
      const written = from.getImage() ?? '';
      const value = expand(written, globals);
      const known = value !== undefined && isStageName(stages, seen, value);
      seen += 1;
      if (range === null || known || value === 'scratch') continue;
      baseOfStage.set(seen, bases.length);
      add(written, value, offset(range.start), range.start.line);
    } else if (keyword === 'COPY' || keyword === 'RUN') {
      for (const token of fromTokens(instruction as Copy | Run)) {
        if (isStage(token.text)) continue;
        // Variables are not expanded here by any engine of today.
        const value = token.text.includes('$') ? undefined : token.text;
        add(token.text, value, offset(token.at), token.at.line);
      }
    }
  }
  return {
    bytes,
    text,
    digest: sha256(bytes),
    bases,
    finalBase: baseOfStage.get(rootStage(stages, wanted, globals)),
    instructions: parsed.getInstructions().map((i) => ({
      keyword: i.getKeyword(),
      text: i.toString(),
      line: i.getRange().start.line + 1,
    })),
    features: features(parsed.getInstructions()),
    declaredArgs: new Set(
      parsed
        .getInstructions()
        .filter((i) => i.getKeyword() === 'ARG')
        .flatMap(argName),
    ),
  };
}

/**
 * The file with each given base replaced by `name@digest`. Only those bytes change, so line numbers stay.
 * @param pins by index of `bases`
 */
export function pinBases(file: Dockerfile, pins: ReadonlyMap<number, Digest>): Buffer {
  let text = file.text;
  const tokens = [...pins].map(([index, digest]) => ({ base: file.bases[index], digest }));
  tokens.sort((a, b) => (b.base?.start ?? 0) - (a.base?.start ?? 0));
  for (const { base, digest } of tokens) {
    if (base?.ref === undefined || base.syntax) continue;
    text = `${text.slice(0, base.start)}${nameOf(base.ref)}@${digest}${text.slice(base.end)}`;
  }
  return Buffer.from(text, 'utf8');
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
  return starts;
}

function globalArgs(
  initial: readonly { getProperty(): { getName(): string; getValue(): string | null } | null }[],
  { args, platform }: DockerfileOptions,
): Map<string, string> {
  const [os = '', arch = '', variant = ''] = platform.split('/');
  const known = new Map<string, string>();
  for (const side of ['BUILD', 'TARGET']) {
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

function argName(instruction: Instruction): string[] {
  return instruction.getArguments().map((a) => a.getValue().replace(/=.*$/s, ''));
}

function isStageName(stages: readonly Stage[], last: number, name: string): boolean {
  return stages.slice(0, last + 1).some((s) => s.name === name.toLowerCase());
}

// The stage at the bottom of `FROM a AS b`, `FROM b AS c`.
function rootStage(stages: readonly Stage[], start: number, globals: ReadonlyMap<string, string>): number {
  let at = start;
  for (;;) {
    const name = expand(stages[at]?.image ?? '', globals)?.toLowerCase();
    const parent = stages.findLastIndex((s, i) => i < at && s.name !== undefined && s.name === name);
    if (parent < 0) return at;
    at = parent;
  }
}

interface Token {
  text: string;
  at: { line: number; character: number };
}

function fromTokens(instruction: ModifiableInstruction): Token[] {
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

function features(instructions: readonly Instruction[]): Dockerfile['features'] {
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
