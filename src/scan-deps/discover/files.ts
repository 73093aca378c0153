/** From the inputs to reports of every file: which files, what is in them, and what nobody here can read. */
import picomatch from 'picomatch';
import { inputError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import type { Extracted } from '../extract/context.ts';
import type { SingleFormat } from '../extract/index.ts';
import { extractRequirements } from '../extract/requirements.ts';
import type { FileReport, Notice } from '../types.ts';
import { formatOf, unreadOf } from './formats.ts';
import { isMember, membersOf } from './members.ts';
import { readOne } from './read.ts';
import { type Candidate, type Selection, selectFiles } from './select.ts';
import { noticesOf, unsupportedOf } from './unsupported.ts';
import type { Workspace } from './workspace.ts';

export interface Discovered {
  reports: FileReport[];
  unsupported: string[];
  notices: Notice[];
}

const ALWAYS_OUT = ['**/node_modules/**', '**/site-packages/**', '**/.venv/**', '**/venv/**'];

/** @throws ActionError E_INPUT for a path that is missing, outside, or a file of no known format */
export async function discover(
  paths: readonly string[],
  exclude: readonly string[],
  workspace: Workspace,
): Promise<Discovered> {
  const { named, folders } = locate(paths, workspace);
  const listing = await workspace.list(folders);
  const excluded = picomatch([...ALWAYS_OUT, ...exclude], { dot: true });
  const selection = selectFiles(listing, named, (file) => excluded(file));
  const [requirements, locks, manifests] = split(selection.scan);
  const read = (candidates: readonly Single[]): Promise<Extracted[]> => readAll(candidates, workspace, listing);
  const locked = await read(locks);
  // Which folders a lock higher up also locks is known when that has been read.
  const members = membersOf(locked);
  const open = openedBy(locked, selection);
  const ranges = await read(
    [...manifests, ...open.scan].filter(({ file, named: always }) => always || !isMember(file, members)),
  );
  const reports: Extracted[] = [...extractRequirements(requirements, workspace), ...locked, ...ranges];
  limitTotal(reports, workspace.limits.packages);
  const unsupported = unsupportedOf([...selection.unsupported, ...open.unsupported], members, workspace);
  const partly = ranges.filter((report) => report.unread !== undefined);
  return {
    reports: reports.map(({ memberNames: _names, unread: _unread, ...report }): FileReport => report),
    unsupported: [...unsupported, ...partly.map((report) => report.file)].sort(),
    notices: noticesOf(unsupported, partly),
  };
}

type Single = Candidate & { format: SingleFormat };

/**
 * A lock without any package, such as an empty yarn.lock that only marks a folder, says nothing about the manifest beside it:
 * what stands there is read after all.
 */
function openedBy(
  locked: readonly Extracted[],
  { governed }: Selection,
): { scan: Single[]; unsupported: Selection['unsupported'] } {
  const empty = new Set(
    locked
      .filter(({ status, deps, members = [] }) => status === 'read' && deps.length === 0 && members.length === 0)
      .map(({ file }) => file),
  );
  const files = [...governed].filter(([, lock]) => empty.has(lock)).map(([file]) => file);
  return {
    scan: files.flatMap((file): Single[] => {
      const format = formatOf(file);
      return format === undefined || format === 'requirements' ? [] : [{ file, format, named: false }];
    }),
    unsupported: files.flatMap((file) => {
      const kind = unreadOf(file);
      return kind === undefined ? [] : [{ file, kind }];
    }),
  };
}

function split(scan: readonly Candidate[]): [string[], Single[], Single[]] {
  const singles = scan.filter((one): one is Single => one.format !== 'requirements');
  const isManifest = ({ format }: Single): boolean => format === 'package-json' || format === 'pyproject';
  return [
    scan.filter((one) => one.format === 'requirements').map((one) => one.file),
    singles.filter((one) => !isManifest(one)),
    singles.filter(isManifest),
  ];
}

async function readAll(
  candidates: readonly Single[],
  workspace: Workspace,
  listing: readonly string[],
): Promise<Extracted[]> {
  const reports: Extracted[] = [];
  // One after the other: a lock may be large, and only one text is held at a time.
  for (const { file, format } of candidates) reports.push(await readOne(file, format, workspace, listing));
  return reports;
}

function limitTotal(reports: readonly FileReport[], most: number): void {
  const total = reports.reduce((sum, report) => sum + report.deps.length, 0);
  if (total <= most) return;
  for (const report of reports) report.deps = [];
  reports[0]?.problems.push({ code: 'E_LIMIT', message: `more than ${most} packages in all` });
}

function locate(paths: readonly string[], workspace: Workspace): { named: string[]; folders: string[] } {
  const named: string[] = [];
  const folders: string[] = [];
  const problems: { input: string; problem: string }[] = [];
  for (const path of paths) {
    const found = workspace.find(path);
    const say = (why: string): number => problems.push({ input: 'paths', problem: `"${oneLine(path, 120)}" ${why}` });
    if (found === 'missing') say('is not there');
    else if (found === 'outside') say('is outside of the workspace');
    else if (found.kind === 'folder') folders.push(found.path);
    else if (formatOf(found.path, true) === undefined) say('is of no format that this version reads');
    else named.push(found.path);
  }
  if (problems.length > 0) throw inputError(problems);
  return { named, folders };
}
