/** The file of accepted risks: read, checked whole, and every entry given its line. */
import { CORE_SCHEMA, load, YAMLException } from 'js-yaml';
import { z } from 'zod';
import { ActionError } from '../../runner/index.ts';
import { nearest, oneLine } from '../../text/index.ts';
import { ECOSYSTEMS } from '../types.ts';

/** The file as its users write it; the published JSON schema is made from this. */
const ignoreEntrySchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z]+-[A-Za-z0-9:._-]{1,60}$/, { error: 'is not an advisory id such as CVE-2024-35195' })
      .describe('Any id or alias of the vulnerability, such as CVE-2024-35195'),
    package: z.string().min(1).max(214).optional().describe('Only in this package'),
    ecosystem: z.enum(ECOSYSTEMS).optional(),
    version: z.string().min(1).max(256).optional().describe('Exact, or clauses such as ">=1,<2"; needs package'),
    path: z.string().min(1).max(500).optional().describe('A glob: only in files that it matches'),
    reason: z
      .string()
      .refine((text) => text.trim().length >= 15, { error: 'has less than 15 characters' })
      .meta({ minLength: 15, description: 'Why the risk is accepted' }),
    expires: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'is not a date such as 2027-03-31' })
      .describe('Valid through this day (UTC), at most 366 days ahead'),
  })
  // What the parser checks by hand, for those who read the published schema.
  .meta({ dependencies: { version: ['package'] } });
export const ignoreFileSchema = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }),
  ignore: z.array(ignoreEntrySchema).max(1000),
});

export type IgnoreEntry = z.output<typeof ignoreEntrySchema> & { line: number };

const DAY = 86_400;
const MAX_DAYS = 366;

/** Unix seconds at the end of that day, UTC; undefined for 2027-02-30 and the like. */
export function endOfDay(date: string): number | undefined {
  const start = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== date) return undefined;
  return start / 1000 + DAY;
}

/**
 * @param now unix seconds
 * @throws ActionError E_IGNORE_FILE with every problem, each with its line
 */
export function parseIgnoreFile(text: string, file: string, now: number): IgnoreEntry[] {
  const lines = entryLines(text);
  let data: unknown;
  try {
    data = load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    throw notYaml(file, error);
  }
  if (data === undefined || data === null) throw refuse(file, ['it is empty: it needs version and ignore'], 1);
  const parsed = ignoreFileSchema.safeParse(data);
  if (!parsed.success) {
    const first = parsed.error.issues.map((issue) => lineOf(issue.path, lines))[0];
    throw refuse(
      file,
      parsed.error.issues.map((issue) => describe(issue, lines)),
      first,
    );
  }
  const problems: string[] = [];
  parsed.data.ignore.forEach((entry, i) => {
    const end = endOfDay(entry.expires);
    const where = `line ${lines[i] ?? 1}: expires`;
    if (end === undefined) problems.push(`${where} ${entry.expires} is no day of the calendar`);
    else if (end - now > (MAX_DAYS + 1) * DAY) problems.push(`${where} is more than ${MAX_DAYS} days ahead`);
    if (entry.version !== undefined && entry.package === undefined) {
      problems.push(`line ${lines[i] ?? 1}: version needs package`);
    }
  });
  if (problems.length > 0) throw refuse(file, problems, undefined);
  return parsed.data.ignore.map((entry, i) => ({ ...entry, line: lines[i] ?? 1 }));
}

/** The parser's own message would quote the file. */
function notYaml(file: string, error: unknown): ActionError {
  const { reason, mark } = error instanceof YAMLException ? error : { reason: 'unreadable', mark: undefined };
  const line = (mark?.line ?? 0) + 1;
  return refuse(file, [`line ${line}: it is not YAML: ${oneLine(reason, 200)}`], line);
}

type Issue = z.core.$ZodIssue;

function lineOf(path: readonly PropertyKey[], lines: readonly number[]): number | undefined {
  return path[0] === 'ignore' && typeof path[1] === 'number' ? lines[path[1]] : undefined;
}

function describe(issue: Issue, lines: readonly number[]): string {
  const line = lineOf(issue.path, lines);
  const where = line === undefined ? '' : `line ${line}: `;
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 ? Object.keys(ignoreFileSchema.shape) : Object.keys(ignoreEntrySchema.shape);
    const key = issue.keys[0] ?? '';
    const near = nearest(key, known);
    return `${where}unknown key "${oneLine(key, 60)}"${near === undefined ? '' : `, did you mean "${near}"?`}`;
  }
  return `${where}${String(issue.path.at(-1) ?? 'the file')} ${issue.message}`;
}

/** Lines of the list items below `ignore:`: the n-th `- ` at the list's own indent belongs to the n-th entry. */
function entryLines(text: string): number[] {
  const found: number[] = [];
  let indent: number | undefined;
  let inside = false;
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^ignore\s*:/.test(line)) inside = true;
    else if (/^[A-Za-z]/.test(line)) inside = false;
    const dash = inside ? /^( *)-(?: |$)/.exec(line) : null;
    if (dash === null) continue;
    indent ??= dash[1]?.length ?? 0;
    if (dash[1]?.length === indent) found.push(i + 1);
  }
  return found;
}

function refuse(file: string, problems: readonly string[], line: number | undefined): ActionError {
  return new ActionError('E_IGNORE_FILE', {
    what: `ignore file ${file}`,
    why: problems.join('; '),
    fix: 'Correct it: an accepted risk needs id, reason and expires',
    at: { file, ...(line === undefined ? {} : { line }) },
  });
}
