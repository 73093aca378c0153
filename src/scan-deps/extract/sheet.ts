/** What one file's extractor collects: packages with their lines, problems, and the limits on both. */
import { normaliseName } from '../osv/names.ts';
import type { Dep, Ecosystem, Problem, Scope } from '../types.ts';
import type { ExtractContext, Extracted, Extractor } from './context.ts';

/** The file as a whole cannot be used. Caught by {@link extractor}; nothing else throws it through. */
export class Refusal extends Error {
  readonly code: Problem['code'];
  readonly line: number | undefined;

  constructor(message: string, line?: number, code: Problem['code'] = 'E_UNREADABLE') {
    super(message);
    this.code = code;
    this.line = line;
  }
}

export interface Draft {
  name: string;
  version?: string | undefined;
  range?: string | undefined;
  /** undefined: not found; the package then points at the start of the file and says so. */
  line: number | undefined;
  scope?: Scope;
  direct?: boolean | undefined;
  /** Names of parents. */
  via?: Iterable<string>;
  source?: Dep['source'];
}

export class Sheet {
  readonly deps: Dep[] = [];
  readonly problems: Problem[] = [];
  readonly members: string[] = [];
  readonly memberNames: string[] = [];
  unread: string | undefined;
  readonly file: string;
  readonly ctx: ExtractContext;
  readonly #eco: Ecosystem;

  constructor(eco: Ecosystem, file: string, ctx: ExtractContext) {
    this.#eco = eco;
    this.file = file;
    this.ctx = ctx;
  }

  /** @throws Refusal beyond the limit of packages */
  add(draft: Draft): void {
    if (this.deps.length >= this.ctx.limits.packagesPerFile) {
      const message = `more than ${this.ctx.limits.packagesPerFile} packages in one file`;
      throw new Refusal(message, undefined, 'E_LIMIT');
    }
    const { name, version, range, scope = 'unknown', direct, via = [], source = 'registry' } = draft;
    // Nobody can be asked about it, and no advisory names it: that would read as safe.
    if (name.trim() === '') {
      this.problem('a package without a name', draft.line);
      return;
    }
    const keys = new Set<string>();
    for (const parent of via) keys.add(normaliseName(this.#eco, parent));
    this.deps.push({
      eco: this.#eco,
      name,
      key: normaliseName(this.#eco, name),
      ...(version === undefined ? {} : { version }),
      ...(range === undefined ? {} : { range }),
      file: this.file,
      line: draft.line ?? 1,
      endLine: draft.line ?? 1,
      exact: draft.line !== undefined,
      scope,
      ...(direct === true ? { direct } : {}),
      via: [...keys].sort(),
      source,
    });
  }

  /** One entry or line that cannot be used. Its text is never quoted: it may be somebody's secret. */
  problem(message: string, line: number | undefined, code: Problem['code'] = 'E_UNREADABLE'): void {
    this.problems.push({ code, message, file: this.file, ...(line === undefined ? {} : { line }) });
  }
}

/** The frame of every extractor: a refusal is a failed file, a problem a partly read one. */
export function extractor(eco: Ecosystem, format: string, read: (text: string, sheet: Sheet) => void): Extractor {
  return (text, file, ctx): Extracted => {
    const sheet = new Sheet(eco, file, ctx);
    try {
      read(text, sheet);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { message, line, code } = error;
      const problem: Problem = { code, message, file, ...(line === undefined ? {} : { line }) };
      return { file, format, status: 'failed', deps: [], problems: [problem] };
    }
    const { deps, problems, members, memberNames, unread } = sheet;
    return {
      file,
      format,
      status: problems.length === 0 ? 'read' : 'partial',
      deps,
      problems,
      ...(members.length === 0 ? {} : { members }),
      ...(memberNames.length === 0 ? {} : { memberNames }),
      ...(unread === undefined ? {} : { unread }),
    };
  };
}

/** The major version of a lock format. A newer minor version is readable by the format's own rule, a newer major is not. */
export function majorOf(version: unknown): number | undefined {
  const found = /^(\d{1,4})(?:\.\d{1,4})*$/.exec(String(version ?? ''))?.[1];
  return found === undefined ? undefined : Number(found);
}
