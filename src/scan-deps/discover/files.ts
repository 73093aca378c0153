/** From the inputs to reports of every file: which files, what is in them, and what nobody here can read. */
import picomatch from 'picomatch';
import { inputError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { extractPackageLock } from '../extract/package-lock.ts';
import { extractRequirements } from '../extract/requirements.ts';
import type { FileReport, Notice, Problem } from '../types.ts';
import { declaresPackages, formatOf } from './formats.ts';
import { type Selection, selectFiles } from './select.ts';
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
  const requirements = selection.scan.filter((c) => c.format === 'requirements').map((c) => c.file);
  const locks = selection.scan.filter((c) => c.format === 'package-lock').map((c) => readLock(c.file, workspace));
  const reports = [...extractRequirements(requirements, workspace), ...locks];
  const total = reports.reduce((sum, report) => sum + report.deps.length, 0);
  if (total > workspace.limits.packages) {
    const message = `more than ${workspace.limits.packages} packages in all`;
    for (const report of reports) report.deps = [];
    reports[0]?.problems.push({ code: 'E_LIMIT', message });
  }
  return { reports, ...unread(selection, locks, workspace) };
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

function readLock(file: string, workspace: Workspace): FileReport {
  const failed = (code: Problem['code'], message: string): FileReport => {
    return { file, format: 'package-lock', status: 'failed', deps: [], problems: [{ code, message, file }] };
  };
  const bytes = workspace.read(file);
  if (bytes === 'too-big') return failed('E_LIMIT', `it is larger than ${workspace.limits.fileBytes} bytes`);
  if (typeof bytes === 'string')
    return failed('E_UNREADABLE', `it is ${bytes === 'missing' ? 'not there' : 'no file of the workspace'}`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return extractPackageLock(text, file, workspace);
  } catch {
    return failed('E_UNREADABLE', 'it is not UTF-8');
  }
}

// Silence about a known manifest would read as safety.
function unread(selection: Selection, locks: readonly FileReport[], workspace: Workspace): Omit<Discovered, 'reports'> {
  const members = new Set(
    locks.flatMap((lock) => {
      const folder = lock.file.includes('/') ? lock.file.slice(0, lock.file.lastIndexOf('/') + 1) : '';
      return (lock.members ?? []).map((member) => `${folder}${member}/package.json`);
    }),
  );
  const unsupported = selection.unsupported
    .filter((one) => !members.has(one.file))
    .filter((one) => !one.manifest || declares(one.file, workspace))
    .map((one) => one.file);
  const notices = unsupported.map(
    (file): Notice => ({
      code: 'W_UNSUPPORTED',
      message:
        'this version cannot read this file: its packages were not judged. A requirements.txt or package-lock.json is read',
      file,
    }),
  );
  return { unsupported, notices };
}

function declares(file: string, workspace: Workspace): boolean {
  const bytes = workspace.read(file);
  if (typeof bytes === 'string') return bytes !== 'missing';
  return declaresPackages(file, Buffer.from(bytes).toString('utf8'));
}
