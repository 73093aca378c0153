/**
 * Workflow commands in the output of a step, as the runner of GitHub reads them: `::name key=value,…::data` at the start of
 * a line (spaces before it are allowed), or the older `##[name key=value;…]data` anywhere in it. Names are case-blind.
 */
import type { AnnotationLevel, AnnotationRecord } from './types.ts';

export interface Command {
  name: string;
  properties: Readonly<Record<string, string>>;
  data: string;
}

/** What a step's commands change. Each step has its own reader, so a forgotten stop-commands ends with its step. */
export interface CommandEffects {
  annotate(annotation: AnnotationRecord): void;
  addMask(secret: string): void;
  setOutput(name: string, value: string): void;
  saveState(name: string, value: string): void;
  /** A command that must not be obeyed or cannot be read: the step fails. */
  fail(message: string): void;
  /** Writes a line to the log. */
  print(line: string): void;
}

const ANNOTATIONS: Readonly<Record<string, AnnotationLevel>> = { error: 'error', warning: 'warning', notice: 'notice' };
const STOP = 'stop-commands';
const KNOWN = new Set([
  ...Object.keys(ANNOTATIONS),
  STOP,
  'debug',
  'group',
  'endgroup',
  'echo',
  'add-mask',
  'add-matcher',
  'remove-matcher',
  'set-output',
  'save-state',
  'set-env',
  'add-path',
]);

/** Takes the lines of one step, one after the other. */
export class CommandReader {
  #stopToken: string | undefined;
  readonly #effects: CommandEffects;

  constructor(effects: CommandEffects) {
    this.#effects = effects;
  }

  line(text: string): void {
    const known = this.#stopToken === undefined ? KNOWN : new Set([...KNOWN, this.#stopToken.toLowerCase()]);
    const command = parseCommand(text, known);
    if (this.#stopToken !== undefined) {
      if (command?.name === this.#stopToken.toLowerCase()) this.#stopToken = undefined;
      this.#effects.print(text);
      return;
    }
    if (command === undefined) this.#effects.print(text);
    else this.#obey(command, text);
  }

  #obey({ name, properties, data }: Command, text: string): void {
    const level = ANNOTATIONS[name];
    if (level !== undefined) {
      this.#effects.print(`##[${level}]${data}`);
      this.#effects.annotate({ level, message: data, ...place(properties) });
      return;
    }
    switch (name) {
      case 'group':
      case 'endgroup':
      case 'debug':
        this.#effects.print(`##[${name}]${data}`);
        return;
      case 'add-mask':
        if (data.trim() === '') this.#effects.annotate({ level: 'warning', message: 'add-mask: nothing to mask' });
        else this.#effects.addMask(data);
        return;
      case STOP:
        this.#stop(data, text);
        return;
      case 'set-output':
      case 'save-state':
        this.#store(name, properties.name ?? '', data);
        return;
      case 'set-env':
      case 'add-path':
        this.#effects.fail(`The \`${name}\` command is disabled: write to the file in GITHUB_ENV or GITHUB_PATH`);
        return;
      default:
        // echo and problem matchers change only what is shown.
        this.#effects.print(text);
    }
  }

  #stop(token: string, text: string): void {
    this.#effects.print(text);
    if (token.trim() === '' || KNOWN.has(token.toLowerCase()) || token.toLowerCase() === 'pause-logging') {
      this.#effects.fail(`stop-commands needs a token that is no command: "${token}"`);
      return;
    }
    this.#stopToken = token;
  }

  #store(command: 'set-output' | 'save-state', name: string, value: string): void {
    if (name === '') {
      this.#effects.fail(`Required field 'name' is missing in ##[${command}] command`);
      return;
    }
    const file = command === 'set-output' ? 'GITHUB_OUTPUT' : 'GITHUB_STATE';
    this.#effects.annotate({ level: 'warning', message: `The \`${command}\` command is deprecated: write to ${file}` });
    if (command === 'set-output') this.#effects.setOutput(name, value);
    else this.#effects.saveState(name, value);
  }
}

/** The command in a line, or undefined. Only known names count. */
export function parseCommand(line: string, known: ReadonlySet<string> = KNOWN): Command | undefined {
  return parseNew(line.trimStart(), known) ?? parseOld(line, known);
}

function parseNew(line: string, known: ReadonlySet<string>): Command | undefined {
  if (!line.startsWith('::')) return undefined;
  const end = line.indexOf('::', 2);
  if (end < 0) return undefined;
  return build(line.slice(2, end), ',', line.slice(end + 2), known, { ':': '%3A', ',': '%2C' }, {});
}

function parseOld(line: string, known: ReadonlySet<string>): Command | undefined {
  const start = line.indexOf('##[');
  const end = start < 0 ? -1 : line.indexOf(']', start);
  if (end < 0) return undefined;
  const extra = { ';': '%3B', ']': '%5D' };
  return build(line.slice(start + 3, end), ';', line.slice(end + 1), known, extra, extra);
}

type Escapes = Readonly<Record<string, string>>;

function build(
  head: string,
  separator: string,
  data: string,
  known: ReadonlySet<string>,
  propertyEscapes: Escapes,
  dataEscapes: Escapes,
): Command | undefined {
  const space = head.indexOf(' ');
  const name = (space < 0 ? head : head.slice(0, space)).toLowerCase();
  if (!known.has(name)) return undefined;
  const properties: Record<string, string> = {};
  for (const part of space < 0
    ? []
    : head
        .slice(space + 1)
        .trim()
        .split(separator)) {
    const equals = part.indexOf('=');
    if (equals > 0) properties[part.slice(0, equals)] = unescapeText(part.slice(equals + 1), propertyEscapes);
  }
  return { name, properties, data: unescapeText(data, dataEscapes) };
}

/** `%25` last, or `%250A` would become a line break. */
function unescapeText(text: string, extra: Escapes): string {
  let plain = text.replaceAll('%0D', '\r').replaceAll('%0A', '\n');
  for (const [char, escaped] of Object.entries(extra)) plain = plain.replaceAll(escaped, char);
  return plain.replaceAll('%25', '%');
}

function place(properties: Readonly<Record<string, string>>): Omit<AnnotationRecord, 'level' | 'message'> {
  const number = (text: string | undefined): number | undefined =>
    text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  const found = {
    title: properties.title,
    file: properties.file,
    line: number(properties.line),
    endLine: number(properties.endLine),
    column: number(properties.col),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
