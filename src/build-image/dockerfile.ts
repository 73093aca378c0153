/** Which images a Dockerfile is built on, and the same file with them pinned. */
import { type Copy, DockerfileParser, type From, type Run } from 'dockerfile-ast';
import { type Digest, type ImageRef, nameOf, parseRef, sha256 } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import {
  argName,
  features,
  fromTokens,
  globalArgs,
  isStageName,
  lineStarts,
  named,
  rootStage,
  type Stage,
} from './dockerfile-parts.ts';
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
  /** With its variables; undefined like `ref`. */
  expanded: string | undefined;
  /** undefined: it depends on something that is only known to the engine, or differs between platforms. */
  ref: ImageRef | undefined;
  /** Set when it names different images on different platforms. */
  variants?: { platform: string; ref: ImageRef | undefined }[];
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
  /** `os/arch[/variant]`, at least one. */
  platforms: readonly string[];
  /** Platform of the machine that builds. */
  native: string;
  target: string;
  /** Names of build contexts: a reference of such a name is none to an image. */
  contexts: readonly string[];
}

/** What a reference becomes on each platform. */
type Values = readonly (string | undefined)[];

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
  const scopes = options.platforms.map((p) => globalArgs(parsed.getInitialARGs(), options.args, p, options.native));
  const globals = scopes[0] ?? new Map();
  const bases: BaseRef[] = [];
  const baseOfStage = new Map<number, number>();
  const add = (written: string, values: Values, start: number, line: number, syntax = false): void => {
    const refs = values.map((value) => (value === undefined ? undefined : parseRef(value)));
    const same = values.every((value) => value === values[0]);
    const place = { written, start, end: start + written.length, line: line + 1, syntax };
    if (same) bases.push({ ...place, expanded: values[0], ref: refs[0] });
    else {
      const variants = options.platforms.map((platform, i) => ({ platform, ref: refs[i] }));
      bases.push({ ...place, expanded: undefined, ref: undefined, variants });
    }
  };
  const isContext = (value: string | undefined): boolean => value !== undefined && named(value, options.contexts);
  const offset = (p: { line: number; character: number }): number => (starts[p.line] ?? 0) + p.character;

  const syntax = /^#[ \t]*syntax[ \t]*=[ \t]*(\S+)/im.exec(text.slice(0, text.search(/^(?!#)/m)));
  if (syntax?.[1] !== undefined)
    add(syntax[1], [syntax[1]], syntax.index + syntax[0].length - syntax[1].length, 0, true);

  let seen = -1;
  const isStage = (name: string): boolean =>
    stages.slice(0, seen + 1).some((s) => s.name === name.toLowerCase()) || /^\d+$/.test(name);
  for (const instruction of parsed.getInstructions()) {
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') {
      const from = instruction as From;
      const range = from.getImageRange();
      const written = from.getImage() ?? '';
      const values = scopes.map((scope) => expand(written, scope));
      const isNone = (value: string | undefined): boolean =>
        value !== undefined && (value === 'scratch' || isContext(value) || isStageName(stages, seen, value));
      const none = values.every(isNone);
      seen += 1;
      if (range === null || none) continue;
      baseOfStage.set(seen, bases.length);
      add(written, values, offset(range.start), range.start.line);
    } else if (keyword === 'COPY' || keyword === 'RUN') {
      for (const token of fromTokens(instruction as Copy | Run)) {
        if (isStage(token.text) || isContext(token.text)) continue;
        // Variables are not expanded here by any engine of today.
        const value = token.text.includes('$') ? undefined : token.text;
        add(token.text, [value], offset(token.at), token.at.line);
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
