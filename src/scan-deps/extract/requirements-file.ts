/** One requirements file by itself: requirements, includes, problems. What includes mean is the matter of requirements.ts. */
import type { Problem } from '../types.ts';
import { type LogicalLine, logicalLines } from './logical-lines.ts';
import { parseRequirement, type Requirement } from './requirement.ts';
import { parseOptions, splitOptions } from './requirement-options.ts';

export interface RequirementLine extends Requirement {
  line: number;
  endLine: number;
  via: string[];
  direct?: true;
}

export interface Include {
  kind: 'requirement' | 'constraint';
  target: string;
  line: number;
}

export interface RequirementsFile {
  requirements: RequirementLine[];
  includes: Include[];
  problems: Problem[];
}

/** Never throws for bad content; the text of a bad line is never quoted, it may be somebody's secret. */
export function parseRequirementsFile(text: string, file: string): RequirementsFile {
  const result: RequirementsFile = { requirements: [], includes: [], problems: [] };
  const via = new ViaComments();
  for (const logical of logicalLines(text)) {
    if (logical.text === '') {
      via.comment(logical.comment);
      continue;
    }
    const requirement = readLine(logical, file, result);
    via.begin(requirement, logical.comment);
  }
  return result;
}

function readLine(logical: LogicalLine, file: string, result: RequirementsFile): RequirementLine | undefined {
  const { line, endLine } = logical;
  const problem = (code: Problem['code'], message: string): void => {
    result.problems.push({ code, message, file, line });
  };
  const { requirement, options } = splitOptions(logical.text);
  const parsedOptions = parseOptions(options);
  if (parsedOptions.unknown) problem('E_UNREADABLE', 'this line has an option that no requirements file has');
  for (const { kind, value } of parsedOptions.targets) {
    if (kind !== 'editable') result.includes.push({ kind, target: value, line });
    else result.requirements.push({ ...located(value), line, endLine, via: [] });
  }
  if (requirement === '') return undefined;
  if (/\$\{[A-Z0-9_]+\}/.test(requirement) && !/:\/\//.test(requirement)) {
    problem(
      'E_UNJUDGED',
      'this line takes its requirement from an environment variable: its version is not known here',
    );
    return undefined;
  }
  const parsed = parseRequirement(requirement);
  if (parsed === undefined) {
    problem('E_UNREADABLE', 'this line is neither a requirement (PEP 508) nor an option');
    return undefined;
  }
  const entry: RequirementLine = { ...parsed, line, endLine, via: [] };
  result.requirements.push(entry);
  return entry;
}

function located(value: string): Requirement {
  const parsed = parseRequirement(value);
  return parsed !== undefined && parsed.source !== 'registry' ? parsed : { name: '', clauses: [], source: 'path' };
}

/** pip-compile's comments: `# via a, b`, or `# via` with one name a line below it. */
class ViaComments {
  #current: RequirementLine | undefined;
  #open = false;

  begin(requirement: RequirementLine | undefined, comment: string | undefined): void {
    this.#current = requirement;
    this.#open = false;
    if (comment !== undefined) this.comment(comment);
  }

  comment(text: string | undefined): void {
    if (text === undefined || this.#current === undefined) {
      this.#current = undefined;
      return;
    }
    const names = /^\s*via(?:\s|$)(.*)$/.exec(text)?.[1];
    // A name below `# via` stands further in; any other comment ends the list.
    if (names === undefined && !/^\s{2,}\S/.test(text)) this.#open = false;
    if (names === undefined && !this.#open) return;
    this.#open = true;
    for (const name of (names ?? text).split(',').map((part) => part.trim())) {
      if (name === '') continue;
      if (/^-[rc]\s/.test(name) || name.includes('(')) {
        if (name.startsWith('-r') || name.includes('(')) this.#current.direct = true;
      } else if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,213}(\[[^\]]{0,200}\])?$/.test(name)) {
        this.#current.via.push(name.replace(/\[.*$/, ''));
      }
    }
  }
}
