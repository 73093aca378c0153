/** Requirements files with what they include: `-r` adds, `-c` only narrows what somebody requires. */
import { posix } from 'node:path';
import { normaliseName } from '../osv/names.ts';
import type { Dep, FileReport, Problem } from '../types.ts';
import type { ExtractContext, Unreadable } from './context.ts';
import { decodeText } from './decode.ts';
import { pinOf, rangeText } from './requirement.ts';
import {
  type Include,
  parseRequirementsFile,
  type RequirementLine,
  type RequirementsFile,
} from './requirements-file.ts';

interface Seen {
  file: string;
  parsed: RequirementsFile;
}

const FORMAT = 'requirements';

/**
 * @param files found or named requirements files; one that another includes is read there
 * @returns one report a file that was read, also of included ones; each line at most once
 */
export function extractRequirements(files: readonly string[], context: ExtractContext): FileReport[] {
  const ctx = readingOnce(context);
  const cache = new Map<string, RequirementsFile>();
  const reports = new Map<string, FileReport>();
  const said = new Set<string>();
  const parse = (file: string): RequirementsFile => {
    const known = cache.get(file);
    if (known !== undefined) return known;
    const parsed = readFile(file, ctx);
    cache.set(file, parsed);
    return parsed;
  };
  for (const file of rootsOf(files, parse)) {
    const closure = collect(file, parse, ctx);
    for (const { file: name, parsed } of [...closure.required, ...closure.constraints]) {
      if (!reports.has(name))
        reports.set(name, { file: name, format: FORMAT, status: 'read', deps: [], problems: [...parsed.problems] });
    }
    for (const problem of closure.problems) {
      const id = JSON.stringify([problem.file, problem.line, problem.message]);
      if (!said.has(id)) reports.get(problem.file ?? '')?.problems.push(problem);
      said.add(id);
    }
    for (const dep of depsOf(closure)) reports.get(dep.file)?.deps.push(dep);
  }
  return [...reports.values()].map((report) => finish(report, ctx));
}

/** A file may be included by thousands of lines. */
function readingOnce(ctx: ExtractContext): ExtractContext {
  const cache = new Map<string, ReturnType<ExtractContext['read']>>();
  const read: ExtractContext['read'] = (path) => {
    const known = cache.get(path) ?? ctx.read(path);
    cache.set(path, known);
    return known;
  };
  return { ...ctx, read };
}

function finish(report: FileReport, ctx: ExtractContext): FileReport {
  const seen = new Map<string, Dep>();
  for (const dep of report.deps) {
    const id = JSON.stringify([dep.line, dep.key, dep.version, dep.range, dep.source]);
    // Required by one root and only constrained in another: required.
    if (!seen.has(id) || seen.get(id)?.constraintOnly) seen.set(id, dep);
  }
  const deps = [...seen.values()].sort((a, b) => a.line - b.line);
  if (deps.length > ctx.limits.packagesPerFile) {
    const message = `more than ${ctx.limits.packagesPerFile} packages in one file`;
    return { ...report, status: 'failed', deps: [], problems: [{ code: 'E_LIMIT', message, file: report.file }] };
  }
  const failed = report.problems.some((p) => p.line === undefined);
  const status = report.problems.length === 0 ? 'read' : failed ? 'failed' : 'partial';
  return { ...report, status, deps };
}

// What nobody else includes; of a cycle the first file found. A file that was found is installed by somebody, also when others
// narrow by it: only one that calls itself constraints is read as nothing but that.
function rootsOf(files: readonly string[], parse: (file: string) => RequirementsFile): string[] {
  const covered = new Set<string>();
  const known = new Set(files);
  const cover = (from: string): void => {
    const todo = [from];
    for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
      for (const { kind, target } of parse(file).includes) {
        const path = resolve(file, target);
        if (path === undefined || path === from || covered.has(path)) continue;
        if (kind === 'constraint' && !/constraint/i.test(posix.basename(path))) continue;
        covered.add(path);
        if (known.has(path)) todo.push(path);
      }
    }
  };
  const roots: string[] = [];
  for (const file of files) {
    if (covered.has(file)) continue;
    cover(file);
    roots.push(file);
  }
  return roots.filter((file) => !covered.has(file));
}

interface Closure {
  required: Seen[];
  constraints: Seen[];
  problems: Problem[];
}

function collect(root: string, parse: (file: string) => RequirementsFile, ctx: ExtractContext): Closure {
  const closure: Closure = { required: [], constraints: [], problems: [] };
  const done = new Set<string>();
  const visit = (file: string, kind: Include['kind'], depth: number): void => {
    const id = `${kind}\0${file}`;
    if (done.has(id)) return;
    done.add(id);
    const parsed = parse(file);
    (kind === 'requirement' ? closure.required : closure.constraints).push({ file, parsed });
    for (const include of parsed.includes) {
      const problem = (message: string): void => {
        closure.problems.push({ code: 'E_INCLUDE', message, file, line: include.line });
      };
      const path = resolve(file, include.target);
      if (path === undefined) problem('the include is remote or outside of the workspace: it is not read');
      else if (depth >= ctx.limits.includeDepth || done.size >= ctx.limits.includes) problem('too many includes');
      else {
        const state = ctx.read(path);
        if (typeof state === 'string') problem(`the included file is ${WORDS[state]}`);
        // A constraints file may itself include: what it names is a constraint too.
        else visit(path, kind === 'constraint' ? 'constraint' : include.kind, depth + 1);
      }
    }
  };
  visit(root, 'requirement', 0);
  return closure;
}

const WORDS: Readonly<Record<Unreadable, string>> = {
  missing: 'not there',
  outside: 'outside of the workspace',
  'too-big': 'too big',
  'not-a-file': 'not a file',
};

/** Relative to the including file; undefined for what is remote, absolute or climbs out. */
function resolve(file: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target.startsWith('/') || target.includes('\\') || target.includes('\0')) {
    return undefined;
  }
  const path = posix.normalize(posix.join(posix.dirname(file), target));
  return path === '..' || path.startsWith('../') ? undefined : path;
}

function readFile(file: string, ctx: ExtractContext): RequirementsFile {
  const bytes = ctx.read(file);
  const failed = (code: Problem['code'], message: string): RequirementsFile => ({
    requirements: [],
    includes: [],
    problems: [{ code, message, file }],
  });
  if (typeof bytes === 'string')
    return failed(bytes === 'too-big' ? 'E_LIMIT' : 'E_UNREADABLE', `the file is ${WORDS[bytes]}`);
  const text = decodeText(bytes);
  return text === undefined
    ? failed('E_UNREADABLE', 'the file is not text in UTF-8, nor in the encoding it names')
    : parseRequirementsFile(text, file);
}

interface Placed extends RequirementLine {
  file: string;
  key: string;
}

function depsOf(closure: Closure): Dep[] {
  const place = ({ file, parsed }: Seen): Placed[] =>
    parsed.requirements.map((line) => ({ ...line, file, key: normaliseName('PyPI', line.name) }));
  const required = closure.required.flatMap(place);
  const constraints = closure.constraints.flatMap(place);
  const byKey = new Map<string, Placed[]>();
  for (const line of constraints) {
    if (line.source !== 'registry') continue;
    const same = byKey.get(line.key);
    if (same === undefined) byKey.set(line.key, [line]);
    else same.push(line);
  }
  const wanted = new Set(required.map((line) => line.key));
  return [
    ...required.flatMap((line) => {
      const open = line.source === 'registry' && pinOf(line.clauses) === undefined;
      const more = open ? (byKey.get(line.key) ?? []) : [];
      const pins = more.filter((c) => pinOf(c.clauses) !== undefined);
      if (pins.length > 0)
        return pins.map((pin) => depOf({ ...pin, via: line.via, ...(line.direct ? { direct: true } : {}) }));
      return [depOf({ ...line, clauses: [...line.clauses, ...more.flatMap((c) => c.clauses)] })];
    }),
    ...constraints
      .filter((line) => !wanted.has(line.key) && line.source === 'registry')
      .map((line): Dep => ({ ...depOf(line), constraintOnly: true })),
  ];
}

function depOf(line: Placed): Dep {
  const version = line.source === 'registry' ? pinOf(line.clauses) : undefined;
  const range = line.source === 'registry' && version === undefined ? rangeText(line.clauses) : undefined;
  return {
    eco: 'PyPI',
    name: line.name,
    key: line.key,
    ...(version === undefined ? {} : { version }),
    ...(range === undefined ? {} : { range }),
    file: line.file,
    line: line.line,
    endLine: line.endLine,
    exact: true,
    scope: 'unknown',
    ...(line.direct || line.via.length === 0 ? { direct: true } : {}),
    via: line.via.map((name) => normaliseName('PyPI', name)),
    source: line.source,
  };
}
