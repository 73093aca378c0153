/** The log of a step: groups with their duration, plain lines, annotations. Nothing printed here can issue a workflow command. */
import { formatSeconds, manyLines, markdown, oneLine } from '../text/index.ts';
import { type Annotation, annotationCommand, capAnnotations, escapeData, type Level } from './annotations.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Place, WarningCode } from './errors.ts';

export type { Annotation, Level } from './annotations.ts';

export interface Log {
  debug(text: string): void;
  /** One or more plain lines. */
  info(text: string): void;
  /** Runs the body inside a folded group and prints how long it took, also when it throws. */
  group<T>(name: string, body: () => Promise<T>): Promise<T>;
  warning(code: WarningCode, text: string, at?: Place): void;
  /** The one final line with the result. */
  notice(text: string): void;
  /** Ranked and capped together: call it once for everything of one kind. */
  annotate(all: readonly Annotation[]): void;
  /** Masks a secret from here on, also each line of it that is at least 4 characters long. Empty: nothing. */
  mask(secret: string): void;
  /** The text without what is masked, also where the writers for Markdown have escaped it: the runner would not know it then. */
  hide(text: string): string;
}

/**
 * The log for a runner (GitHub's, act's, ours): workflow commands on standard output.
 * @param action prefix of notices and warnings
 */
export function actionsLog(action: string, write: (line: string) => void = writeLine, clock: Clock = systemClock): Log {
  const masked = new Set<string>();
  const hide = (text: string): string => {
    let result = text;
    for (const secret of masked)
      for (const form of new Set([secret, markdown.text(secret, secret.length * 8)]))
        result = result.split(form).join('***');
    return result;
  };
  // The runner takes `::` at the start of a line (blanks allowed) and the older `##[` anywhere in it for a command. A
  // zero-width space would be invisible in a copied log, so a visible mark is put in instead.
  const inert = (line: string): string => line.replace(/^(\s*)::/, '$1| ::').replace(/##\[/g, '## [');
  const print = (text: string): void => {
    for (const line of hide(manyLines(text)).split('\n')) write(inert(line));
  };
  const command = (a: Annotation): void => write(annotationCommand({ ...a, message: hide(a.message) }));
  return {
    hide,
    debug: (text) => write(`::debug::${escapeData(hide(oneLine(text)))}`),
    info: print,
    async group(name, body) {
      const start = clock.now();
      write(`::group::${escapeData(hide(oneLine(name, 200)))}`);
      try {
        return await body();
      } finally {
        print(`${oneLine(name, 200)}: ${formatSeconds(clock.now() - start)}`);
        write('::endgroup::');
      }
    },
    warning: (code, text, at) =>
      command({ level: 'warning', code, message: `${action}: ${text} [${code}]`, ...(at ? { at } : {}) }),
    notice: (text) => command({ level: 'notice', title: action, message: text }),
    annotate: (all) => capAnnotations(all).forEach(command),
    mask(secret) {
      for (const part of [secret, ...secret.split(/\r?\n/)]) {
        if (part.trim().length < (part === secret ? 1 : 4) || masked.has(part)) continue;
        masked.add(part);
        write(`::add-mask::${escapeData(part)}`);
      }
    },
  };
}

/** A log that remembers, for tests and for programs that judge in-process. */
export function memoryLog(): Log & {
  readonly lines: string[];
  readonly annotations: Annotation[];
  readonly masked: string[];
} {
  const lines: string[] = [];
  const annotations: Annotation[] = [];
  const masked: string[] = [];
  const add = (level: Level, message: string, extra: Partial<Annotation> = {}): void => {
    annotations.push({ level, message, ...extra });
  };
  return {
    lines,
    annotations,
    masked,
    hide: (text) => text,
    debug: () => {},
    info: (text) => lines.push(...manyLines(text).split('\n')),
    async group(name, body) {
      lines.push(name);
      return body();
    },
    warning: (code, text, at) => add('warning', text, { code, ...(at ? { at } : {}) }),
    notice: (text) => add('notice', text),
    annotate: (all) => annotations.push(...capAnnotations(all)),
    mask: (secret) => masked.push(secret),
  };
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
